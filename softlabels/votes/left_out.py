"""A vote is taken away: which probability does the target made of the others give to it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.errors import InputError

FLOOR = 1e-3  # of a probability: one certainty that was wrong must not decide everything
CELLS = 2**23  # in memory at once

Targets = Callable[[NDArray[Any]], NDArray[np.floating]]


def check_whole(counts: NDArray[Any]) -> None:
    """Raise an InputError unless all votes are whole: half a vote can't be left out."""
    if counts.dtype.kind not in "iu" and (counts % 1).any():
        raise InputError(
            "one vote can be left out only where votes are whole numbers; got weighted votes as "
            f"{counts[(counts % 1 > 0).any(axis=1)][0].tolist()}"
        )


def left_out_scores(
    counts: NDArray[Any], columns: NDArray[np.int64], targets: Targets
) -> NDArray[np.float64]:
    """Score the forecasts of votes that are taken away, one at a time.

    Arguments
    ---------
    counts : numpy.ndarray
        [P, L], patterns of counts of votes.
    columns : numpy.ndarray
        [K], the target classes' columns.
    targets : callable
        Counts [Q, L] → targets [Q, K].

    Returns
    -------
    scores : numpy.ndarray
        [P, K]: ln of the probability that one of the pattern's votes for class k gets by the
        target that is made without it, at least ln `FLOOR`; NaN where there is no such vote,
        no other vote for a class, or no target. As a forecast, it counts as often as the
        pattern has votes for class k.

    Example
    -------
    >>> def soft(counts):
    ...     return counts / counts.sum(axis=1, keepdims=True)
    >>> np.exp(left_out_scores(np.array([[2, 1], [1, 0]]), np.array([0, 1]), soft))
    array([[0.5  , 0.001],
           [  nan,   nan]])
    """
    scores = np.full((len(counts), len(columns)), np.nan)
    for pattern, k, rest in _taken_away(counts, columns):
        with np.errstate(divide="ignore"):
            probability = targets(rest)[np.arange(len(k)), k]
        scores[pattern, k] = log_probability(probability)
    return scores


def log_probability(probability: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return ln p, of at least `FLOOR`; NaN stays."""
    return np.log(np.maximum(probability.astype(np.float64), FLOOR))


def mean_score(scores: NDArray[np.float64], votes: NDArray[Any]) -> float:
    """Return the mean of scores over the votes [P, K] that they stand for; NaN over none."""
    some = ~np.isnan(scores) & (votes > 0)
    number = votes[some].sum()
    return float((scores[some] * votes[some]).sum() / number) if number else float("nan")


def _taken_away(
    counts: NDArray[Any], columns: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]]:
    """Yield patterns, classes, and the patterns' counts without one vote for that class."""
    of_classes = counts[:, columns]
    left = of_classes.sum(axis=1, keepdims=True) > 1
    pattern, k = np.nonzero((of_classes > 0) & left)
    step = max(1, CELLS // max(counts.shape[1], 1))
    for start in range(0, len(pattern), step):
        part = slice(start, start + step)
        rest = counts[pattern[part]]
        rest[np.arange(len(rest)), columns[k[part]]] -= 1
        yield pattern[part], k[part], rest
