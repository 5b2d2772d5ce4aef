"""Checks of what users hand in: each returns its input in one form, or raises
an error that names the value and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Votes = Sequence[Sequence[str]]


def check_classes(classes: Iterable[str], what: str = "classes") -> tuple[str, ...]:
    """Return the target classes as a tuple, or say what is wrong with them.

    Arguments
    ---------
    classes : iterable of str
        The target classes, in the order that targets will have.
    what : str
        What to call them in a message.

    Returns
    -------
    classes : tuple of str
        The same, at least one, all different.

    Raises
    ------
    TypeError
        If it is a bare string, or a class is not a string.
    ValueError
        If there is no class, an empty one or a repeated one.

    Example
    -------
    >>> check_classes(["neutral", "happy"])
    ('neutral', 'happy')
    """
    # A set has no order of its own, and targets need one.
    wrong = isinstance(classes, (str, bytes, set, frozenset)) or not isinstance(classes, Iterable)
    if wrong:
        raise TypeError(
            f"{what} must be a list of strings, as in ['neutral', 'happy']; got {classes!r}"
        )
    classes = tuple(classes)
    if not classes:
        raise ValueError(f"{what} is empty: give at least one")
    for name in classes:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be strings; got {name!r} in {list(classes)}")
        if not name.strip():
            raise ValueError(f"{what} has an empty string: {list(classes)}")
    repeated = sorted({name for name in classes if classes.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} repeats {repeated}; each may stand once: {list(classes)}")
    return classes


def check_minimum_agreement(minimum_agreement: int) -> int:
    """Return the least number of annotators behind a dominant label, checked.

    Arguments
    ---------
    minimum_agreement : int
        At least 1.

    Returns
    -------
    minimum_agreement : int
        The same.

    Raises
    ------
    ValueError
        If it is not a whole number of at least 1.

    Example
    -------
    >>> check_minimum_agreement(2)
    2
    """
    whole = isinstance(minimum_agreement, (int, np.integer)) and not isinstance(
        minimum_agreement, bool
    )
    if not whole or minimum_agreement < 1:
        raise ValueError(
            f"minimum_agreement must be a whole number of at least 1; got {minimum_agreement!r}"
        )
    return int(minimum_agreement)


def check_votes(votes: Votes) -> list[list[str]]:
    """Return one utterance's votes with each annotator's repeated labels dropped.

    Arguments
    ---------
    votes : sequence of sequences of str
        Annotators, each with the labels that they gave. An annotator without
        labels did not vote.

    Returns
    -------
    votes : list of lists of str
        The same votes; a label that one annotator gave twice stands once.

    Raises
    ------
    TypeError
        If a list is missing around the annotators or around an annotator's
        labels, or a label is not a string.
    ValueError
        If there is no annotator, or a label is empty.

    Example
    -------
    >>> check_votes([["happy", "happy"], ["other"]])
    [['happy'], ['other']]
    """
    form = "[['happy'], ['happy', 'sad']]: a list of annotators, each a list of labels"
    if not _is_list(votes) or isinstance(votes, (set, frozenset)):
        raise TypeError(f"votes must look like {form}; got {votes!r}")
    if len(votes) == 0:
        raise ValueError(f"votes is empty: there must be at least one annotator, as in {form}")
    checked = []
    for annotator in votes:
        if not _is_list(annotator):
            raise TypeError(f"an annotator's labels must be a list; got {annotator!r} in {votes!r}")
        for label in annotator:
            if not isinstance(label, str):
                raise TypeError(f"a label must be a string; got {label!r} in {votes!r}")
            if not label.strip():
                raise ValueError(f"a label is an empty string in {votes!r}")
        checked.append(list(dict.fromkeys(annotator)))
    return checked


def _is_list(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, (list, tuple, set, frozenset))


def check_counts(
    counts: ArrayLike, labels: Sequence[str]
) -> tuple[NDArray[np.number], tuple[str, ...]]:
    """Return counts as a matrix that fits its labels, or say why they don't.

    Arguments
    ---------
    counts : array_like
        [N, L], zero or more annotators behind each label.
    labels : sequence of str
        The L columns' labels, all different.

    Returns
    -------
    counts : numpy.ndarray
        [N, L], of the same type if that is a number's, else float64.
    labels : tuple of str
        The labels.

    Raises
    ------
    ValueError
        If the shapes disagree, or a count is negative or not finite.

    Example
    -------
    >>> check_counts([[2, 1]], ["happy", "other"])
    (array([[2, 1]]), ('happy', 'other'))
    """
    names = check_classes(labels, what="labels")
    matrix = np.asarray(counts)
    whole = matrix.dtype.kind in "iu"
    if not whole:
        matrix = np.asarray(counts, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise ValueError(
            f"counts must be [N, {len(names)}], a column for each label of {list(names)}; "
            f"got shape {list(matrix.shape)}"
        )
    # no copy where all is well; NaN is never ≥ 0
    if matrix.size and not (matrix.min() >= 0 and (whole or matrix.max() < np.inf)):
        bad = ~(np.isfinite(matrix) & (matrix >= 0))
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"counts must be finite and not negative; got {matrix[row, column]} "
            f"for {names[column]!r} in row {row}"
        )
    return matrix, names


def check_targets(targets: ArrayLike, items: int, classes: int, who: str) -> NDArray[np.float32]:
    """Return what an encoder made of counts, if it is targets.

    Arguments
    ---------
    targets : array_like
        What it made.
    items, classes : int
        N and K.
    who : str
        Whose they are, for the message.

    Returns
    -------
    targets : numpy.ndarray
        [N, K], float32: rows sum to 1; NaN where there can be no target.

    Raises
    ------
    ValueError
        If they are none.

    Example
    -------
    >>> check_targets([[0.5, 0.5]], items=1, classes=2, who="encoder 'soft'")
    array([[0.5, 0.5]], dtype=float32)
    """
    found = np.asarray(targets, dtype=np.float32)
    if found.shape != (items, classes):
        raise ValueError(
            f"{who} must give targets [{items}, {classes}], one of {classes} classes for each "
            f"utterance; got shape {list(found.shape)}"
        )
    none = np.isnan(found).all(axis=1)
    wrong = ~none & ~((found >= 0).all(axis=1) & (abs(found.sum(axis=1) - 1) <= 1e-3))
    if wrong.any():
        raise ValueError(
            f"{who} must give targets that are at least 0 and sum to 1, or all NaN for none; "
            f"got {found[wrong][0].tolist()}"
        )
    return found
