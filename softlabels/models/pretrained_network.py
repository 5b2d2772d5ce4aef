"""What a network on a pretrained encoder consists of, frozen or trained with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from softlabels.features.pretrained.frontend import PretrainedFrontEnd
from softlabels.models.normalization import FeatureNormalization, NoNormalization
from softlabels.models.pretrained import LayersEmbedding, needs_frames
from softlabels.models.trained_encoder import TrainedEncoder, add_lora

LAYER_WEIGHTS = 10.0  # times the learning rate


class Audio(nn.Module):
    """The front end of an encoder that is trained: audio [B, N] as it is, [B, N, 1].

    Arguments
    ---------
    layers_of : PretrainedFrontEnd, optional
        The encoder that training begins with, and which of its layers.
    """

    VERSION = 1
    frames = False  # there are none yet that could be normalised by speaker
    size = 1

    def __init__(self, layers_of: PretrainedFrontEnd | None = None) -> None:
        super().__init__()
        self._layers_of = layers_of

    @property
    def layers_of(self) -> PretrainedFrontEnd | None:
        """The encoder that training begins with, and which of its layers."""
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


def embedding(
    of: PretrainedFrontEnd | Audio,
    freeze_convolutions: bool,
    gradient_checkpointing: bool,
    lora_rank: int,
    **head: Any,
) -> LayersEmbedding | TrainedEncoder:
    """Return the network: a head on stored layers, or the encoder and a head.

    Arguments
    ---------
    of : PretrainedFrontEnd or Audio
        What `front_end` returned.
    freeze_convolutions : bool
        Whether the layers under the Transformer stay as they are, where the rest is trained.
    gradient_checkpointing : bool
        Whether layers are computed again for their gradient: less memory, more time.
    lora_rank : int
        See `add_lora`; 0: all of the encoder is trained.
    **head
        Options of `LayersEmbedding`.
    """
    if isinstance(of, PretrainedFrontEnd):
        return LayersEmbedding(of.size, of.layers, **head)
    if of.layers_of is None:
        raise ValueError("there is no encoder for training to begin with")
    from softlabels.features.pretrained.encoder import load_encoder

    checkpoint = of.layers_of.checkpoint
    model = TrainedEncoder(of.size, asdict(checkpoint.config), of.layers_of.chosen, **head)
    model.encoder.load_state_dict(load_encoder(checkpoint).state_dict())
    model.encoder.checkpointing = gradient_checkpointing
    if freeze_convolutions:
        model.encoder.freeze_convolutions()
    if lora_rank:
        add_lora(model.encoder, lora_rank)
    return model


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


def warm_up(freeze: bool, warmup: float) -> float:
    """Return the setting ``warmup``, which a head on stored layers doesn't need: 0 then.

    Example
    -------
    >>> warm_up(True, 0.1), warm_up(False, 0.1)
    (0, 0.1)
    """
    return 0 if freeze else warmup
