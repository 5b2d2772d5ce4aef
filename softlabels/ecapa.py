"""SpeechBrain's ECAPA-TDNN, for batches of any size."""

from __future__ import annotations

import torch
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN


class ECAPA(ECAPA_TDNN):
    """`speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN`, which can't train on one utterance alone.

    It isn't exact under padding: convolutions reach from there into an utterance's last frames.

    Arguments
    ---------
    *args, **kwargs
        As SpeechBrain's.

    Example
    -------
    >>> model = ECAPA(8, channels=[16] * 5, attention_channels=4, se_channels=4, lin_neurons=6)
    >>> model(torch.randn(1, 50, 8), torch.ones(1)).shape
    torch.Size([1, 1, 6])
    """

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Features [B, T, F] → embeddings [B, 1, E]."""
        if self.training and len(x) == 1:
            # Batch normalisation of what was pooled over time needs two values: the last
            # batch of an epoch may hold one utterance, and stands twice then.
            twice = None if lengths is None else lengths.repeat(2)
            return super().forward(x.repeat(2, 1, 1), twice)[:1]
        return super().forward(x, lengths)
