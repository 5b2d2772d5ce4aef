"""Front ends by name: audio → features."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import joblib
import scipy
import soundfile
import speechbrain
import torch
import torchaudio
from speechbrain.lobes.features import MFCC, Fbank
from torch import nn

from softlabels.features import audio
from softlabels.features.acoustic47 import Acoustic47
from softlabels.features.wav import SAMPLE_RATE
from softlabels.registry import Registry

BUILT_IN = ("acoustic47", "fbank", "fbank80", "mfcc")
FRONT_ENDS = Registry("front end", group="softlabels.frontends")
LIBRARIES = (scipy, soundfile, speechbrain, torch, torchaudio)  # that compute features
_LIBRARY_NAMES = {package.__name__ for package in LIBRARIES}
FrontEnd = TypeVar("FrontEnd", bound=Callable[[], nn.Module])


def register_front_end(name: str) -> Callable[[FrontEnd], FrontEnd]:
    """Return a decorator that makes a front end available under a name.

    It decorates a function, or a class, that without arguments builds a module: audio [B, N] at
    16 kHz → features [B, T, F]. Other distributions name theirs in the entry-point group
    ``softlabels.frontends``. Only networks on a built-in one have a model folder that
    `SoftLabelClassifier` loads, for it runs no code that a folder asks for.

    Arguments
    ---------
    name : str
        A name that isn't taken.

    Raises
    ------
    ValueError
        If another front end has that name.

    Example
    -------
    >>> @register_front_end("energy")
    ... class Energy(nn.Module):
    ...     def forward(self, wavs):
    ...         return wavs.unfold(1, 400, 160).square().mean(dim=2, keepdim=True)
    >>> get_front_end("energy")(torch.zeros(1, 16000)).shape
    torch.Size([1, 98, 1])
    >>> _ = FRONT_ENDS._registered.pop("energy")  # leave no trace in other examples
    """
    return FRONT_ENDS.register(name)


@register_front_end("acoustic47")
def acoustic47() -> nn.Module:
    """Build the paper's 47 features."""
    return Acoustic47(sample_rate=SAMPLE_RATE)


@register_front_end("fbank")
def fbank() -> nn.Module:
    """Build 40 log mel energies with differences."""
    return Fbank(sample_rate=SAMPLE_RATE, deltas=True)


@register_front_end("fbank80")
def fbank80() -> nn.Module:
    """Build 80 log mel energies."""
    return Fbank(sample_rate=SAMPLE_RATE, n_mels=80)


@register_front_end("mfcc")
def mfcc() -> nn.Module:
    """Build 20 cepstral coefficients with differences."""
    return MFCC(sample_rate=SAMPLE_RATE, deltas=True, context=False)


def get_front_end(name: str) -> nn.Module:
    """Build a front end: audio [B, N] at 16 kHz → features [B, T, F].

    Arguments
    ---------
    name : str
        'acoustic47' (the paper's 47 features), 'fbank' (40 log mel energies with
        differences), 'fbank80' (80 of them alone), 'mfcc' (20 cepstral coefficients with
        differences), all of 100 frames a second, or one that was registered.

    Raises
    ------
    ValueError
        If the name is unknown.

    Example
    -------
    >>> get_front_end("fbank")(torch.zeros(1, 16000)).shape
    torch.Size([1, 101, 120])
    """
    front_end: nn.Module = FRONT_ENDS.get(name)()
    return front_end


def features_of(front_end: nn.Module, wavs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Compute some clips' features: each its own, whatever the others are.

    Arguments
    ---------
    front_end : torch.nn.Module
        Audio [1, N] → features [1, T, F]. One with a method ``each``, as `Acoustic47` has it,
        is given all clips at once.
    wavs : sequence of torch.Tensor
        Each [N] at 16 kHz, of similar N for speed.

    Returns
    -------
    features : list of torch.Tensor
        Each [T, F].

    Example
    -------
    >>> [each.shape for each in features_of(get_front_end("mfcc"), [torch.zeros(16000)])]
    [torch.Size([101, 60])]
    """
    each = getattr(front_end, "each", None)
    if each is None or not wavs:
        return [front_end(wav[None])[0] for wav in wavs]
    features: list[torch.Tensor] = each(wavs)
    return features


def feature_size(front_end: nn.Module) -> int:
    """Return how many features a front end gives for each frame.

    Arguments
    ---------
    front_end : torch.nn.Module
        Audio [B, N] → features [B, T, F]. One with an attribute ``size`` isn't run.

    Returns
    -------
    size : int
        F.

    Example
    -------
    >>> feature_size(get_front_end("mfcc"))
    60
    """
    size: int | None = getattr(front_end, "size", None)
    if size is not None:
        return size
    with torch.no_grad():
        return int(front_end(torch.zeros(1, SAMPLE_RATE)).shape[-1])


def front_end_fingerprint(front_end: nn.Module) -> str:
    """Digest all that shapes a front end's features.

    These are, for it and each module in it: the version of its code, its public attributes
    and its tensors; how audio is read; and the versions of the libraries that compute. The
    version of a class is its attribute ``VERSION``, which is raised by hand when its numbers
    change. A class without one is digested as source text, so that no change is missed.

    Returns
    -------
    fingerprint : str
        16 hexadecimal digits.

    Example
    -------
    >>> front_end_fingerprint(Fbank(n_mels=40)) == front_end_fingerprint(Fbank(n_mels=80))
    False
    """
    digest = hashlib.sha256()
    versions = {package.__name__: package.__version__ for package in LIBRARIES}
    digest.update(json.dumps({**versions, "audio": audio.VERSION}, sort_keys=True).encode())
    for name, module in front_end.named_modules():
        digest.update(f"{name} {_code(type(module))} {_settings(module)}".encode())
        for key, tensor in [
            *module.named_buffers(recurse=False),
            *module.named_parameters(recurse=False),
        ]:
            digest.update(key.encode() + tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


def _code(kind: type[nn.Module]) -> list[str]:
    """Return what identifies the code of a class and its bases, without the libraries'."""
    code = []
    for each in kind.__mro__:
        if each.__module__.partition(".")[0] not in {"builtins", *_LIBRARY_NAMES}:
            version = vars(each).get("VERSION")
            source = inspect.getmodule(each) or each
            code.append(str(inspect.getsource(source) if version is None else version))
    return [kind.__qualname__, *code]


def _settings(module: nn.Module) -> dict[str, str]:
    """A module's own attributes as digests, but private ones: SpeechBrain's change as it works."""
    of_any = vars(nn.Module())
    return {
        key: _digest(value)
        for key, value in sorted(vars(module).items())
        if key not in of_any and not key.startswith("_")
    }


def _digest(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().numpy()
    try:
        return str(joblib.hash(value))
    except Exception:  # joblib pickles it; what can't be pickled is mostly a function
        return str(getattr(value, "__qualname__", type(value).__qualname__))
