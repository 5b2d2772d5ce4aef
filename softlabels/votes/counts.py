"""Annotators' labels → counts, and the one place that decides which utterances
are clear, ambiguous or discarded.

Votes are kept as the annotators gave them: an utterance is a list of
annotators, an annotator a list of labels. Everything here is a pure function
of such votes (or of counts of them) and needs numpy alone.

* *Dominant*: the one label, target or not, that most annotators gave, by at
  least ``minimum_agreement`` of them, with no tie.
* *Clear*: the dominant label is a target class.
* *Ambiguous*: it is not, but at least one annotator gave a target class.
* *Discarded*: nobody gave a target class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.votes.checks import (
    Votes,
    check_classes,
    check_counts,
    check_minimum_agreement,
    check_votes,
)

PARTITIONS = ("clear", "ambiguous", "discarded")
MINIMUM_AGREEMENT = 2


def count_votes(
    batch: Iterable[Votes], labels: Iterable[str] = ()
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Count, for each utterance, the annotators behind each label.

    Arguments
    ---------
    batch : iterable of votes
        N utterances' votes (see `check_votes`).
    labels : iterable of str
        Labels that get the first columns, whether anyone gave them or not.

    Returns
    -------
    counts : numpy.ndarray
        [N, L], int64: ``counts[i, j]`` annotators gave utterance i label j.
    labels : tuple of str
        The L labels: the given ones, then all others in alphabetical order.

    Raises
    ------
    TypeError, ValueError
        If an utterance's votes are malformed; the message says which one's.

    Example
    -------
    >>> count_votes([[["happy"], ["other", "happy"]]], labels=["sad"])
    (array([[0, 2, 1]]), ('sad', 'happy', 'other'))
    """
    if isinstance(batch, (str, bytes)) or not isinstance(batch, Iterable):
        raise TypeError(f"a batch must be a list of utterances' votes; got {batch!r}")
    rows: list[int] = []
    given: list[str] = []
    number = 0
    for number, votes in enumerate(batch, start=1):
        try:
            annotators = check_votes(votes)
        except (TypeError, ValueError) as error:
            raise type(error)(f"utterance {number - 1} of the batch: {error}") from None
        for annotator in annotators:
            given.extend(annotator)
            rows.extend([number - 1] * len(annotator))
    first = tuple(dict.fromkeys(labels))
    columns = first + tuple(sorted(set(given) - set(first)))
    index = {label: column for column, label in enumerate(columns)}
    width = len(columns)
    cells = np.asarray(rows, dtype=np.int64) * width
    cells += np.fromiter((index[label] for label in given), dtype=np.int64, count=len(given))
    counts = np.bincount(cells, minlength=number * width) if number * width else np.zeros(0)
    return counts.reshape(number, width).astype(np.int64, copy=False), columns


def target_counts(
    counts: ArrayLike, labels: Sequence[str], classes: Sequence[str]
) -> NDArray[np.float64]:
    """Pick the target classes' columns. A class without a column got no votes.

    Arguments
    ---------
    counts : array_like
        [N, L], annotators behind each label.
    labels : sequence of str
        The L columns' labels.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    counts : numpy.ndarray
        [N, K], float64, columns in the order of ``classes``.

    Example
    -------
    >>> target_counts([[2, 1]], ["happy", "other"], ["sad", "happy"])
    array([[0., 2.]])
    """
    matrix, names = check_counts(counts, labels)
    picked = np.zeros((len(classes), len(matrix))).T  # a column lies in one piece
    column = {label: index for index, label in enumerate(names)}
    for k, name in enumerate(classes):
        if name in column:
            picked[:, k] = matrix[:, column[name]]
    return picked


def dominant_counts(
    counts: ArrayLike, labels: Sequence[str], minimum_agreement: int = MINIMUM_AGREEMENT
) -> NDArray[np.int64]:
    """Find each utterance's dominant label.

    Arguments
    ---------
    counts : array_like
        [N, L], annotators behind each label, with a column for every label,
        target or not.
    labels : sequence of str
        The L columns' labels.
    minimum_agreement : int
        The least number of annotators that a dominant label needs.

    Returns
    -------
    columns : numpy.ndarray
        [N], int64: the dominant label's column, −1 where no label dominates.

    Example
    -------
    >>> dominant_counts([[2, 1], [1, 1], [1, 0]], ["happy", "other"])
    array([ 0, -1, -1])
    """
    least = check_minimum_agreement(minimum_agreement)
    matrix, _ = check_counts(counts, labels)
    if not len(matrix):
        return np.zeros(0, dtype=np.int64)
    top = matrix.max(axis=1)
    alone = (matrix == top[:, None]).sum(axis=1) == 1
    return np.where(alone & (top >= least), matrix.argmax(axis=1), -1)


def partition_counts(
    counts: ArrayLike,
    labels: Sequence[str],
    classes: Sequence[str],
    minimum_agreement: int = MINIMUM_AGREEMENT,
) -> NDArray[np.str_]:
    """Tell which utterances are clear, ambiguous or discarded.

    Arguments
    ---------
    counts : array_like
        [N, L], annotators behind each label, with a column for every label.
    labels : sequence of str
        The L columns' labels.
    classes : sequence of str
        The target classes.
    minimum_agreement : int
        The least number of annotators that a dominant label needs.

    Returns
    -------
    partition : numpy.ndarray
        [N] of 'clear', 'ambiguous' and 'discarded'.

    Example
    -------
    >>> partition_counts([[2, 1], [1, 2], [0, 3]], ["happy", "other"], ["happy"]).tolist()
    ['clear', 'ambiguous', 'discarded']
    """
    classes = check_classes(classes)
    dominant = dominant_counts(counts, labels, minimum_agreement)
    is_target = np.array([label in classes for label in labels] + [False])
    clear = is_target[dominant]  # a dominant of −1 picks the last entry, False
    some = target_counts(counts, labels, classes).any(axis=1)
    return np.where(clear, "clear", np.where(some, "ambiguous", "discarded"))


def partition(
    votes: Votes, classes: Sequence[str], minimum_agreement: int = MINIMUM_AGREEMENT
) -> str:
    """Tell whether one utterance is clear, ambiguous or discarded.

    Arguments
    ---------
    votes : sequence of sequences of str
        Annotators, each with the labels that they gave.
    classes : sequence of str
        The target classes.
    minimum_agreement : int
        The least number of annotators that a dominant label needs.

    Returns
    -------
    partition : str
        'clear', 'ambiguous' or 'discarded'.

    Example
    -------
    >>> partition([["happy"], ["other"], ["other"]], classes=["happy", "sad"])
    'ambiguous'
    """
    counts, labels = count_votes([check_votes(votes)], labels=check_classes(classes))
    return str(partition_counts(counts, labels, classes, minimum_agreement)[0])
