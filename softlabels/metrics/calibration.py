"""Whether confidence is as high as the predictions are right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

BINS = 10


def calibration(log_probabilities: ArrayLike, right: ArrayLike, bins: int = BINS) -> dict[str, Any]:
    """Compare confidence with the share of right predictions, in bins of equal width.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of predicted distributions; the confidence is the
        largest probability of a row.
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
    >>> result = calibration(np.log([[0.9, 0.1], [0.9, 0.1]]), right=[1, 0])
    >>> round(result["error"], 6), result["n"]
    (0.4, [2])
    """
    confidence = np.exp(np.asarray(log_probabilities, float).max(axis=1))
    correct = np.asarray(right, float)
    # a confidence on an edge belongs to the bin below it, as Guo et al. have it
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    n = np.bincount(index, minlength=bins)
    some = n > 0
    means = [np.bincount(index, x, bins)[some] / n[some] for x in (confidence, correct)]
    gap = np.abs(means[0] - means[1])
    return {
        "error": float((gap * n[some]).sum() / max(len(confidence), 1)),
        "confidence": means[0].tolist(),
        "right": means[1].tolist(),
        "n": n[some].tolist(),
    }
