"""How near predicted distributions come to what annotators said, beyond one number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr
from scipy.stats import pearsonr

from softlabels.metrics import distances

BINS = 10


def total_variation(p: ArrayLike, q: ArrayLike) -> NDArray[np.float64]:
    """Half the sum of absolute differences: the most that two distributions can disagree.

    Arguments
    ---------
    p, q : array_like
        [N, K], rows sum to 1.

    Returns
    -------
    distance : numpy.ndarray
        [N], 0 to 1.

    Example
    -------
    >>> total_variation([[0.5, 0.5]], [[1.0, 0.0]])
    array([0.5])
    """
    return np.asarray(np.abs(np.asarray(p, float) - np.asarray(q, float)).sum(axis=1) / 2)


def calibration(p: ArrayLike, right: ArrayLike, bins: int = BINS) -> dict[str, Any]:
    """Compare confidence with how often it is borne out, in bins of equal width.

    Arguments
    ---------
    p : array_like
        [N, K], predicted distributions; the confidence is the largest of a row.
    right : array_like
        [N], 0 to 1: whether the predicted class is right, or the share of votes for it.
    bins : int
        Over confidences from 0 to 1.

    Returns
    -------
    calibration : dict
        ``error``: the expected calibration error (Guo et al., ICML 2017), the mean over
        utterances of their bin's gap; ``confidence``, ``right`` and ``n`` of the bins
        that hold any utterance.

    Example
    -------
    >>> found = calibration([[0.9, 0.1], [0.9, 0.1]], right=[1, 0])
    >>> round(found["error"], 6), found["n"]
    (0.4, [2])
    """
    confidence = np.asarray(p, float).max(axis=1)
    borne_out = np.asarray(right, float)
    # a confidence on an edge belongs to the bin below it, as Guo et al. have it
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    n = np.bincount(index, minlength=bins)
    some = n > 0
    means = [np.bincount(index, x, bins)[some] / n[some] for x in (confidence, borne_out)]
    gap = np.abs(means[0] - means[1])
    return {
        "error": float((gap * n[some]).sum() / max(len(confidence), 1)),
        "confidence": means[0].tolist(),
        "right": means[1].tolist(),
        "n": n[some].tolist(),
    }


def closeness(p: ArrayLike, shares: ArrayLike) -> dict[str, float | None]:
    """Score predictions against the annotators' distribution.

    Arguments
    ---------
    p : array_like
        [N, K], predicted distributions.
    shares : array_like
        [N, K], the unsmoothed share of votes.

    Returns
    -------
    scores : dict
        Means of ``cross_entropy``, ``KL``, ``JS`` (nats) and ``TV``;
        ``entropy_correlation``: Pearson's, of predicted and annotators' entropy;
        ``any_vote``: how often the predicted class got at least one vote;
        ``soft_ECE``: the calibration error against the share of votes for the predicted
        class. None where there is nothing to average or to correlate.

    Example
    -------
    >>> scores = closeness([[0.5, 0.5], [0.9, 0.1]], [[0.5, 0.5], [1.0, 0.0]])
    >>> {name: round(value, 3) for name, value in scores.items() if name in ("TV", "any_vote")}
    {'TV': 0.05, 'any_vote': 1.0}
    """
    predicted, q = np.asarray(p, float), np.asarray(shares, float)
    if not len(predicted):
        names = ("cross_entropy", "KL", "JS", "TV", "entropy_correlation", "any_vote", "soft_ECE")
        return dict.fromkeys(names)
    with np.errstate(divide="ignore"):
        found = distances(np.log(predicted), q)
    means = {name: _finite(values.mean()) for name, values in found.items()}
    share = q[np.arange(len(q)), predicted.argmax(axis=1)]
    entropies = entr(predicted).sum(axis=1), entr(q).sum(axis=1)
    varied = len(q) > 1 and all(np.ptp(entropy) > 0 for entropy in entropies)
    return {
        **means,
        "TV": float(total_variation(predicted, q).mean()),
        "entropy_correlation": float(pearsonr(*entropies).statistic) if varied else None,
        "any_vote": float((share > 0).mean()),
        "soft_ECE": calibration(predicted, share)["error"],
    }


def _finite(value: np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None
