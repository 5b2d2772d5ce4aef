"""Likelihood of counts under Dirichlet-multinomials, and how its concentrations are fitted.

Up to the multinomial coefficient, which no concentration changes, the logarithm of the
probability of an utterance's counts n with the sum N is

``Σ_k [ln Γ(n_k + a_k) − ln Γ(a_k)] − [ln Γ(N + A) − ln Γ(A)]``, ``A = Σ_k a_k``.

Each term depends on one label's count alone. So all that a fit needs of a million
utterances is how many have the label k c times: a few hundred numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import digamma, gammaln, polygamma

from softlabels.votes.patterns import Patterns, count_patterns

LEAST, MOST = 1e-6, 1e6  # concentrations; the best may lie at 0 or at infinity
ROUNDING = 1e-12  # of a likelihood
Array = NDArray[np.float64]


class Levels:
    """Which counts occur of which label, and in which patterns.

    A term is a pair of a label and a count above 0 of it that occurs; the sums of the
    patterns are terms of the label L, which stands for all labels together.

    Arguments
    ---------
    counts : numpy.ndarray
        [P, L], patterns of counts.

    Example
    -------
    >>> levels = Levels(np.array([[2, 1], [0, 3]]))
    >>> levels.label.tolist(), levels.count.tolist()
    ([0, 1, 1, 2], [2.0, 1.0, 3.0, 3.0])
    >>> np.exp(levels.log_likelihood(np.ones((2, 1))))[:, 0]  # 2! 1! / (2·3·4), 3! / (2·3·4)
    array([0.08333333, 0.25      ])
    """

    def __init__(self, counts: NDArray[Any]) -> None:
        self.labels = counts.shape[1]
        pattern, label = np.nonzero(counts)
        total = counts.sum(axis=1)
        voted = np.flatnonzero(total)
        count = np.concatenate([counts[pattern, label], total[voted]])
        pattern = np.concatenate([pattern, voted])
        label = np.concatenate([label, np.full(len(voted), self.labels)])
        terms = count_patterns(np.stack([label, count], axis=1))
        self.label = terms.counts[:, 0].astype(np.int64)
        self.count = terms.counts[:, 1].astype(np.float64)
        self.sign = np.where(self.label == self.labels, -1.0, 1.0)
        shape = (len(counts), len(terms))
        self._matrix = sparse.csr_array((self.sign[terms.of], (pattern, terms.of)), shape=shape)
        self._transposed = abs(self._matrix).T.tocsr()

    def numbers(self, weights: Array) -> Array:
        """Sum the weights [P, M] of the patterns behind each term [D, M]."""
        return self._transposed @ weights

    def log_likelihood(self, concentrations: Array) -> Array:
        """Return ln p of each pattern [P, M] under M components' concentrations [L, M]."""
        return self._matrix @ self._rising(concentrations)

    def summed(self, concentrations: Array, numbers: Array) -> Array:
        """Return ln p, summed over utterances [M], of which the terms' numbers [D, M] are known."""
        return (self.sign[:, None] * numbers * self._rising(concentrations)).sum(axis=0)

    def slopes(self, concentrations: Array, numbers: Array) -> tuple[Array, Array]:
        """Sum the first and second derivatives of ln Γ(c + a) − ln Γ(a) by label, [L + 1, M]."""
        a, count = self._of_terms(concentrations)
        first = numbers * (digamma(a + count) - digamma(a))
        second = numbers * (polygamma(1, a + count) - polygamma(1, a))
        return self._by_label(first), self._by_label(second)

    def _rising(self, concentrations: Array) -> Array:
        a, count = self._of_terms(concentrations)
        return gammaln(a + count) - gammaln(a)

    def _of_terms(self, concentrations: Array) -> tuple[Array, Array]:
        with_sum = np.vstack([concentrations, concentrations.sum(axis=0)])
        return with_sum[self.label], self.count[:, None]

    def _by_label(self, values: Array) -> Array:
        sums = np.zeros((self.labels + 1, values.shape[1]))
        np.add.at(sums, self.label, values)
        return sums


def climb(levels: Levels, numbers: Array, start: Array, steps: int, tolerance: float) -> Array:
    """Raise M likelihoods, each in its own concentrations.

    A step is Newton's where that raises the likelihood, else Minka's fixed point
    ``a_k ← a_k Σ_i [ψ(n_ik + a_k) − ψ(a_k)] / Σ_i [ψ(N_i + A) − ψ(A)]``, which always does.

    T. Minka, "Estimating a Dirichlet distribution", 2000.

    Arguments
    ---------
    levels : Levels
        The terms.
    numbers : numpy.ndarray
        [D, M], how many utterances stand behind each term, for each component.
    start : numpy.ndarray
        [L, M], the concentrations to start from.
    steps : int
        At most so many.
    tolerance : float
        No further step where the last one changed no ln a by more.

    Returns
    -------
    concentrations : numpy.ndarray
        [L, M], from `LEAST` to `MOST`.
    """
    a = start
    value = levels.summed(a, numbers)
    for _ in range(steps):
        first, second = levels.slopes(a, numbers)
        newton = _newton(a, first, second)
        value_of_newton = levels.summed(newton, numbers)
        with np.errstate(divide="ignore", invalid="ignore"):
            fixed = a * first[:-1] / first[-1]
        fixed = np.clip(np.where(np.isfinite(fixed), fixed, a), LEAST, MOST)
        value_of_fixed = levels.summed(fixed, numbers)
        gain = value_of_newton - value_of_fixed > ROUNDING * abs(value_of_fixed)
        better = np.where(gain, newton, fixed)
        reached = np.where(gain, value_of_newton, value_of_fixed)
        better = np.where(reached >= value, better, a)  # rounding may take a little
        change = abs(np.log(better / a)).max(initial=0)
        a, value = better, np.maximum(reached, value)
        if change <= tolerance:
            break
    return a


def fit_dirichlet(patterns: Patterns) -> NDArray[np.float64]:
    """Find the Dirichlet under which the counts are most likely.

    Utterances with one vote determine the concentrations' proportions, not their sum. Where
    there are no others, the sum is the number of labels, as in the uniform prior.

    Arguments
    ---------
    patterns : Patterns
        Patterns of counts [P, L].

    Returns
    -------
    concentrations : numpy.ndarray
        [L], more than 0.

    Example
    -------
    >>> from softlabels.votes.patterns import Patterns, count_patterns
    >>> votes = np.array([[3, 0], [3, 0], [2, 1], [1, 2]])
    >>> fit_dirichlet(count_patterns(votes)).round(3)
    array([4.944, 1.636])
    """
    levels = Levels(patterns.counts)
    numbers = levels.numbers(patterns.number[:, None].astype(np.float64))
    start = np.ones((patterns.counts.shape[1], 1))
    return climb(levels, numbers, start, steps=1000, tolerance=1e-9)[:, 0]


def _newton(a: Array, first: Array, second: Array) -> Array:
    """Newton's step: the Hessian is a diagonal and a constant, and so is easily inverted."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gradient = first[:-1] - first[-1]
        diagonal, constant = second[:-1], -second[-1]
        shift = (gradient / diagonal).sum(axis=0) / (1 / constant + (1 / diagonal).sum(axis=0))
        step = (gradient - shift) / diagonal
        # in ln a no step leaves the positive numbers, and to first order it is the same
        moved = a * np.exp(np.clip(-step / a, -3, 3))
    return np.clip(np.where(np.isfinite(moved), moved, a), LEAST, MOST)
