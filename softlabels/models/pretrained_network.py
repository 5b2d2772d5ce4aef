"""What a network on a pretrained encoder consists of, frozen or trained with it."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm
from torch.nn.utils.rnn import pad_sequence

from softlabels.features.pretrained.frontend import PretrainedFrontEnd
from softlabels.models.blstm import frames_from_lengths
from softlabels.models.normalization import FeatureNormalization, NoNormalization
from softlabels.models.pretrained import LayersEmbedding, needs_frames

LAYER_WEIGHTS = 10.0  # times the learning rate


class TrainedEncoder(nn.Module):
    """A pretrained encoder that is trained with its head: audio [B, N, 1] → embeddings [B, E].

    Each clip is computed alone, so that padding and the batch change nothing. A frame of a layer
    is standardised over its values: statistics over the training clips would change in training.
    The convolutions under the Transformer stay as they are.

    Arguments
    ---------
    front_end : PretrainedFrontEnd
        Which layers of which encoder; ``frames`` must be true.
    **head
        Options of `LayersEmbedding`.
    """

    def __init__(self, front_end: PretrainedFrontEnd, **head: Any) -> None:
        super().__init__()
        from softlabels.features.pretrained.encoder import load_encoder

        self.first, self.last = front_end.first, front_end.last
        self.encoder = copy.deepcopy(load_encoder(front_end.checkpoint)).requires_grad_(True)
        self.encoder.freeze_convolutions()
        self.on_layers = LayersEmbedding(front_end.size, front_end.layers, **head)
        self.embedding_size = self.on_layers.embedding_size

    def forward(self, audio: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Embed utterances, of which lengths [B] (relative) gives the real samples."""
        counts = frames_from_lengths(lengths, audio)
        clips = [self._layers(row[:count, 0]) for row, count in zip(audio, counts, strict=True)]
        features = pad_sequence(clips, batch_first=True)
        frames = torch.tensor([len(clip) for clip in clips], device=audio.device)
        embeddings: torch.Tensor = self.on_layers(features, frames / features.shape[1])
        return embeddings

    def _layers(self, wav: torch.Tensor) -> torch.Tensor:
        windows = [
            torch.cat([layer_norm(layer, layer.shape[-1:]) for layer in layers[self.first :]], 2)
            for layers in self.encoder.windows(wav[None], self.last)
        ]
        return torch.cat(windows, dim=1)[0]


class Audio(nn.Module):
    """The front end of an encoder that is trained: audio [B, N] as it is, [B, N, 1].

    Arguments
    ---------
    layers_of : PretrainedFrontEnd
        The encoder, and which of its layers.
    """

    VERSION = 1
    frames = False  # there are none yet that could be normalised by speaker
    size = 1

    def __init__(self, layers_of: PretrainedFrontEnd) -> None:
        super().__init__()
        self.digest = layers_of.digest
        self._layers_of = layers_of

    @property
    def layers_of(self) -> PretrainedFrontEnd:
        """The encoder, and which of its layers."""
        return self._layers_of

    def forward(self, wavs: torch.Tensor) -> torch.Tensor:
        """Audio [B, N] → [B, N, 1]."""
        return wavs[..., None]


def front_end(
    source: str, layers: str | int, head: str, freeze: bool
) -> PretrainedFrontEnd | Audio:
    """Return the front end of a network on a pretrained encoder.

    Arguments
    ---------
    source, layers
        See `PretrainedFrontEnd`.
    head : str
        See `LayersEmbedding`.
    freeze : bool
        Whether the encoder stays as it is: then its layers are stored, else it is in the network.
    """
    frames = not freeze or needs_frames(head)
    frozen = PretrainedFrontEnd(source, layers, frames)
    return frozen if freeze else Audio(frozen)


def normalization(of: PretrainedFrontEnd | Audio) -> nn.Module:
    """Return the normalisation: over the training clips, or none of audio as it is."""
    return NoNormalization() if isinstance(of, Audio) else FeatureNormalization(of.size)


def embedding(of: PretrainedFrontEnd | Audio, **head: Any) -> LayersEmbedding | TrainedEncoder:
    """Return the network: a head on stored layers, or the encoder and a head."""
    if isinstance(of, Audio):
        return TrainedEncoder(of.layers_of, **head)
    return LayersEmbedding(of.size, of.layers, **head)


def learning_rates(freeze: bool, lr: float, lr_pretrained: float) -> dict[str, float]:
    """Return parts of the network → how many times the learning rate ``lr`` theirs is.

    Example
    -------
    >>> learning_rates(True, 1e-3, 1e-5)
    {'embedding_model.layer_weights': 10.0}
    >>> learning_rates(False, 1e-3, 1e-5)
    {'embedding_model.on_layers.layer_weights': 10.0, 'embedding_model.encoder': 0.01}
    """
    if freeze:
        return {"embedding_model.layer_weights": LAYER_WEIGHTS}
    return {
        "embedding_model.on_layers.layer_weights": LAYER_WEIGHTS,
        "embedding_model.encoder": lr_pretrained / lr,
    }
