"""Is one teacher better than another, or was it chance?

Two things are left to chance: which utterances (or speakers) are in the test set,
and how each training went. The same trainings test many utterances, and the same
utterances test many trainings, so a difference's variance is estimated by two-way
clustering (Cameron, Gelbach and Miller, Journal of Business & Economic Statistics
29:2, 2011): of the units, plus what the trainings add beyond that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class Difference:
    """A difference in accuracy, as fractions, with its interval and p-value.

    Arguments
    ---------
    value, low, high : float
        The difference and its confidence interval.
    p : float
        Two-sided, of no difference.
    units, trainings : int
        What it rests on.

    Example
    -------
    >>> Difference(0.1, -0.1, 0.3, 0.3, units=10, trainings=5).value
    0.1
    """

    value: float
    low: float
    high: float
    p: float
    units: int
    trainings: int


def compare(
    gain: ArrayLike,
    classes: ArrayLike,
    units: ArrayLike,
    trainings: ArrayLike,
    confidence: float = 0.95,
) -> Difference:
    """Estimate the mean over classes of the mean gain, and how sure it is.

    An observation is one test utterance in one pair of trainings that share seed
    and held-out session. With every utterance in one class this is the difference
    in WA, with their true classes that in UA.

    Arguments
    ---------
    gain : array_like
        [M], 1 where the second of two teachers alone is right, −1 where the first is, else 0.
    classes : array_like
        [M], the utterances' classes, of any type.
    units : array_like
        [M], what the test set is a draw of: utterances, or speakers.
    trainings : array_like
        [M], which pair of trainings.
    confidence : float
        Of the interval.

    Returns
    -------
    difference : Difference
        With Student's t for the interval and p; degrees of freedom by Satterthwaite.

    Raises
    ------
    ValueError
        If there are fewer than two units.

    Example
    -------
    >>> found = compare([1, 0, 1, 0], ["a", "a", "b", "b"], units=[1, 2, 3, 4], trainings=[1] * 4)
    >>> round(found.value, 6), round(found.p, 2)
    (0.5, 0.18)
    """
    values = np.asarray(gain, dtype=np.float64)
    _, kind = np.unique(np.asarray(classes), return_inverse=True)
    _, unit = np.unique(np.asarray(units), return_inverse=True)
    _, training = np.unique(np.asarray(trainings), return_inverse=True)
    n_units, n_trainings = unit.max() + 1, training.max() + 1
    if n_units < 2:
        raise ValueError("a comparison needs test utterances of at least two units; got one")
    number = np.bincount(kind)
    means = np.bincount(kind, values) / number
    value = float(means.mean())
    influence = (values - means[kind]) / (len(number) * number[kind])
    of_units = _clustered(influence, unit)
    cell = unit * n_trainings + training
    added = max(_clustered(influence, training) - _clustered(influence, cell), 0.0)
    variance = of_units + added
    if variance == 0.0:
        return Difference(value, value, value, float(value == 0.0), int(n_units), int(n_trainings))
    shares = of_units**2 / (n_units - 1)
    if added:
        shares += added**2 / (n_trainings - 1)
    freedom = variance**2 / shares
    error = np.sqrt(variance)
    half = stats.t.ppf((1 + confidence) / 2, freedom) * error
    p = 2 * stats.t.sf(abs(value) / error, freedom)
    return Difference(value, value - half, value + half, float(p), int(n_units), int(n_trainings))


def _clustered(influence: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Variance of the sum of influences, independent between groups only."""
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, influence)
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum()) if len(sums) > 1 else 0.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm, Scandinavian Journal of Statistics 6:2, 1979).

    Arguments
    ---------
    p_values : sequence of float
        0 to 1.

    Returns
    -------
    corrected : list of float
        In the same order.

    Example
    -------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = len(p_values) - np.arange(len(p_values))
    corrected = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * steps), 1.0)
    found = np.empty(len(p_values))
    found[order] = corrected
    return [float(p) for p in found]
