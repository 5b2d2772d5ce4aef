"""Loading a model folder from anybody: nothing in it is run, and what doesn't fit is refused."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import nn

from softlabels.features.frontends import feature_size
from softlabels.inference.precision import single_precision
from softlabels.inference.settings import ModelSettings

SETTINGS_FILE, WEIGHTS_FILE = "settings.json", "model.safetensors"
DIGESTS_FILE = "digests.json"
LARGEST_SETTINGS = LARGEST_HEADER = 1 << 20


class UnsafeModelError(ValueError):
    """A model folder is refused; the message has the reason."""


def load_model(
    folder: str | os.PathLike[str], pretrained: str | os.PathLike[str] | None = None
) -> tuple[ModelSettings, nn.ModuleDict, nn.Module]:
    """Load a model folder's settings, network and front end.

    Three files are read, `SETTINGS_FILE`, `WEIGHTS_FILE` and, where it is there, `DIGESTS_FILE`
    with the SHA-256 of the other two, and the pretrained encoder where the folder has one;
    whatever else the folder holds is ignored. No file is followed out of the folder, and none of
    the three is read that is larger than what the settings, themselves checked, ask for. Nothing
    is downloaded but what ``pretrained`` names.

    Arguments
    ---------
    folder : str or os.PathLike
        What a training left.
    pretrained : str or os.PathLike, optional
        Where the pretrained encoder is, if it isn't where the settings have it.

    Returns
    -------
    settings : ModelSettings
        The settings.
    network : torch.nn.ModuleDict
        ``mean_var_norm``, ``embedding_model`` and ``classifier``, for inference.
    front_end : torch.nn.Module
        Audio [B, N] at 16 kHz → features [B, T, F].

    Raises
    ------
    UnsafeModelError
        If a file is missing, is a link or not a plain file, or holds other than it must.
    """
    text = _read(Path(folder, SETTINGS_FILE), LARGEST_SETTINGS)
    contents = {SETTINGS_FILE: text}
    try:
        settings = ModelSettings.from_json(text.decode())
    except ValueError as error:
        raise UnsafeModelError(f"{Path(folder, SETTINGS_FILE)}: {error}") from error
    try:
        front_end = settings.front_end(folder, pretrained)
        with single_precision():
            network = settings.build(feature_size(front_end))
    except ValueError as error:
        raise UnsafeModelError(f"{folder}: {error}") from error
    file = Path(folder, WEIGHTS_FILE)
    expected = network.state_dict()
    size = sum(tensor.numel() * tensor.element_size() for tensor in expected.values())
    contents[WEIGHTS_FILE] = _read(file, size + LARGEST_HEADER)
    try:
        weights = load(contents[WEIGHTS_FILE])
    except (SafetensorError, KeyError) as error:  # KeyError: a type that torch lacks
        raise UnsafeModelError(f"{file}: isn't a safetensors file ({error})") from error
    _check(weights, expected, file)
    _check_digests(Path(folder), contents)
    network.load_state_dict(weights, assign=True)
    return settings, network.eval().requires_grad_(False), front_end


def _check_digests(folder: Path, contents: dict[str, bytes]) -> None:
    """Refuse files whose bytes aren't those that were written: their damage may show nowhere."""
    if not os.path.lexists(folder / DIGESTS_FILE):
        return
    text = _read(folder / DIGESTS_FILE, LARGEST_SETTINGS)
    try:
        digests = json.loads(text)["sha256"]
        expected = {name: digests[name] for name in contents}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UnsafeModelError(f"{folder / DIGESTS_FILE}: isn't a list of digests") from error
    for name, data in contents.items():
        if hashlib.sha256(data).hexdigest() != expected[name]:
            raise UnsafeModelError(
                f"{folder / name}: is damaged, its bytes are not those that were written; run the "
                "training's command again to write the model anew, or copy the folder again"
            )


def _read(file: Path, largest: int) -> bytes:
    """Read a plain file of limited size; a link is not followed, a pipe not waited for."""
    try:
        with open(file, "rb", opener=_opener) as opened:
            status = os.fstat(opened.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UnsafeModelError(f"{file}: isn't a plain file")
            if status.st_size > largest:
                raise UnsafeModelError(
                    f"{file}: has {status.st_size} bytes; at most {largest} can fit"
                )
            return opened.read(largest)
    except OSError as error:
        why = " (it is a link, and may lead anywhere)" if os.path.islink(file) else ""
        if isinstance(error, FileNotFoundError) and file.name == SETTINGS_FILE:
            why = "; EncoderClassifier loads networks that softlabels doesn't know"
            if os.path.isdir(file.parent / "model"):
                why = f"; the model is {file.parent / 'model'}"
        raise UnsafeModelError(f"{file}: can't be read: {error.strerror}{why}") from error


def _opener(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _check(weights: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], file: Path) -> None:
    if names := sorted(set(weights) ^ set(expected)):
        raise UnsafeModelError(f"{file}: tensors are missing or unknown: {names!s:.200}")
    for name, tensor in expected.items():
        given = weights[name]
        if given.shape != tensor.shape or given.dtype != tensor.dtype:
            raise UnsafeModelError(
                f"{file}: {name} must be {list(tensor.shape)}, {tensor.dtype}; "
                f"got {list(given.shape)}, {given.dtype}"
            )
        if not torch.isfinite(given).all():
            raise UnsafeModelError(f"{file}: {name} holds values that are not finite")
