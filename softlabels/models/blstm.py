"""The network: BLSTM with attention, classifier. Exact under
padding: an utterance's output is the same alone and in any batch.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from softlabels.errors import InputError
from softlabels.models.dropout import Dropout


def frames_from_lengths(lengths: torch.Tensor | None, features: torch.Tensor) -> torch.Tensor:
    """Turn relative lengths into numbers of frames.

    Arguments
    ---------
    lengths : torch.Tensor or None
        [B], fractions of T in (0, 1]; None: all frames are real.
    features : torch.Tensor
        [B, T, F].

    Returns
    -------
    frames : torch.Tensor
        [B], int64, 1 to T.

    Raises
    ------
    ValueError
        If features are not [B, T, F], or lengths not [B].

    Example
    -------
    >>> frames_from_lengths(torch.tensor([0.5, 1.0]), torch.zeros(2, 9, 3))
    tensor([4, 9])
    """
    if features.ndim != 3:
        raise ValueError(f"features must be [B, T, F]; got {list(features.shape)}")
    batch, time = features.shape[:2]
    if lengths is None:
        return torch.full((batch,), time, device=features.device)
    if lengths.shape != (batch,):
        raise ValueError(f"lengths must be [{batch}], relative; got {list(lengths.shape)}")
    frames = torch.round(lengths.to(features.device, torch.float64) * time).long()
    return frames.clamp(1, time)


def reverse_within(sequences: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Reverse each sequence within its own length; padding stays where it is.

    Arguments
    ---------
    sequences : torch.Tensor
        [B, T, F].
    frames : torch.Tensor
        [B], int64, the sequences' own lengths.

    Returns
    -------
    reversed : torch.Tensor
        [B, T, F].

    Example
    -------
    >>> reverse_within(torch.tensor([[[1], [2], [0]]]), torch.tensor([2])).flatten()
    tensor([2, 1, 0])
    """
    batch, steps = sequences.shape[:2]
    time = torch.arange(steps, device=sequences.device)
    last = frames[:, None] - 1
    order = torch.where(time <= last, last - time, time)
    rows = order + steps * torch.arange(batch, device=sequences.device)[:, None]
    reversed_rows: torch.Tensor = _Reordered.apply(sequences.flatten(0, 1), rows.flatten())
    return reversed_rows.view_as(sequences)


