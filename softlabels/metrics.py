"""How well classes are recognised, and how near predictions come to the annotators.

Weighted accuracy (WA) is the share of utterances that are right, unweighted
accuracy (UA) the mean of the classes' recalls. Distances compare a predicted
distribution with the unsmoothed share of votes, whatever the teacher was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import entr, rel_entr
from sklearn.metrics import confusion_matrix, f1_score


def recognition(true: ArrayLike, predicted: ArrayLike, classes: Sequence[str]) -> dict[str, Any]:
    """Score decisions over a whole set of clear utterances.

    Arguments
    ---------
    true : array_like
        [N], indices of the true classes.
    predicted : array_like
        [N], indices of the predicted classes.
    classes : sequence of str
        The K classes' names.

    Returns
    -------
    scores : dict
        ``n``; ``WA``, ``UA`` and ``macro_F1`` as fractions; ``recall`` by class,
        ``confusion``: [K, K] counts, a row for each true class. UA is over the
        classes that occur in ``true``, macro-F1 over those that occur in either.
        Of an empty set, fractions are None, as is the recall of an absent class.

    Example
    -------
    >>> scores = recognition([0, 0, 1], [0, 1, 1], ["happy", "sad"])
    >>> round(scores["WA"], 3), scores["UA"], scores["recall"]
    (0.667, 0.75, {'happy': 0.5, 'sad': 1.0})
    """
    truth, decided = np.asarray(true, dtype=int), np.asarray(predicted, dtype=int)
    confusion = np.zeros((len(classes), len(classes)), dtype=int)
    if len(truth):
        confusion = confusion_matrix(truth, decided, labels=range(len(classes)))
    support, right = confusion.sum(axis=1), confusion.diagonal()
    recalls = [int(r) / int(n) if n else None for r, n in zip(right, support, strict=True)]
    present = [recall for recall in recalls if recall is not None]
    return {
        "n": len(truth),
        "WA": int(right.sum()) / len(truth) if len(truth) else None,
        "UA": sum(present) / len(present) if present else None,
        "macro_F1": float(f1_score(truth, decided, average="macro")) if len(truth) else None,
        "recall": dict(zip(classes, recalls, strict=True)),
        "confusion": confusion.tolist(),
    }


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
        [N] each, in nats: ``cross_entropy`` −Σ q log p, ``KL`` Σ q log(q / p),
        ``JS`` the Jensen–Shannon divergence, 0 to log 2.

    Example
    -------
    >>> d = distances(np.log([[0.5, 0.5]]), [[1.0, 0.0]])
    >>> {name: float(value[0].round(4)) for name, value in d.items()}
    {'cross_entropy': 0.6931, 'KL': 0.6931, 'JS': 0.2158}
    """
    log_p = np.asarray(log_probabilities, dtype=np.float64)
    q = np.asarray(shares, dtype=np.float64)
    p = np.exp(log_p)
    middle = (p + q) / 2
    # Where nobody voted for a class its logarithm doesn't matter, −∞ included.
    cross_entropy = -np.where(q > 0, q * np.where(q > 0, log_p, 0.0), 0.0).sum(axis=1)
    return {
        "cross_entropy": cross_entropy,
        "KL": cross_entropy - entr(q).sum(axis=1),
        "JS": (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2,
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
    >>> mean_distances(np.zeros((0, 2)), np.zeros((0, 2)))
    {'n': 0, 'cross_entropy': None, 'KL': None, 'JS': None}
    """
    n = len(np.asarray(shares))
    if not n:
        return {"n": 0, "cross_entropy": None, "KL": None, "JS": None}
    found = distances(log_probabilities, shares)
    means = {name: float(values.mean()) for name, values in found.items()}
    return {"n": n, **{name: mean if np.isfinite(mean) else None for name, mean in means.items()}}


def majority_class(true: ArrayLike, counts: ArrayLike, classes: Sequence[str]) -> dict[str, Any]:
    """Score the baseline that always answers the commonest class of training.

    Arguments
    ---------
    true : array_like
        [N], indices of the test utterances' classes.
    counts : array_like
        [K], clear training utterances of each class.
    classes : sequence of str
        The K classes' names.

    Returns
    -------
    scores : dict
        The ``class`` and what `recognition` gives for it.

    Example
    -------
    >>> majority_class([0, 0, 1], [5, 3], ["happy", "sad"])["UA"]
    0.5
    """
    commonest = int(np.argmax(counts))
    truth = np.asarray(true, dtype=int)
    scores = recognition(truth, np.full(len(truth), commonest), classes)
    return {"class": classes[commonest], **scores}
