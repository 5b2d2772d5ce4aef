"""Mixtures of Dirichlets, fitted to counts of votes.

K. Sjölander et al., "Dirichlet mixtures: a method for improved detection of weak but
significant protein sequence homology", CABIOS 12:4, 1996.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.ascent import converged, normalised
from softlabels.encoders.dirichlet_multinomial import LEAST, Levels, climb, fit_dirichlet
from softlabels.votes.left_out import check_whole, left_out_scores, mean_score
from softlabels.votes.patterns import Patterns, fold_numbers

NUMBERS = (1, 3, 6, 12, 24)  # of components that ``auto`` tries
FOLDS = 3
WORTH = 1e-3  # nats a vote; less is not worth more components
TOLERANCE = 1e-5  # nats a vote: what an iteration must gain; the rest is fitting to chance
ITERATIONS = 500
ALIKE = 2.0  # utterances like all that each component accounts for
SPREAD = 5.0  # votes that a component is worth at the start
CANDIDATES = 10_000  # patterns that components start from

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Mixture:
    """Dirichlets, and how common each is.

    Arguments
    ---------
    weights : numpy.ndarray
        [M], sum to 1.
    concentrations : numpy.ndarray
        [L, M], more than 0.

    Example
    -------
    >>> mixture = Mixture(np.array([0.5, 0.5]), np.array([[9.0, 1.0], [1.0, 9.0]]))
    >>> mixture.targets(np.array([[0, 0], [1, 0]]))
    array([[0.5       , 0.5       ],
           [0.83636364, 0.16363636]])
    """

    weights: Array
    concentrations: Array

    def targets(self, counts: NDArray[Any]) -> Array:
        """Return the mean distribution over the labels after these votes, [N, L].

        ``Σ_m r_m (n + a_m) / (N + Σ a_m)``, r_m the probability of the component m.
        """
        likelihood = Levels(counts).log_likelihood(self.concentrations)
        shares, _ = normalised(likelihood + np.log(self.weights))
        shares /= counts.sum(axis=1, keepdims=True) + self.concentrations.sum(axis=0)
        return counts * shares.sum(axis=1, keepdims=True) + shares @ self.concentrations.T


def mixtures(patterns: Patterns, components: int) -> Iterator[tuple[Mixture, float]]:
    """Yield ever more likely mixtures of Dirichlets, by expectation maximisation.

    Besides its share of the utterances, each component accounts for `ALIKE` that are like them
    all, which keeps it from fitting a few.

    Arguments
    ---------
    patterns : Patterns
        Patterns of counts [P, L].
    components : int
        M; at most P are used.

    Yields
    ------
    mixture : Mixture
        The mixture.
    likelihood : float
        Its logarithm, in nats a vote, the utterances that are like all included.
    """
    levels = Levels(patterns.counts)
    number = patterns.number.astype(np.float64)
    like_all = ALIKE * number / number.sum()
    prior = levels.numbers(like_all[:, None])
    votes = number @ patterns.counts.sum(axis=1)
    a = _start(patterns, min(components, len(patterns)))
    weights = np.full(a.shape[1], 1 / a.shape[1])
    while True:
        joint = levels.log_likelihood(a) + np.log(weights)
        own = (like_all[:, None] * joint).sum()
        shares, evidence = normalised(joint)
        yield Mixture(weights, a), float(number @ evidence + own) / votes
        shares *= number[:, None]
        weights = shares.sum(axis=0) + ALIKE
        weights /= weights.sum()
        a = climb(levels, levels.numbers(shares) + prior, a, steps=3, tolerance=1e-6)


def fit_mixture(patterns: Patterns, components: int) -> Mixture:
    """Fit a mixture of Dirichlets to counts, until an iteration gains less than `TOLERANCE`.

    Arguments
    ---------
    patterns, components
        See `mixtures`.
    """
    return converged(mixtures(patterns, components), TOLERANCE, ITERATIONS)


def choose_components(patterns: Patterns, columns: NDArray[np.int64]) -> int:
    """Choose the number of components by votes left out, on folds of the utterances.

    Arguments
    ---------
    patterns : Patterns
        Patterns of counts [P, L].
    columns : numpy.ndarray
        [K], the columns of the target classes.

    Returns
    -------
    components : int
        The least of `NUMBERS` whose score is that of the best, or less by at most `WORTH`.
    """
    check_whole(patterns.counts)
    folds = fold_numbers(patterns.number, FOLDS)
    scores = np.array(
        [
            np.mean([_score(patterns, fold, components, columns) for fold in folds])
            for components in NUMBERS
        ]
    )
    scores[np.isnan(scores)] = -np.inf  # no vote could be left out
    return NUMBERS[int(np.argmax(scores >= scores.max() - WORTH))]


def _score(
    patterns: Patterns, held_out: NDArray[np.int64], components: int, columns: NDArray[np.int64]
) -> float:
    """Fit a mixture to some of the utterances, and score its forecasts on the others."""
    kept = patterns.number - held_out
    part = Patterns(patterns.counts[kept > 0], kept[kept > 0], np.zeros(0, dtype=np.int64))
    if not len(part):
        return float("nan")
    mixture = fit_mixture(part, components)

    def targets(counts: NDArray[Any]) -> Array:
        return renormalised(mixture.targets(counts)[:, columns])

    tested = held_out > 0
    counts = patterns.counts[tested]
    scores = left_out_scores(counts, columns, targets)
    return mean_score(scores, counts[:, columns] * held_out[tested, None])


def renormalised(shares: Array) -> Array:
    """Return rows that sum to 1."""
    return shares / shares.sum(axis=1, keepdims=True)


def _start(patterns: Patterns, components: int) -> Array:
    """Place components [L, M]: at the mean, then ever where patterns are common and far from all.

    Distances are Hellinger's, between the patterns' smoothed shares.
    """
    some = slice(None, None, -(-len(patterns) // CANDIDATES))
    counts, number = patterns.counts[some], patterns.number[some]
    prior = fit_dirichlet(patterns)
    roots = np.sqrt(renormalised(counts + prior))
    mean = patterns.number @ patterns.counts
    centres = [np.sqrt(mean / mean.sum())]
    nearest = np.full(len(counts), np.inf)
    while len(centres) < components:
        nearest = np.minimum(nearest, ((roots - centres[-1]) ** 2).sum(axis=1))
        centres.append(roots[np.argmax(np.sqrt(number) * nearest)])
    shares = np.stack(centres, axis=1) ** 2
    return np.maximum(SPREAD * shares / shares.sum(axis=0), LEAST)
