"""A frozen pretrained encoder as a front end: computed once for each clip, and stored."""

from __future__ import annotations

import importlib.metadata
import os
from threading import Lock

import torch
from torch import nn

from softlabels.errors import InputError
from softlabels.features.pretrained.architectures import EncoderConfig
from softlabels.features.pretrained.checkpoint import Checkpoint, encoder_name, open_checkpoint

WEIGHTED, LAST = "weighted", "last"
_LOADING = Lock()  # threads that begin together load an encoder once


def check_layers(layers: str | int) -> str | int:
    """Return which layers of an encoder are taken: 'weighted', 'last' or a number, or raise.

    Example
    -------
    >>> check_layers("weighted"), check_layers(3)
    ('weighted', 3)
    """
    number = isinstance(layers, int) and not isinstance(layers, bool) and layers >= 0
    if layers not in (WEIGHTED, LAST) and not number:
        raise ValueError(f"layers must be weighted, last, or a number from 0; got {layers!r:.80}")
    return layers


def layers_taken(config: EncoderConfig, layers: str | int) -> tuple[int, int]:
    """Return the first and the last of the layers that a setting takes, or raise a ValueError.

    Example
    -------
    >>> config = EncoderConfig("whisper", {"encoder_layers": 6})
    >>> layers_taken(config, "weighted"), layers_taken(config, "last"), layers_taken(config, 3)
    ((0, 6), (6, 6), (3, 3))
    """
    last = config.layers if layers in (WEIGHTED, LAST) else int(check_layers(layers))
    if last > config.layers:
        raise ValueError(f"layers must be 0 to {config.layers} of this encoder; got {layers}")
    return (0 if layers == WEIGHTED else last), last


def label(source: str, layers: str | int, head: str, freeze: bool) -> str:
    """Name what runs on a pretrained encoder have in common, for a folder.

    Example
    -------
    >>> label("openai/whisper-base", "weighted", "linear", freeze=True)
    'whisper-base_weighted_linear'
    """
    return f"{encoder_name(source)}_{layers}_{head}{'' if freeze else '_trained'}"


class PretrainedFrontEnd(nn.Module):
    """A frozen pretrained encoder's layers: audio [B, N] at 16 kHz → features [B, T, L · W].

    The encoder is loaded when a clip is first computed: features that are stored need neither
    it nor transformers.

    Arguments
    ---------
    source : str, os.PathLike or Checkpoint
        A folder, or a model's id on the Hugging Face hub; see
        `softlabels.features.pretrained.checkpoint.open_checkpoint`.
    layers : str or int
        'weighted': all layers and their input, L in all; 'last'; or one's number, 0 the input.
    frames : bool
        Whether the features are of every frame. False: T is 1, the mean over the clip's frames.
        A mean over time and a weighting of layers commute, so that is exact under a linear head.

    Raises
    ------
    InputError
        If the source can't be used, or the encoder has no such layer.
    """

    VERSION = 1

    def __init__(
        self,
        source: str | os.PathLike[str] | Checkpoint,
        layers: str | int = WEIGHTED,
        frames: bool = False,
    ) -> None:
        super().__init__()
        self._checkpoint: Checkpoint = (
            source if isinstance(source, Checkpoint) else open_checkpoint(source)
        )
        config = self._checkpoint.config
        self.digest = self._checkpoint.digest
        try:
            self.first, self.last = layers_taken(config, layers)
        except ValueError as error:
            raise InputError(f"{self._checkpoint.name}: {error}") from error
        self._chosen, self.frames = layers, frames
        self.transformers = _version()

    @property
    def checkpoint(self) -> Checkpoint:
        """The encoder's folder."""
        return self._checkpoint

    @property
    def chosen(self) -> str | int:
        """The setting ``layers``."""
        return self._chosen

    @property
    def layers(self) -> int:
        """The number of layers L."""
        return self.last - self.first + 1

    @property
    def size(self) -> int:
        """The number of features, L · W."""
        return self.layers * self._checkpoint.config.width

    def forward(self, wavs: torch.Tensor) -> torch.Tensor:
        """Compute features of clips that are equally long."""
        from softlabels.features.pretrained.encoder import load_encoder

        with _LOADING:
            encoder = load_encoder(self._checkpoint).to(wavs.device)
        with torch.no_grad():
            windows = (layers[self.first :] for layers in encoder.windows(wavs, self.last))
            if self.frames:
                return torch.cat([torch.cat(layers, dim=2) for layers in windows], dim=1)
            count, total = 0, torch.zeros((), device=wavs.device)
            for layers in windows:
                count += layers[0].shape[1]
                total = total + torch.cat([layer.sum(dim=1) for layer in layers], dim=1)
        return total[:, None] / count


def _version() -> str:
    try:
        return importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError(
            "a pretrained encoder needs transformers: pip install softlabels[pretrained]"
        ) from error
