"""Is one encoder better than another, or was it chance?

Two things are left to chance: which utterances (or speakers) are in the test set,
and how each training went. The same trainings test many utterances, and the same
utterances test many trainings, so a difference's variance is estimated by two-way
clustering (Cameron, Gelbach and Miller, Journal of Business & Economic Statistics
29:2, 2011): of the units, plus what the trainings add beyond that.

Several rows are compared with one baseline. p-values and intervals are corrected for
their number by the same construction, Bonferroni's: p times the number of rows, and
intervals that cover at 1 − 0.05 / number. So a corrected p is below 0.05 exactly where
the interval excludes 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

LEVEL = 0.05
LEAST_TRAININGS, LEAST_UTTERANCES = 3, 20


@dataclass(frozen=True)
class Difference:
    """A difference to the baseline, with its interval and p-value.

    Arguments
    ---------
    value : float
        The difference: a fraction for accuracies, nats for JS.
    low, high : float or None
        The interval; None where the evidence is too thin.
    p : float or None
        Two-sided, of no difference; None likewise.
    units, trainings : int
        The evidence: test utterances or speakers, and pairs of trainings.

    Example
    -------
    >>> Difference(0.1, None, None, None, units=10, trainings=1).decided
    False
    """

    value: float
    low: float | None
    high: float | None
    p: float | None
    units: int
    trainings: int

    @property
    def decided(self) -> bool:
        """Whether the difference is more than chance."""
        return self.p is not None and self.p < LEVEL


def missing_evidence(trainings: int, utterances: int) -> str | None:
    """Return why two rows can't be compared: fewer than 3 trainings of each, or 20 utterances.

    One training of each can't show how much trainings vary, and two hardly; below 20
    utterances Student's t is not a good approximation.

    Example
    -------
    >>> missing_evidence(1, 500)
    '1 training in common with the baseline; at least 3 are needed'
    >>> missing_evidence(3, 20) is None
    True
    """
    if trainings < LEAST_TRAININGS:
        number, least, noun = trainings, LEAST_TRAININGS, "training"
    elif utterances < LEAST_UTTERANCES:
        number, least, noun = utterances, LEAST_UTTERANCES, "utterance"
    else:
        return None
    plural = "" if number == 1 else "s"
    return f"{number} {noun}{plural} in common with the baseline; at least {least} are needed"


def compare(
    gain: ArrayLike,
    classes: ArrayLike,
    units: ArrayLike,
    trainings: ArrayLike,
    comparisons: int = 1,
) -> Difference:
    """Estimate the mean over classes of the mean gain, and how sure it is.

    An observation is one test utterance in one pair of trainings that share seed
    and held-out group. With every utterance in one class this is the difference
    in WA, with their true classes that in UA.

    Arguments
    ---------
    gain : array_like
        [M], the second encoder's score less the first's: for accuracies 1 where the second
        alone is right, −1 where the first is, else 0.
    classes : array_like
        [M], the utterances' classes, of any type.
    units : array_like
        [M], what the test set is a draw of: utterances, or speakers.
    trainings : array_like
        [M], which pair of trainings.
    comparisons : int
        How many differences are looked at together: p and interval are corrected for
        it (Bonferroni).

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
    >>> classes = ["a", "a", "b", "b"]
    >>> difference = compare([1, 0, 1, 0], classes, units=[1, 2, 3, 4], trainings=[1] * 4)
    >>> round(difference.value, 6), round(difference.p, 2)
    (0.5, 0.18)
    """
    values = np.asarray(gain, dtype=np.float64)
    _, kind = np.unique(np.asarray(classes), return_inverse=True)
    _, unit = np.unique(np.asarray(units), return_inverse=True)
    _, training = np.unique(np.asarray(trainings), return_inverse=True)
    n_units, n_trainings = int(unit.max()) + 1, int(training.max()) + 1
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
        return Difference(value, value, value, float(value == 0.0), n_units, n_trainings)
    shares = of_units**2 / (n_units - 1)
    if added:
        shares += added**2 / (n_trainings - 1)
    freedom = variance**2 / shares
    error = np.sqrt(variance)
    half = float(stats.t.isf(LEVEL / comparisons / 2, freedom) * error)
    p = min(float(2 * comparisons * stats.t.sf(abs(value) / error, freedom)), 1.0)
    return Difference(value, value - half, value + half, p, n_units, n_trainings)


def ratio_interval(
    values: NDArray[np.float64],
    sizes: NDArray[np.int64],
    clusters: NDArray[np.int64],
    confidence: float = 0.95,
) -> tuple[float, float, float]:
    """Estimate Σ values / Σ sizes, with an interval for independent clusters.

    Arguments
    ---------
    values, sizes, clusters : numpy.ndarray
        [M], of each observation.
    confidence : float
        Of the interval.

    Returns
    -------
    mean, low, high : float
        NaN without observations; the interval is NaN with fewer than two clusters. Student's
        t, with as many degrees of freedom as clusters less one.

    Example
    -------
    >>> mean, low, high = ratio_interval(np.array([1.0, 2.0, 3.0]), np.ones(3), np.arange(3))
    >>> round(mean, 3), round(low, 3), round(high, 3)  # 2 ± 4.303 / √3
    (2.0, -0.484, 4.484)
    """
    total = sizes.sum()
    if not total:
        return float("nan"), float("nan"), float("nan")
    mean = float(values.sum() / total)
    number = len(np.unique(clusters))
    if number < 2:
        return mean, float("nan"), float("nan")
    error = np.sqrt(_clustered((values - mean * sizes) / total, clusters))
    half = float(stats.t.ppf((1 + confidence) / 2, number - 1) * error)
    return mean, mean - half, mean + half


def _clustered(influence: NDArray[np.float64], groups: NDArray[np.intp]) -> float:
    """Variance of the sum of influences, independent between groups only."""
    _, group = np.unique(groups, return_inverse=True)
    sums = np.bincount(group, influence)
    return float(len(sums) / (len(sums) - 1) * (sums**2).sum()) if len(sums) > 1 else 0.0