class _Reordered(torch.autograd.Function):
    """Rows in an order that is its own inverse: so gradients are copied too, not added up."""

    @staticmethod
    def forward(context: Any, rows: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(order)
        return rows.index_select(0, order)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (order,) = context.saved_tensors
        return gradient.index_select(0, order), None


class MaskedAttention(nn.Module):
    """Weighted mean over time, with weights that the network learns.

    ``α_t = softmax_t(uᵀ y_t)``, ``z = Σ_t α_t y_t`` over an utterance's real
    frames (Mirsamadi, Barsoum and Zhang, ICASSP 2017).

    Arguments
    ---------
    input_size : int
        The number of features F.

    Example
    -------
    >>> pooled, weights = MaskedAttention(3)(torch.randn(2, 5, 3), torch.tensor([5, 2]))
    >>> pooled.shape, weights[1, 2:]
    (torch.Size([2, 3]), tensor([0., 0., 0.], grad_fn=<SliceBackward0>))
    """

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(input_size, 1, bias=False)

    def forward(
        self, sequences: torch.Tensor, frames: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pool [B, T, F] with frames [B] → pooled [B, F] and weights [B, T]."""
        time = torch.arange(sequences.shape[1], device=sequences.device)
        scores = self.query(sequences).squeeze(-1)
        scores = scores.masked_fill(time >= frames[:, None], float("-inf"))
        weights = scores.softmax(dim=1)
        return torch.einsum("bt,btf->bf", weights, sequences), weights


class BLSTMAttention(nn.Module):
    """Full layer – BLSTM – attention – full layer, up to the utterance's embedding.

    The BLSTM is two one-directional LSTMs, the second fed each utterance
    reversed within its own length. That is exact like a packed BLSTM, which has
    no fused kernel on a CPU, at the price of a padded one, which would be wrong.

    Arguments
    ---------
    input_size : int
        The number of features F.
    hidden_size : int
        Width of both full layers.
    lstm_size : int
        Width of the LSTM, in each direction.
    dropout : float
        Probability of dropping a unit, 0 to 1.
    frame_step : int
        Only every frame_step-th frame is used, from the first one on: recurrence
        over a low frame rate (Pundak and Sainath, Interspeech 2016) at that
        fraction of the cost. The Δ features cover the frames between.

    Raises
    ------
    ValueError
        If frame_step is below 1.

    Example
    -------
    >>> model = BLSTMAttention(input_size=47)
    >>> model(torch.randn(2, 100, 47), torch.tensor([1.0, 0.5])).shape
    torch.Size([2, 256])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int = 256,
        lstm_size: int = 128,
        dropout: float = 0.5,
        frame_step: int = 1,
    ) -> None:
        super().__init__()
        if frame_step < 1:
            raise InputError(f"frame_step must be at least 1; got {frame_step}")
        self.hidden_size, self.lstm_size, self.frame_step = hidden_size, lstm_size, frame_step
        self.full_in = nn.Linear(input_size, hidden_size)
        self.forward_lstm = nn.LSTM(hidden_size, lstm_size, batch_first=True)
        self.backward_lstm = nn.LSTM(hidden_size, lstm_size, batch_first=True)
        self.attention = MaskedAttention(2 * lstm_size)
        self.full_out = nn.Linear(2 * lstm_size, hidden_size)
        self.dropout = Dropout(dropout)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Embed utterances.

        Arguments
        ---------
        features : torch.Tensor
            [B, T, F].
        lengths : torch.Tensor, optional
            [B], relative: a fraction of T each, rounded to frames.

        Returns
        -------
        embeddings : torch.Tensor
            [B, hidden_size].
        """
        return self.embed_and_attend(features, lengths)[0]

    def embed_and_attend(
        self, features: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Embed utterances and return the weights of attention.

        Arguments
        ---------
        features : torch.Tensor
            [B, T, F].
        lengths : torch.Tensor, optional
            [B], relative: a fraction of T each, rounded to frames.

        Returns
        -------
        embeddings : torch.Tensor
            [B, hidden_size].
        weights : torch.Tensor
            [B, ⌈T / frame_step⌉]: each row sums to 1; 0 on padding.
        """
        frames = frames_from_lengths(lengths, features)
        features = features[:, :: self.frame_step]
        frames = (frames + self.frame_step - 1) // self.frame_step
        time = torch.arange(features.shape[1], device=features.device)
        # 0 · NaN is NaN: whatever padding holds must not reach a sum
        features = features.masked_fill((time >= frames[:, None])[:, :, None], 0.0)
        hidden = self.dropout(self.full_in(features).relu())
        ahead, _ = self.forward_lstm(hidden)
        back, _ = self.backward_lstm(reverse_within(hidden, frames))
        both = self.dropout(torch.cat([ahead, reverse_within(back, frames)], dim=-1))
        pooled, weights = self.attention(both, frames)
        return self.dropout(self.full_out(pooled).relu()), weights


class Classifier(nn.Module):
    """A linear layer with log-softmax.

    Arguments
    ---------
    input_size : int
        Width of the embeddings.
    classes : int
        The number of classes K.

    Example
    -------
    >>> Classifier(256, 4)(torch.randn(2, 256)).shape
    torch.Size([2, 4])
    """

    output: ClassVar[str] = "softmax"

    def __init__(self, input_size: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, classes)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Embeddings [B, F] → log-probabilities [B, K]."""
        logits = self.linear(embeddings)
        # at least float32: in bfloat16 probabilities would not sum to 1
        return logits.log_softmax(dim=-1, dtype=torch.promote_types(logits.dtype, torch.float32))
