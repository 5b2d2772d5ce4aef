"""Features of mean 0 and deviation 1 over the training utterances' real frames."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from softlabels.models.blstm import frames_from_lengths

NORMALIZATIONS = ("corpus", "speaker")
BY_SPEAKER = "features normalised by each speaker's own unlabelled audio, test speakers' included"


def mean_and_deviation(utterances: Iterable[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute the mean and standard deviation over all frames of some utterances.

    Arguments
    ---------
    utterances : iterable of torch.Tensor
        Each [T, F].

    Returns
    -------
    mean : torch.Tensor
        [F], float32.
    deviation : torch.Tensor
        [F], float32; 1 for a feature that never changes.

    Raises
    ------
    ValueError
        If there is no frame.

    Example
    -------
    >>> mean_and_deviation([torch.tensor([[1.0], [3.0]])])
    (tensor([2.]), tensor([1.]))
    """
    count = 0
    total = squares = torch.zeros((), dtype=torch.float64)
    for features in utterances:
        values = features.double()
        count += len(values)
        total = total + values.sum(dim=0)
        squares = squares + values.square().sum(dim=0)
    if not count:
        raise ValueError("there is no frame to take mean and deviation from")
    mean, deviation = _of_sums(count, total, squares)
    return mean.float(), deviation.float()


def _of_sums(
    count: int | torch.Tensor, total: torch.Tensor, squares: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    mean = total / count
    variance = (squares / count - mean.square()).clamp(min=0)
    # What is left of a constant by rounding is no deviation.
    constant = variance <= 1e-10 * mean.square() + 1e-20
    return mean, torch.where(constant, torch.ones_like(variance), variance.sqrt())


class FeatureNormalization(nn.Module):
    """Subtracts the mean and divides by the deviation of the training frames.

    Arguments
    ---------
    input_size : int
        The number of features F.

    Example
    -------
    >>> normalization = FeatureNormalization(input_size=1)
    >>> normalization.fit([torch.tensor([[1.0], [3.0]]), torch.tensor([[5.0]])])
    >>> normalization(torch.tensor([[[3.0]]]))
    tensor([[[0.]]])
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(input_size))
        self.register_buffer("deviation", torch.ones(input_size))

    def fit(self, utterances: Iterable[torch.Tensor]) -> None:
        """Take mean and deviation from utterances' real frames.

        Arguments
        ---------
        utterances : iterable of torch.Tensor
            Each [T, F], without padding. Gone through once, one at a time.

        Raises
        ------
        ValueError
            If there is no frame.
        """
        mean, deviation = mean_and_deviation(utterances)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Normalise [B, T, F]. Lengths are of SpeechBrain's signature and change nothing."""
        return (features - self.mean) / self.deviation


class UtteranceNormalization(FeatureNormalization):
    """Normalises each utterance by its own frames, and then like the training frames.

    At inference the speaker is unknown. For a model that was trained on features
    normalised by speaker, the utterance's own frames stand for all of the speaker's.

    Arguments
    ---------
    input_size : int
        The number of features F.

    Example
    -------
    >>> UtteranceNormalization(input_size=1)(torch.tensor([[[10.0], [30.0]]])).flatten()
    tensor([-1.,  1.])
    """

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Normalise [B, T, F], of which lengths [B] (relative) gives the real frames."""
        frames = frames_from_lengths(lengths, features)[:, None, None]
        padding = torch.arange(features.shape[1], device=features.device)[:, None] >= frames
        values = features.double().masked_fill(padding, 0.0)
        sums = values.sum(dim=1, keepdim=True), values.square().sum(dim=1, keepdim=True)
        mean, deviation = (each.float() for each in _of_sums(frames, *sums))
        return super().forward((features - mean) / deviation)


class NoNormalization(nn.Module):
    """Leaves features as they are: for networks that take raw audio.

    Example
    -------
    >>> NoNormalization()(torch.tensor([[[3.0]]]))
    tensor([[[3.]]])
    """

    def fit(self, utterances: Iterable[torch.Tensor]) -> None:
        """Take nothing from utterances."""

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Return features [B, T, F]."""
        return features
