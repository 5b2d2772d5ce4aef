"""Shares of votes, smoothed towards the classes' frequency."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Self

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots
from softlabels.votes.left_out import check_whole
from softlabels.votes.patterns import Patterns, count_patterns, training_patterns

WEAKEST, STRONGEST = 1e-3, 1e3  # votes


def fit_strength(patterns: Patterns, shares: NDArray[np.float64]) -> float:
    """Return the prior's strength in votes under which left-out votes are most likely.

    Arguments
    ---------
    patterns : Patterns
        Patterns of counts [P, K].
    shares : numpy.ndarray
        [K], the prior, more than 0.

    Returns
    -------
    strength : float
        From `WEAKEST` to `STRONGEST`; K, by convention, where no utterance has two votes.
    """
    from scipy.optimize import minimize_scalar

    check_whole(patterns.counts)
    total = patterns.counts.sum(axis=1)
    pattern, k = np.nonzero((patterns.counts > 0) & (total > 1)[:, None])
    if not len(pattern):
        return float(len(shares))
    # what is left of the class and of all classes when a vote is taken, and how often it is
    left, others = patterns.counts[pattern, k] - 1, total[pattern] - 1
    terms = count_patterns(np.stack([k, left, others], axis=1))
    times = np.bincount(terms.of, patterns.number[pattern] * (left + 1))
    k, left, others = terms.counts.T

    def loss(logarithm: float) -> float:
        strength = np.exp(logarithm)
        share = (left + strength * shares[k.astype(int)]) / (others + strength)
        return -float((times * np.log(share)).sum())

    bounds = np.log([WEAKEST, STRONGEST])
    best = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(np.exp(best.x))


@register_encoder("class_prior")
@dataclass
class ClassPriorEncoder(AnnotationEncoder):
    """Shares of votes, smoothed towards the classes' frequency in the training votes.

    ``q(c_k) = (n_k + s f_k) / (N + s)``, where n_k are an utterance's votes for the class k,
    N all its votes for classes, f_k the class's share of all training votes (one vote more
    than it got, so that none is 0), and s the strength.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.
    strength : float or "auto"
        How many votes the frequency is worth, 0 or more; ``auto``: with which number
        training votes that are left out are most likely.

    Raises
    ------
    ValueError
        If the strength is anything else.

    Example
    -------
    >>> ballots = Ballots([[3, 0], [2, 1], [1, 1]], ["happy", "sad"])  # 6 : 2
    >>> encoder = ClassPriorEncoder(["happy", "sad"], strength=1).fit(ballots)
    >>> encoder.encode([["sad"]])  # (7 / 10) / 2
    array([0.35, 0.65], dtype=float32)
    """

    strength: float | str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.strength, Real) and not isinstance(self.strength, bool):
            self.strength = float(self.strength)
        if self.strength != "auto" and not (
            isinstance(self.strength, float) and 0 <= self.strength < np.inf
        ):
            raise InputError(
                f"strength must be 'auto' or a finite number of at least 0; got {self.strength!r}"
            )

    def fit(self, ballots: Ballots) -> Self:
        patterns = training_patterns(ballots, self.classes, self.classes)
        votes = patterns.number @ patterns.counts + 1
        shares = votes / votes.sum()
        auto = self.strength == "auto"
        strength = fit_strength(patterns, shares) if auto else float(self.strength)
        self.prior_ = strength * shares
        return self

    def targets(self, ballots: Ballots) -> NDArray[np.float64]:
        shares = ballots.of(self.classes) + self.prior_
        return shares / shares.sum(axis=1, keepdims=True)
