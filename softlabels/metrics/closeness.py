"""Distance of a set's predicted distributions to the annotators', in several scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import pearsonr
from sklearn.metrics import average_precision_score, f1_score

from softlabels.metrics.calibration import calibration
from softlabels.metrics.distances import entropy, mean_distances


def closeness(log_probabilities: ArrayLike, shares: ArrayLike) -> dict[str, Any]:
    """Score a set of predictions against the annotators' distributions.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of the predicted distributions.
    shares : array_like
        [N, K], the unsmoothed share of votes; rows sum to 1.

    Returns
    -------
    scores : dict
        As `mean_distances`, and: ``entropy_correlation``: Pearson's, of predicted and
        annotators' entropy; `presence_F1`; ``annotator_error``: the error rate against a
        single annotator, the mean share of votes that went to another than the
        predicted class; ``any_vote``: how often the predicted class got at least one
        vote; ``soft_ECE``: the calibration error against the share of votes for the
        predicted class. None where there is nothing to average or to correlate.

    Example
    -------
    >>> scores = closeness(np.log([[0.5, 0.5], [0.9, 0.1]]), [[0.5, 0.5], [1.0, 0.0]])
    >>> {name: round(scores[name], 3) for name in ("TV", "any_vote", "annotator_error")}
    {'TV': 0.05, 'any_vote': 1.0, 'annotator_error': 0.25}
    """
    log_p, q = np.asarray(log_probabilities, float), np.asarray(shares, float)
    scores = mean_distances(log_p, q)
    if not len(q):
        names = ("entropy_correlation", "presence_F1", "annotator_error", "any_vote", "soft_ECE")
        return {**scores, **dict.fromkeys(names)}
    share = q[np.arange(len(q)), log_p.argmax(axis=1)]  # of votes for the predicted class
    entropies = entropy(np.exp(log_p)), entropy(q)
    varied = len(q) > 1 and all(np.ptp(values) > 0 for values in entropies)
    return {
        **scores,
        "entropy_correlation": float(pearsonr(*entropies).statistic) if varied else None,
        "presence_F1": presence_F1(log_p, q),
        "annotator_error": float(1 - share.mean()),
        "any_vote": float((share > 0).mean()),
        "soft_ECE": calibration(log_p, share)["error"],
    }


def presence_F1(log_probabilities: ArrayLike, shares: ArrayLike) -> float | None:
    """Compute macro-F1 of the classes that are present: above 1/K of a distribution.

    It is EMO-SUPERB's score (Wu et al., arXiv:2402.13018), over the whole set, not by batches:
    an utterance may have several classes, or none.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of the predicted distributions.
    shares : array_like
        [N, K], the unsmoothed share of votes.

    Returns
    -------
    score : float or None
        0 to 1, over the classes that are present in any prediction or any target; None
        where no class is.

    Example
    -------
    >>> presence_F1(np.log([[0.6, 0.4], [0.7, 0.3]]), [[1.0, 0.0], [0.0, 1.0]])
    0.3333333333333333
    """
    p, q = np.exp(np.asarray(log_probabilities, float)), np.asarray(shares, float)
    predicted, true = p > 1 / p.shape[1], q > 1 / q.shape[1]
    some = (predicted | true).any(axis=0)
    if not some.any():
        return None
    return float(f1_score(true[:, some], predicted[:, some], average="macro", zero_division=0))


def ambiguity_AUPRC(
    log_probabilities: ArrayLike, ambiguous: ArrayLike, precisions: ArrayLike | None = None
) -> float | None:
    """Compute how well the predictions' entropy, or a low precision, finds ambiguous utterances.

    Arguments
    ---------
    log_probabilities : array_like
        [N, K], natural logarithms of the predicted distributions.
    ambiguous : array_like
        [N], whether the annotators agree on no class.
    precisions : array_like, optional
        [N], the predicted Dirichlet distributions' precisions, to go by in place of entropy.

    Returns
    -------
    area : float or None
        Under the precision–recall curve (average precision), 0 to 1; uninformative entropies
        give the share of ambiguous utterances. None where all are ambiguous, or none.

    Example
    -------
    >>> p = [[0.5, 0.5], [0.9, 0.1], [0.6, 0.4]]
    >>> ambiguity_AUPRC(np.log(p), [True, False, True])
    1.0
    """
    positive = np.asarray(ambiguous, dtype=bool)
    if positive.all() or not positive.any():
        return None
    if precisions is not None:
        return float(average_precision_score(positive, -np.asarray(precisions, float)))
    p = np.exp(np.asarray(log_probabilities, float))
    return float(average_precision_score(positive, entropy(p)))
