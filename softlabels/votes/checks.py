"""Checks of what users hand in: each returns its input in one form, or raises
an error that names the value and what is allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.errors import InputError

Votes = Sequence[Sequence[str]]


def check_classes(classes: Iterable[str], what: str = "classes") -> tuple[str, ...]:
    """Return the target classes as a tuple, or raise what is wrong with them.

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
        raise InputError(f"{what} is empty: give at least one")
    for name in classes:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be strings; got {name!r} in {list(classes)}")
        if not name.strip():
            raise InputError(f"{what} has an empty string: {list(classes)}")
    if len(set(classes)) < len(classes):
        repeated = sorted(name for name, times in Counter(classes).items() if times > 1)
        raise InputError(f"{what} repeats {repeated}; each must be unique: {list(classes)}")
    return classes


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
        raise InputError(f"votes is empty: there must be at least one annotator, as in {form}")
    checked = []
    for annotator in votes:
        if not _is_list(annotator):
            raise TypeError(f"an annotator's labels must be a list; got {annotator!r} in {votes!r}")
        for label in annotator:
            if not isinstance(label, str):
                raise TypeError(f"a label must be a string; got {label!r} in {votes!r}")
            if not label.strip():
                raise InputError(f"a label is an empty string in {votes!r}")
        checked.append(list(dict.fromkeys(annotator)))
    return checked


def _is_list(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, (list, tuple, set, frozenset))


def check_counts(
    counts: ArrayLike, labels: Sequence[str]
) -> tuple[NDArray[np.number], tuple[str, ...]]:
    """Return counts as a matrix that fits its labels, or raise why they don't.

    Arguments
    ---------
    counts : array_like
        [N, L], zero or more annotators behind each label. A data frame's columns must be the
        labels, in any order; a masked array may have no cell masked.
    labels : sequence of str
        The L columns' labels, all different.

    Returns
    -------
    counts : numpy.ndarray
        [N, L], int64 if they are whole numbers, else float64.
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
    empty = not isinstance(labels, (str, bytes)) and len(labels) == 0  # nobody voted
    names = () if empty else check_classes(labels, what="labels")
    matrix = np.asarray(_columns_in_order(counts, names))
    whole = matrix.dtype.kind in "iu"
    matrix = matrix.astype(np.int64 if whole else np.float64, copy=False)
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise InputError(
            f"counts must be [N, {len(names)}], a column for each label of {list(names)}; "
            f"got shape {list(matrix.shape)}"
        )
    # no copy where all is well; NaN is never ≥ 0
    if matrix.size and not (matrix.min() >= 0 and (whole or matrix.max() < np.inf)):
        bad = ~(np.isfinite(matrix) & (matrix >= 0))
        row, column = np.argwhere(bad)[0]
        raise InputError(
            f"counts must be finite and not negative; got {matrix[row, column]} "
            f"for {names[column]!r} in row {row}"
        )
    return matrix, names


def _columns_in_order(counts: Any, labels: tuple[str, ...]) -> Any:
    """Return a data frame's columns in the order of the labels; refuse masked cells."""
    if isinstance(counts, np.ma.MaskedArray) and np.ma.getmaskarray(counts).any():
        place = np.argwhere(np.ma.getmaskarray(counts))[0].tolist()
        raise InputError(
            f"counts are masked at {place}: unknown votes can't be counted. Leave such rows out, "
            "or, if masked means that nobody gave the label, give counts.filled(0)"
        )
    if not (hasattr(counts, "columns") and hasattr(counts, "to_numpy")):
        return counts
    columns = list(counts.columns)
    if len(columns) != len(labels) or set(columns) != set(labels):
        raise InputError(
            f"the table's columns {columns} are not the labels {list(labels)}: choose its columns "
            "of counts, or give table.to_numpy() if they are in the labels' order"
        )
    return counts[list(labels)].to_numpy()


def check_targets(
    targets: ArrayLike, voted: NDArray[np.bool_], classes: int, who: str
) -> NDArray[np.float32]:
    """Return what an encoder made of ballots, if it is targets.

    Arguments
    ---------
    targets : array_like
        What it made.
    voted : numpy.ndarray
        [N], whether somebody gave one of the K classes. Without a vote a prior alone would
        give a target: a guess, not a label.
    classes : int
        K.
    who : str
        Whose they are, for the message.

    Returns
    -------
    targets : numpy.ndarray
        [N, K], float32, a copy: rows sum to 1; NaN where there can be no target.

    Raises
    ------
    ValueError
        If they are none.

    Example
    -------
    >>> made = [[0.5, 0.5], [0.5, 0.5]]
    >>> check_targets(made, np.array([True, False]), classes=2, who="encoder 'soft'")
    array([[0.5, 0.5],
           [nan, nan]], dtype=float32)
    """
    made = np.array(targets, dtype=np.float32, order="C")
    if made.shape != (len(voted), classes):
        raise InputError(
            f"{who} must give targets [{len(voted)}, {classes}], one of {classes} classes for each "
            f"utterance; got shape {list(made.shape)}"
        )
    # over few columns einsum takes a fifth of the time of .sum(axis=1)
    wrong = voted & ~(abs(np.einsum("nk->n", made) - 1) <= 1e-3)  # NaN too
    if (negative := made < 0).any():
        wrong |= voted & negative.any(axis=1)
    wrong[wrong] = ~np.isnan(made[wrong]).all(axis=1)
    if wrong.any():
        raise InputError(
            f"{who} must give targets that are at least 0 and sum to 1, or all NaN for none; "
            f"got {made[wrong][0].tolist()}"
        )
    made[~voted] = np.nan
    return made
