"""Abstention: where a distribution is flatter than on clear speech."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr

KEEP_QUANTILE = 0.9


def entropy(log_probabilities: ArrayLike) -> NDArray[np.float64]:
    """Compute how flat distributions are: ``−Σ_k p_k ln p_k``.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of probabilities; −∞ is a probability of 0.

    Returns
    -------
    entropy : numpy.ndarray
        [N], nats: 0 where one class is certain, ln K where all are equally likely.

    Example
    -------
    >>> entropy(np.log([[0.5, 0.5], [0.25, 0.75]])).round(3)
    array([0.693, 0.562])
    """
    p = np.exp(np.asarray(log_probabilities, dtype=np.float64))
    flatness: NDArray[np.float64] = entr(p).sum(axis=1)
    return flatness


def entropy_threshold(log_probabilities: ArrayLike) -> float:
    """Choose the entropy above which a model abstains.

    It is the lowest that at least 9 in 10 of the given utterances do not exceed. They are
    validation utterances, each with a dominant emotion, so a flatter distribution is one that
    clear speech rarely has.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], the model's outputs for N utterances.

    Returns
    -------
    threshold : float
        Nats.

    Raises
    ------
    ValueError
        If there is no utterance.

    Example
    -------
    >>> outputs = np.log([[0.5, 0.5]] + [[0.25, 0.75]] * 9)
    >>> round(entropy_threshold(outputs), 3)
    0.562
    """
    if not len(np.atleast_1d(log_probabilities)):
        raise ValueError("there is no validation utterance to choose a threshold by")
    # the entropy of an utterance, none between two of them
    return float(np.quantile(entropy(log_probabilities), KEEP_QUANTILE, method="inverted_cdf"))
