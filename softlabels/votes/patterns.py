"""Items with the same counts of votes are one pattern: what is learned from a million items
with three votes each is learned from some hundred patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots

LARGEST = 2**62  # of a key
FEW = 2**16  # values of a column that need no sorting


@dataclass(frozen=True)
class Patterns:
    """The different rows of counts, in lexicographic order, whatever the order of the items.

    Arguments
    ---------
    counts : numpy.ndarray
        [P, L], all different.
    number : numpy.ndarray
        [P], how many items have them.
    of : numpy.ndarray
        [N], each item's pattern.

    Example
    -------
    >>> patterns = count_patterns(np.array([[2, 1], [0, 3], [2, 1]]))
    >>> patterns.counts.tolist(), patterns.number.tolist(), patterns.of.tolist()
    ([[0, 3], [2, 1]], [1, 2], [1, 0, 1])
    """

    counts: NDArray[Any]
    number: NDArray[np.int64]
    of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)


def count_patterns(counts: NDArray[Any]) -> Patterns:
    """Find the different rows of counts.

    Arguments
    ---------
    counts : numpy.ndarray
        [N, L], of at least 0; whole numbers or not.

    Returns
    -------
    patterns : Patterns
        The P different rows.
    """
    # A row is packed into one number, the first column its highest digit: sorting numbers is
    # some twenty times as fast as sorting rows.
    keys = np.zeros(len(counts), dtype=np.int64)
    size = 1  # keys are below
    for column in counts.T:
        digits, base = _digits(column)
        if size * base > LARGEST:
            different, keys = np.unique(keys, return_inverse=True)
            size = len(different)
        keys = keys * base + digits
        size *= base
    _, first, of, number = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    return Patterns(counts[first], number, of)


def _digits(column: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Number a column's values in their order; return the numbers, and a bound above them."""
    if column.max(initial=0) < FEW:
        whole = column.astype(np.int64, copy=False)
        if whole is column or (whole == column).all():
            return whole, int(whole.max(initial=0)) + 1
    different, digits = np.unique(column, return_inverse=True)
    return digits, max(len(different), 1)


def fold_numbers(number: NDArray[np.int64], folds: int) -> NDArray[np.int64]:
    """Deal each pattern's items out to folds, so that every fold looks like the whole.

    Arguments
    ---------
    number : numpy.ndarray
        [P], how many items have each pattern.
    folds : int
        F.

    Returns
    -------
    numbers : numpy.ndarray
        [F, P]; they sum to ``number``.

    Example
    -------
    >>> fold_numbers(np.array([3, 2]), folds=2).tolist()
    [[2, 1], [1, 1]]
    """
    end = np.cumsum(number)
    fold = np.arange(folds)[:, None]
    # of the items 0, 1, 2, …, those with i mod F = f that lie below some end
    below = (end + folds - 1 - fold) // folds
    return np.diff(below, axis=1, prepend=0)


def training_patterns(ballots: Ballots, classes: Sequence[str], labels: Sequence[str]) -> Patterns:
    """Find the patterns of training votes, without who gave them.

    Arguments
    ---------
    ballots : Ballots
        The votes.
    classes : sequence of str
        The target classes.
    labels : sequence of str
        The L labels whose votes are the patterns' columns.

    Returns
    -------
    patterns : Patterns
        Of the items with votes for these labels.

    Raises
    ------
    InputError
        If no vote is for a class.
    """
    if not ballots.voted(classes).any():
        raise InputError(
            f"nothing can be learned from {len(ballots)} items without a vote for one of the "
            f"classes {list(classes)}; the labels are {list(ballots.labels)}"
        )
    patterns = count_patterns(ballots.of(labels))
    some = patterns.counts.any(axis=1)
    if some.all():
        return patterns
    # the empty row is the first in lexicographic order
    return Patterns(patterns.counts[1:], patterns.number[1:], patterns.of[patterns.of > 0] - 1)
