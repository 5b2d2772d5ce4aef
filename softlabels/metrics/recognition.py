"""How well classes are recognised where the annotators agree on one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
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
