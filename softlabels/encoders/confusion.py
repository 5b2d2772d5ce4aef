"""Annotators' confusion matrices, by expectation maximisation.

A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the
EM algorithm", Journal of the Royal Statistical Society C 28:1, 1979.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from softlabels.encoders.ascent import converged, normalised
from softlabels.votes.patterns import Patterns

TINY = 1e-10  # a probability that was counted as 0
TOLERANCE = 1e-5  # nats a vote that an iteration must gain
ITERATIONS = 500

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Confusion:
    """Annotators' confusion matrices and the frequency of utterances' true labels.

    Arguments
    ---------
    prior : numpy.ndarray
        [L], how common each true label is.
    matrices : numpy.ndarray
        [A, L, L], the probability of an annotator giving a label (last axis) to an utterance
        of a true label (middle axis).
    """

    prior: Array
    matrices: Array


class Given:
    """Which annotators gave which labels, and to how many utterances.

    Arguments
    ---------
    votes : sparse array
        [P, A · L]: the votes of the annotator a for the label l are in the column a · L + l.
    number : numpy.ndarray
        [P], how many utterances have these votes.
    labels : int
        L.
    """

    def __init__(self, votes: sparse.csr_array, number: NDArray[Any], labels: int) -> None:
        self.number = number.astype(np.float64)
        self.shape = (votes.shape[1] // labels, labels, labels)
        self.size = float(self.number @ votes.sum(axis=1))  # votes in all
        self._votes = votes
        self._transposed = votes.T.tocsr()

    @classmethod
    def anonymous(cls, patterns: Patterns) -> Given:
        """Take patterns of counts, as if one annotator had given all votes."""
        votes = sparse.csr_array(patterns.counts.astype(np.float64))
        return cls(votes, patterns.number, patterns.counts.shape[1])

    def shares(self) -> Array:
        """Return the shares of votes, [P, L]."""
        annotators, labels, _ = self.shape
        votes = self._votes @ np.tile(np.eye(labels), (annotators, 1))
        return votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)

    def log_joint(self, confusion: Confusion) -> Array:
        """Return ln of the probability of the votes and a true label, [P, L]."""
        logs = np.log(np.maximum(confusion.matrices, TINY)).swapaxes(1, 2)
        joint = self._votes @ logs.reshape(-1, self.shape[1])
        joint += np.log(np.maximum(confusion.prior, TINY))
        return joint

    def posterior(self, confusion: Confusion) -> Array:
        """Return the probabilities of the true labels after the votes, [P, L]."""
        return normalised(self.log_joint(confusion))[0]

    def tally(self, posterior: Array) -> Array:
        """Count labels [A, true, given], given the probabilities of the true labels."""
        counted = self._transposed @ (posterior * self.number[:, None])
        return counted.reshape(self.shape).swapaxes(1, 2)


def votes_by_annotator(
    votes: NDArray[np.int64], utterances: int, annotators: int, labels: int
) -> sparse.csr_array:
    """Arrange votes [V, 3] (utterance, annotator, label) as `Given` takes them."""
    columns = votes[:, 1] * labels + votes[:, 2]
    shape = (utterances, annotators * labels)
    return sparse.csr_array((np.ones(len(votes)), (votes[:, 0], columns)), shape=shape)


def alike(votes: sparse.csr_array) -> tuple[sparse.csr_array, NDArray[np.int64]]:
    """Find the different rows of votes [P, A · L], and how many there are of each [P].

    Their order is the same, whatever the order of the rows.
    """
    # A row's key is a sum of random numbers modulo 2⁶⁴, one a column. That two different rows of
    # a million have the same key has a probability of 10⁻⁷.
    random = np.random.default_rng(0).integers(-(2**63), 2**63 - 1, votes.shape[1], np.int64)
    keys = np.zeros(votes.shape[0], dtype=np.int64)
    rows = np.repeat(np.arange(votes.shape[0]), np.diff(votes.indptr))
    np.add.at(keys, rows, random[votes.indices])
    _, first, number = np.unique(keys, return_index=True, return_counts=True)
    return votes[first], number


def confusions(given: Given, smoothing: float, towards: Array) -> Iterator[tuple[Confusion, float]]:
    """Yield ever more likely confusion matrices, beginning with the shares of votes as truth.

    Arguments
    ---------
    given : Given
        The votes.
    smoothing : float
        How many votes of each true label the pooled matrix is worth, for each annotator.
    towards : numpy.ndarray
        [L, L], the pooled matrix.

    Yields
    ------
    confusion : Confusion
        The matrices.
    likelihood : float
        The logarithm of their likelihood, the prior of ``smoothing`` included, in nats.
    """
    posterior = given.shares()
    while True:
        matrices = given.tally(posterior) + smoothing * towards
        total = matrices.sum(axis=2, keepdims=True)
        # an annotator of whom nothing is known for a true label is like all
        matrices = np.where(total > 0, matrices / np.maximum(total, TINY), towards)
        confusion = Confusion((given.number @ posterior) / given.number.sum(), matrices)
        posterior, evidence = normalised(given.log_joint(confusion))
        penalty = (smoothing * towards * np.log(np.maximum(matrices, TINY))).sum()
        yield confusion, float(given.number @ evidence + penalty)


def fit_confusion(given: Given, smoothing: float, towards: Array) -> Confusion:
    """Return the first of `confusions` that gains less than `TOLERANCE`, in nats a vote."""
    return converged(confusions(given, smoothing, towards), TOLERANCE * given.size, ITERATIONS)
