"""A pretrained encoder's folder: its config, checked, its weights by name, and their digest.

Nothing of it is run, and transformers isn't needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from softlabels.errors import InputError
from softlabels.features.pretrained.architectures import ARCHITECTURES, EncoderConfig

CONFIG_FILE, AUDIO_FILE = "config.json", "preprocessor_config.json"
WEIGHTS = "model*.safetensors"
LARGEST_CONFIG = 1 << 20  # characters
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
# Weight normalisation's names before torch 2.0, by which many checkpoints are written
RENAMED = (
    (".weight_g", ".parametrizations.weight.original0"),
    (".weight_v", ".parametrizations.weight.original1"),
)


@dataclass(frozen=True)
class Checkpoint:
    """A pretrained encoder's folder.

    Arguments
    ---------
    name : str
        The folder's, or the model's on the hub.
    place : str
        The folder, or the id on the hub.
    folder : pathlib.Path
        With ``config.json`` and ``model*.safetensors`` as transformers writes them; of encoders
        of the waveform ``preprocessor_config.json`` too.
    config : EncoderConfig
        What it is.
    digest : str
        64 hexadecimal digits: of the config and of the encoder's weights, wherever they lie and
        whatever else lies with them.
    """

    name: str
    place: str
    folder: Path
    config: EncoderConfig = field(hash=False)  # the digest's
    digest: str

    def weights(self) -> dict[str, torch.Tensor]:
        """Read the encoder's weights, of those types that they are kept in.

        Raises
        ------
        InputError
            If they are no longer those of the digest.
        """
        weights = _weights(self.folder, self.config)
        if _digest(self.config, weights) != self.digest:
            raise InputError(f"{self.folder} has changed since it was first read; start again")
        return weights


def open_checkpoint(source: str | os.PathLike[str], download: bool = True) -> Checkpoint:
    """Open a pretrained encoder's folder, or one of the Hugging Face hub.

    Arguments
    ---------
    source : str or os.PathLike
        A folder, or a model's id on the hub.
    download : bool
        Whether a model of the hub is downloaded where it isn't on this machine yet.

    Raises
    ------
    InputError
        If there is no such folder or model, it isn't one of the known architectures, or its
        weights aren't safetensors.
    """
    folder = _folder(source, download)
    config = _read_config(folder)
    try:
        stats = [(file.name, os.stat(file)) for file in _files(folder)]
    except OSError as error:
        raise InputError(f"{folder}: the weights can't be read ({error.strerror})") from error
    version = tuple((name, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats)
    text = json.dumps(asdict(config))
    place = str(folder) if os.path.isdir(source) else os.fspath(source)
    return Checkpoint(
        encoder_name(source), place, folder, config, _digest_of_files(folder, text, version)
    )


def encoder_name(source: str | os.PathLike[str]) -> str:
    """Return an encoder's name: its folder's, or the model's on the hub.

    Example
    -------
    >>> encoder_name("openai/whisper-base"), encoder_name("/models/mine/")
    ('whisper-base', 'mine')
    """
    return Path(os.path.abspath(source)).name


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write an encoder alone, without what else lies in its folder; its digest is the same."""
    folder.mkdir()
    config = checkpoint.config
    fields = {"model_type": config.architecture, **config.fields}
    (folder / CONFIG_FILE).write_text(json.dumps(fields, indent=2) + "\n", "utf-8")
    audio = json.dumps({"do_normalize": config.normalize})
    (folder / AUDIO_FILE).write_text(audio + "\n", "utf-8")
    weights = {name: each.contiguous() for name, each in checkpoint.weights().items()}
    save_file(weights, folder / "model.safetensors")


def _folder(source: str | os.PathLike[str], download: bool) -> Path:
    if os.path.isdir(source):
        return Path(source).absolute()
    name = os.fspath(source)
    if not HUB_ID.fullmatch(name):
        raise InputError(f"pretrained: there is no folder {name}, and it is no id on the hub")
    try:
        from huggingface_hub import snapshot_download

        patterns = [CONFIG_FILE, AUDIO_FILE, WEIGHTS]
        return Path(snapshot_download(name, allow_patterns=patterns, local_files_only=not download))
    except ImportError as error:
        raise InputError(
            f"pretrained: there is no folder {name}; to get it from the hub: "
            "pip install softlabels[pretrained]"
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(
            f"pretrained: there is no folder {name}, and the hub has no such model "
            f"or can't be reached: {error}"
        ) from error


def _read_config(folder: Path) -> EncoderConfig:
    given = _read_json(folder / CONFIG_FILE)
    architecture = given.get("model_type")
    table = ARCHITECTURES.get(architecture) if isinstance(architecture, str) else None
    fields = {name: given[name] for name in (table.fields if table else ()) if name in given}
    normalize = False
    if architecture != "whisper" and table:
        normalize = _read_json(folder / AUDIO_FILE).get("do_normalize", True)
    try:
        return EncoderConfig(str(architecture), fields, normalize)
    except ValueError as error:
        raise InputError(f"{folder / CONFIG_FILE}: {error}") from error


def _read_json(file: Path) -> dict[str, Any]:
    try:
        if file.exists() and not file.is_file():  # a pipe would be waited for
            raise ValueError("isn't a plain file")
        with open(file, encoding="utf-8") as opened:
            text = opened.read(LARGEST_CONFIG + 1)
        if len(text) > LARGEST_CONFIG:
            raise ValueError(f"has more than {LARGEST_CONFIG} characters")
        value = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{file} can't be read ({error}); a pretrained encoder's folder is as transformers' "
            "save_pretrained writes it, with that of its feature extractor"
        ) from error
    if not isinstance(value, dict):
        raise InputError(f"{file} must hold an object")
    return value


def _files(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.glob(WEIGHTS) if file.is_file())
    if not files:
        raise InputError(
            f"{folder} has no {WEIGHTS}; weights of another form are not read. To convert them: "
            "transformers.AutoModel.from_pretrained(FOLDER).save_pretrained(ANOTHER), and the "
            "same with AutoFeatureExtractor"
        )
    return files


def _weights(folder: Path, config: EncoderConfig) -> dict[str, torch.Tensor]:
    """Read the encoder's weights, by the names that they have in transformers' encoder."""
    architecture = ARCHITECTURES[config.architecture]
    weights = {}
    for file in _files(folder):
        try:
            with safe_open(file, framework="pt") as opened:
                for key in list(opened.keys()):
                    name = key
                    for prefix in architecture.prefixes:
                        name = name.removeprefix(prefix)
                    for old, new in RENAMED:
                        name = name.removesuffix(old) + new if name.endswith(old) else name
                    if name.startswith(architecture.parts):
                        weights[name] = opened.get_tensor(key)
        except (OSError, SafetensorError) as error:
            raise InputError(f"{file}: isn't a safetensors file ({error})") from error
    return weights


@lru_cache(maxsize=8)
def _digest_of_files(folder: Path, config: str, version: tuple[Any, ...]) -> str:
    del version  # of the files: another version has a digest of its own
    known = EncoderConfig(**json.loads(config))
    return _digest(known, _weights(folder, known))


def _digest(config: EncoderConfig, weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(asdict(config), sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
