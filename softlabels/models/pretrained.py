"""The network on a pretrained encoder's layers: their weighting, and a head."""

from __future__ import annotations

import torch
from torch import nn

from softlabels.models.blstm import BLSTMAttention, MaskedAttention, frames_from_lengths
from softlabels.models.dropout import Dropout

HEADS = ("linear", "attention", "blstm")


def needs_frames(head: str) -> bool:
    """Return whether a head needs an encoder's frames: all do but 'linear', on their mean.

    Example
    -------
    >>> needs_frames("linear"), needs_frames("blstm")
    (False, True)
    """
    if head not in HEADS:
        raise ValueError(f"head must be one of {HEADS}; got {head!r}")
    return head != "linear"


class LayersEmbedding(nn.Module):
    """Layers of an encoder, weighted by a softmax that is learned, under a head.

    The features should be standardised: the scales of an encoder's layers differ by orders of
    magnitude, and the largest would drown the others.

    Arguments
    ---------
    input_size : int
        L · W: L layers of width W.
    layers : int
        L.
    head : str
        'linear': the mean over frames; 'attention': a learned weighting of them; 'blstm': see
        `BLSTMAttention`.
    hidden_size, lstm_size : int
        Of 'blstm'; see there.
    dropout : float
        Probability of dropping a unit.

    Raises
    ------
    ValueError
        If the head is unknown, or the input is not of L layers.

    Example
    -------
    >>> model = LayersEmbedding(input_size=6, layers=2)
    >>> model(torch.randn(4, 9, 6), torch.ones(4)).shape
    torch.Size([4, 3])
    """

    def __init__(
        self,
        input_size: int,
        layers: int,
        head: str = "linear",
        hidden_size: int = 256,
        lstm_size: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if input_size % layers:
            raise ValueError(f"{input_size} features are no {layers} layers of one width")
        self.layers, self.head = layers, head
        self.hidden_size, self.lstm_size = hidden_size, lstm_size
        self.layer_weights = nn.Parameter(torch.zeros(layers))
        self.dropout = Dropout(dropout)
        width = input_size // layers
        self.embedding_size = width
        if not needs_frames(head):
            return
        if head == "attention":
            self.attention = MaskedAttention(width)
        else:
            self.blstm = BLSTMAttention(width, hidden_size, lstm_size, dropout)
            self.embedding_size = hidden_size

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Features [B, T, L · W], lengths [B] (relative) → embeddings [B, embedding_size]."""
        frames = frames_from_lengths(lengths, features)
        weights = self.layer_weights.softmax(dim=0)
        # by shape: ONNX would keep the sizes that `unflatten` had in tracing
        by_layer = features.reshape(features.shape[0], features.shape[1], self.layers, -1)
        mixed = torch.einsum("l,btlf->btf", weights, by_layer)
        if self.head == "blstm":
            embeddings: torch.Tensor = self.blstm(mixed, lengths)
            return embeddings
        padding = torch.arange(mixed.shape[1], device=mixed.device) >= frames[:, None]
        mixed = mixed.masked_fill(padding[:, :, None], 0.0)  # whatever it holds: 0 · NaN is NaN
        if self.head == "attention":
            return self.dropout(self.attention(mixed, frames)[0])
        return self.dropout(mixed.sum(dim=1) / frames[:, None])
