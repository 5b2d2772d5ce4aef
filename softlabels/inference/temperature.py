"""Temperature: one number that mends a network's over- or under-confidence, and no decision."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from softlabels.metrics.distances import distances

logger = logging.getLogger(__name__)

CALIBRATIONS = ("temperature",)
COLDEST, HOTTEST = 0.05, 20.0


def at_temperature(outputs: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """Compute log-probabilities ``log softmax(z / T)``.

    Arguments
    ---------
    outputs : array_like
        [N, K], z: log-probabilities, or any numbers that differ from them by a constant a row.
    temperature : float
        T: above 1 distributions are flatter, below 1 sharper.

    Returns
    -------
    log_probabilities : numpy.ndarray
        [N, K]: each row has its largest where ``outputs`` has it.

    Example
    -------
    >>> np.exp(at_temperature(np.log([[0.8, 0.2]]), 2.0)).round(3)
    array([[0.667, 0.333]])
    """
    divided = np.asarray(outputs, dtype=np.float64) / temperature
    log_probabilities: NDArray[np.float64] = log_softmax(divided, axis=1)
    return log_probabilities


def fit_temperature(outputs: ArrayLike, shares: ArrayLike) -> float:
    """Choose the temperature at which predictions are nearest to the annotators.

    It minimises the mean cross-entropy between shares of votes and softmax(z / T), which has one
    minimum (Guo et al., ICML 2017, have it with one label an utterance).

    Arguments
    ---------
    outputs : array_like
        [N, K], log-probabilities or concentrations' logarithms, of utterances that train nothing.
    shares : array_like
        [N, K], their shares of votes.

    Returns
    -------
    temperature : float
        `COLDEST` to `HOTTEST`; the log has a warning where the best lies at either end.

    Raises
    ------
    ValueError
        If there is no utterance, or an output is not finite.

    Example
    -------
    >>> log_p = np.log([[0.9, 0.1]] * 4)  # three of four annotators agree: ln 9 / ln 3
    >>> round(fit_temperature(log_p, [[0.75, 0.25]] * 4), 4)
    2.0
    """
    z, q = np.asarray(outputs, dtype=np.float64), np.asarray(shares, dtype=np.float64)
    if not len(z):
        raise ValueError("there is no validation utterance to set a temperature by")
    if np.isnan(z).any() or not np.isfinite(z.max(axis=1)).all():
        raise ValueError("outputs must be finite: there is no temperature of what diverged")

    def loss(log_temperature: float) -> float:
        log_p = at_temperature(z, np.exp(log_temperature))
        return float(distances(log_p, q)["cross_entropy"].mean())

    ends = (np.log(COLDEST), np.log(HOTTEST))
    best = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-6})
    nearest = min((float(best.x), *ends), key=loss)
    if min(abs(nearest - end) for end in ends) < 1e-4:
        logger.warning(
            "The temperature is %g, the end of its range: too few or too alike validation "
            "utterances to set it by",
            np.exp(nearest),
        )
    return float(np.clip(np.exp(nearest), COLDEST, HOTTEST))
