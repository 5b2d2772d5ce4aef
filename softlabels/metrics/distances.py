"""Each utterance's distance between a prediction and the annotators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr, rel_entr

DISTANCES = ("cross_entropy", "KL", "JS", "TV", "manhattan", "soft_accuracy", "one_minus_JSD")


def entropy(p: ArrayLike) -> NDArray[np.float64]:
    """Compute each distribution's entropy ``−Σ p ln p``.

    Arguments
    ---------
    p : array_like
        [N, K], rows sum to 1.

    Returns
    -------
    entropy : numpy.ndarray
        [N], nats: 0 where one class is certain, ln K where all are equally likely.

    Example
    -------
    >>> entropy([[1.0, 0.0], [0.5, 0.5]]).round(4)
    array([0.    , 0.6931])
    """
    return np.asarray(entr(np.asarray(p, dtype=np.float64)).sum(axis=1))


def distances(log_probabilities: ArrayLike, shares: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Compute each utterance's distances between prediction and annotators.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of the predicted distribution p.
    shares : array_like
        [N, K], the unsmoothed share of votes q; rows sum to 1.

    Returns
    -------
    distances : dict of numpy.ndarray
        [N] each. In nats: ``cross_entropy`` −Σ q log p, ``KL`` Σ q log(q / p) and ``JS``,
        the Jensen–Shannon divergence, 0 to log 2. Without a unit: the total variation
        ``TV`` ``Σ |p − q| / 2``, 0 to 1; ``manhattan`` ``Σ |p − q|``, 0 to 2. Of these two more
        is nearer: ``soft_accuracy`` Σ min(p, q) and ``one_minus_JSD`` 1 − JS in bits,
        both 0 to 1.

    Example
    -------
    >>> d = distances(np.log([[0.2, 0.8]]), [[0.6, 0.4]])
    >>> {name: float(d[name][0].round(4)) for name in ("JS", "soft_accuracy", "one_minus_JSD")}
    {'JS': 0.0863, 'soft_accuracy': 0.6, 'one_minus_JSD': 0.8755}
    """
    log_p = np.asarray(log_probabilities, dtype=np.float64)
    q = np.asarray(shares, dtype=np.float64)
    p = np.exp(log_p)
    middle = (p + q) / 2
    # Where nobody voted for a class its logarithm doesn't matter, −∞ included.
    cross_entropy = -np.where(q > 0, q * np.where(q > 0, log_p, 0.0), 0.0).sum(axis=1)
    js = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
    manhattan = np.abs(p - q).sum(axis=1)
    return {
        "cross_entropy": cross_entropy,
        "KL": cross_entropy - entropy(q),
        "JS": js,
        "TV": manhattan / 2,
        "manhattan": manhattan,
        "soft_accuracy": np.minimum(p, q).sum(axis=1),
        "one_minus_JSD": 1 - js / np.log(2),
    }


def mean_distances(log_probabilities: ArrayLike, shares: ArrayLike) -> dict[str, Any]:
    """Average `distances` over a set of utterances.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of the predicted distribution.
    shares : array_like
        [N, K], the unsmoothed share of votes.

    Returns
    -------
    scores : dict
        ``n``, and the mean of each distance; None for an empty set, or where it is infinite.

    Example
    -------
    >>> mean_distances(np.zeros((0, 2)), np.zeros((0, 2)))["KL"] is None
    True
    """
    n = len(np.asarray(shares))
    if not n:
        return {"n": 0, **dict.fromkeys(DISTANCES)}
    by_name = distances(log_probabilities, shares)
    means = {name: float(values.mean()) for name, values in by_name.items()}
    return {"n": n, **{name: mean if np.isfinite(mean) else None for name, mean in means.items()}}
