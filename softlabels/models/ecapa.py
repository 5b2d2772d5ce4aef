"""SpeechBrain's ECAPA-TDNN, for batches and utterances of any size."""

from __future__ import annotations

import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
from torch.nn.functional import pad

from softlabels.errors import InputError

_SCALE = 8  # parts into which its blocks split the channels
LEAST_FRAMES = 5  # its convolutions reflect up to 4 frames at an utterance's ends


class ECAPA(ECAPA_TDNN):
    """`speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN`, which can't train on one utterance alone.

    It isn't exact under padding: convolutions reach from there into an utterance's last frames.
    Of audio below 40 ms, which SpeechBrain's refuses, the last frame is held.

    Arguments
    ---------
    input_size : int
        The number of features F.
    channels : int
        Width of its layers, a multiple of 8; the last one is three times as wide.
    attention_channels : int
        Width of the attention.
    embedding_size : int
        Width of the embedding E.
    dropout : float
        Probability of dropping a channel.

    Raises
    ------
    ValueError
        If channels isn't a multiple of 8.

    Example
    -------
    >>> model = ECAPA(8, channels=16, attention_channels=4, embedding_size=6)
    >>> model(torch.randn(1, 50, 8), torch.ones(1)).shape
    torch.Size([1, 6])
    """

    def __init__(
        self,
        input_size: int,
        channels: int = 512,
        attention_channels: int = 128,
        embedding_size: int = 192,
        dropout: float = 0.0,
    ) -> None:
        if channels < 1 or channels % _SCALE:
            raise InputError(f"channels must be a multiple of {_SCALE}; got {channels}")
        super().__init__(
            input_size,
            channels=[channels] * 4 + [3 * channels],
            res2net_scale=_SCALE,
            attention_channels=attention_channels,
            lin_neurons=embedding_size,
            dropout=dropout,
        )
        self.channels = channels
        self.attention_channels = attention_channels
        self.embedding_size = embedding_size

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Features [B, T, F] → embeddings [B, E]."""
        if x.shape[1] < LEAST_FRAMES:
            missing = 0, LEAST_FRAMES - x.shape[1]
            x = pad(x.transpose(1, 2), missing, mode="replicate").transpose(1, 2)
        if self.training and len(x) == 1:
            # Batch normalisation of what was pooled over time needs two values: the last
            # batch of an epoch may hold one utterance, and stands twice then.
            twice = None if lengths is None else lengths.repeat(2)
            return super().forward(x.repeat(2, 1, 1), twice)[:1].squeeze(1)
        return super().forward(x, lengths).squeeze(1)
