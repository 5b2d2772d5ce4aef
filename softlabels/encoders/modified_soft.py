"""Modified soft targets: shares of votes, smoothed by a uniform prior."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots


def smoothed_shares(counts: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Add α to every class's votes and divide by the sum.

    Arguments
    ---------
    counts : numpy.ndarray
        [N, K], annotators behind each target class.
    alpha : float
        The smoothing coefficient, 0 or more.

    Returns
    -------
    shares : numpy.ndarray
        [N, K], rows sum to 1; those without a vote are uniform, or NaN if α is 0.

    Example
    -------
    >>> smoothed_shares(np.array([[3.0, 0.0], [0.0, 0.0]]), alpha=1.0)
    array([[0.8, 0.2],
           [0.5, 0.5]])
    """
    shares = counts + alpha
    return np.divide(shares, shares.sum(axis=1, keepdims=True), out=shares)


@register_encoder("modified_soft")
@dataclass
class ModifiedSoftEncoder(AnnotationEncoder):
    """Shares of votes, smoothed: the maximum-a-posteriori estimate of the true distribution.

    ``q(c_k) = (α + Σ_n h_k) / (αK + Σ_k Σ_n h_k)`` under a symmetric Dirichlet prior of
    concentration α + 1.

    Few votes for target classes give a flat target, many a sharp one, so clear
    and ambiguous utterances can be trained on together.

    Ando, Kobashikawa, Kamiyama, Masumura, Ijima and Aono, "Soft-target training
    with ambiguous emotional utterances for DNN-based speech emotion
    classification", ICASSP 2018.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.
    alpha : float
        The smoothing coefficient, 0 or more; 0 gives soft targets. The paper's
        best is 0.75.

    Raises
    ------
    ValueError
        If α is negative, not finite or no number.

    Example
    -------
    >>> encoder = ModifiedSoftEncoder(["happy", "sad"], alpha=1.0)
    >>> encoder.encode([["happy"], ["happy"], ["happy"]])
    array([0.8, 0.2], dtype=float32)
    """

    alpha: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        number = isinstance(self.alpha, Real) and not isinstance(self.alpha, bool)
        if not number or not np.isfinite(self.alpha) or self.alpha < 0:
            raise InputError(f"alpha must be a finite number of at least 0; got {self.alpha!r}")
        self.alpha = float(self.alpha)

    def targets(self, ballots: Ballots) -> NDArray[np.float64]:
        return smoothed_shares(ballots.of(self.classes), self.alpha)
