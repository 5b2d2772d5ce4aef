"""Modified soft targets: shares of votes, smoothed by a uniform prior."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder


def smoothed_shares(counts: NDArray[np.float64], alpha: float) -> NDArray[np.float32]:
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
        [N, K], float32: rows sum to 1; NaN where nobody gave a target class.

    Example
    -------
    >>> smoothed_shares(np.array([[3.0, 0.0], [0.0, 0.0]]), alpha=1.0)
    array([[0.8, 0.2],
           [nan, nan]], dtype=float32)
    """
    total = counts.sum(axis=1, keepdims=True)
    # Without a vote the prior alone would give a target: a guess, not a label.
    total[total == 0] = np.nan
    total += alpha * counts.shape[1]
    shares = counts + alpha
    return np.divide(shares, total, out=shares).astype(np.float32, order="C")


@register_encoder("modified_soft")
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

    def __init__(self, classes: Iterable[str], alpha: float = 0.75) -> None:
        super().__init__(classes)
        number = isinstance(alpha, Real) and not isinstance(alpha, bool)
        if not number or not np.isfinite(alpha) or alpha < 0:
            raise ValueError(f"alpha must be a finite number of at least 0; got {alpha!r}")
        self.alpha = float(alpha)

    def encode_counts(self, counts: ArrayLike, labels: Sequence[str]) -> NDArray[np.float32]:
        return smoothed_shares(self.target_counts(counts, labels), self.alpha)
