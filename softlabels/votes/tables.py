"""Votes from wherever people keep them: long tables, wide tables, manifests → counts.

All three functions return the same: the N items, their counts [N, L] with a column for
every label, and the L labels, as every encoder's ``encode_counts`` takes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from softlabels.votes.codes import Coder
from softlabels.votes.counts import count_votes

MOST_VOTES = 2**31 - 1  # of one label for one item
Counted = tuple[list[Any], NDArray[np.int64], tuple[str, ...]]


def votes_from_table(
    frame: pd.DataFrame | Iterable[Any],
    item: str = "task",
    annotator: str = "worker",
    label: str = "label",
) -> Counted:
    """Count votes in a long table: a row is one label that one annotator gave one item.

    Several rows of one item and annotator are several labels of that annotator; the
    same label twice counts once; an empty label is no vote. Blanks around
    an annotator or a label are no part of it; an item's name is taken as it is.

    Arguments
    ---------
    frame : pandas.DataFrame or iterable
        The table (crowd-kit's columns by default), or its rows: mappings with these
        columns, or tuples (item, annotator, label). An iterable of data frames is one
        table in parts, which needs not be in memory as a whole.
    item, annotator, label : str
        The columns' names.

    Returns
    -------
    items : list
        The N items, in order of first appearance; one without votes is among them.
    counts : numpy.ndarray
        [N, L], int64: how many annotators gave each label.
    labels : tuple of str
        The L labels that occur, in alphabetical order.

    Raises
    ------
    ValueError
        If a column is missing or stands twice, or an item or an annotator is missing; the
        message names the row.

    Example
    -------
    >>> rows = [("u1", "ann", "happy"), ("u1", "bob", "happy"), ("u2", "ann", "sad")]
    >>> votes_from_table(rows)
    (['u1', 'u2'], array([[2, 0],
           [0, 1]]), ('happy', 'sad'))
    """
    columns = [item, annotator, label]
    # items are too many to look at each
    coders = [Coder(strip=False), Coder(strip=True), Coder(strip=True)]
    parts: list[list[NDArray[np.integer]]] = [[], [], []]
    start = 0
    for part in _parts(frame, columns):
        _check_columns(part, columns)
        for codes, coder, name in zip(parts, coders, columns, strict=True):
            codes.append(coder.add(part[name]))
        for codes, name in zip(parts[:2], columns[:2], strict=True):
            if codes[-1].min(initial=0) < 0:
                row = start + int(np.argmax(codes[-1] < 0))
                raise ValueError(f"row {row} of the table (the first is 0) has no {name!r}")
        start += len(part)
    items, annotators, labels = (
        (codes[0] if len(codes) == 1 else np.concatenate(codes, dtype=np.int32))
        if codes
        else np.zeros(0, int)
        for codes in parts
    )
    if labels.min(initial=0) < 0:  # empty: no vote
        voted = labels >= 0
        items, annotators, labels = items[voted], annotators[voted], labels[voted]
    names = [_name(value) for value in coders[2].values()]
    if len(set(names)) < len(names):
        raise ValueError(f"labels that look alike, as 1 and '1' do: {sorted(names)}")
    order = np.argsort(names)
    place = np.argsort(order)  # the alphabet's; to move whole columns would take longer
    counts = _count_once(items, annotators, place[labels], (len(coders[0]), len(names)))
    return coders[0].values(), counts, tuple(names[index] for index in order)


def votes_from_counts(
    frame: pd.DataFrame, labels: Sequence[str], item: str | None = None
) -> Counted:
    """Take votes from a wide table: a row is an item, with a column of counts for each label.

    Arguments
    ---------
    frame : pandas.DataFrame
        The table. An empty cell is no vote.
    labels : sequence of str
        The columns that hold counts.
    item : str, optional
        The column that names the items; the index if not given.

    Returns
    -------
    items, counts, labels
        As `votes_from_table` returns them; the labels in the given order.

    Raises
    ------
    ValueError
        If a column is missing or stands twice, a count is not a whole number from 0 to
        `MOST_VOTES`, or an item is missing or has more than one row.

    Example
    -------
    >>> votes_from_counts(pd.DataFrame({"clip": ["a"], "song": [3], "call": [1]}), ["call", "song"])
    ([0], array([[1, 3]]), ('call', 'song'))
    """
    _check_columns(frame, [*labels, *([] if item is None else [item])])
    cells = frame[list(labels)]
    cells = cells.mask(cells.isna() | (cells == ""), 0)
    numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = ~((numbers >= 0) & (numbers <= MOST_VOTES) & (numbers == np.floor(numbers)))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        value = frame[labels[column]].iloc[row]
        raise ValueError(
            f"row {row} of the table (the first is 0), column {labels[column]!r}: a count must be "
            f"a whole number from 0 to {MOST_VOTES}; got {value!r}"
        )
    items = (frame.index if item is None else pd.Index(frame[item])).rename(item)
    if items.hasnans:
        row = int(np.argmax(items.isna()))
        raise ValueError(f"row {row} of the table (the first is 0) has no {item!r}")
    if not items.is_unique:
        twice = items[items.duplicated()][0]
        raise ValueError(
            f"item {twice!r} has more than one row, the second of them row "
            f"{int(np.argmax(items.duplicated()))} (the first is 0): choose its row, or add them up"
        )
    return items.tolist(), numbers.astype(np.int64), tuple(labels)


def votes_from_manifest(manifest: Mapping[str, Mapping[str, Any]]) -> Counted:
    """Count the votes of a manifest: id → entry with ``votes``, as the recipes' JSON has them.

    Arguments
    ---------
    manifest : dict
        The manifest.

    Returns
    -------
    items, counts, labels
        As `votes_from_table` returns them.

    Raises
    ------
    ValueError
        If an entry has no ``votes``.

    Example
    -------
    >>> votes_from_manifest({"u1": {"votes": [["happy"], ["sad", "happy"]]}})
    (['u1'], array([[2, 1]]), ('happy', 'sad'))
    """
    for name, entry in manifest.items():
        if not isinstance(entry, Mapping) or "votes" not in entry:
            raise ValueError(f"the manifest's entry {name!r} has no 'votes'; it is {entry!r:.80}")
    empty: list[list[str]] = [[]]  # nobody voted
    counts, labels = count_votes(entry["votes"] or empty for entry in manifest.values())
    return list(manifest), counts, labels


def _count_once(
    items: NDArray[np.integer],
    annotators: NDArray[np.integer],
    labels: NDArray[np.integer],
    sizes: tuple[int, int],
) -> NDArray[np.int64]:
    """Count the annotators behind each item's labels, each of them once."""
    n, width = sizes
    # One number a vote: the annotator, then the cell of the counts. A sort finds those given twice.
    votes = annotators.astype(np.int64)
    votes *= n * width
    votes += items * np.int64(width)
    votes += labels
    votes.sort()
    once = np.ones(len(votes), dtype=bool)
    np.not_equal(votes[1:], votes[:-1], out=once[1:])
    if not once.all():
        votes = votes[once]
    votes %= max(n * width, 1)
    return np.bincount(votes, minlength=n * width).reshape(n, width)


def _check_columns(frame: pd.DataFrame, wanted: Sequence[str]) -> None:
    columns = list(frame.columns)
    for name in wanted:
        if name not in columns:
            raise ValueError(f"no column {name!r} in the table; it has {columns}")
        if wanted.count(name) > 1 or columns.count(name) > 1:
            raise ValueError(f"column {name!r} is there or asked for twice: give each one name")


def _name(label: Any) -> str:
    """A label's name: whole numbers are floats in a column that has gaps."""
    whole = isinstance(label, float) and label.is_integer()
    return str(int(label) if whole else label)


def _parts(table: pd.DataFrame | Iterable[Any], columns: list[str]) -> Iterable[pd.DataFrame]:
    if isinstance(table, pd.DataFrame):
        return [table]
    if isinstance(table, (str, bytes)) or not isinstance(table, Iterable):
        raise TypeError(f"a table must be a data frame or an iterable of rows; got {table!r}")
    rows = iter(table)
    first = next(rows, None)
    if first is None:
        return []
    if isinstance(first, pd.DataFrame):
        return _chained(first, rows)
    every = [first, *rows]
    if isinstance(first, Mapping):
        return [pd.DataFrame(every)]
    wrong = [row for row in every if len(row) != len(columns)]
    if wrong:
        raise ValueError(f"a row must be (item, annotator, label); got {wrong[0]!r}")
    return [pd.DataFrame(every, columns=columns)]


def _chained(first: pd.DataFrame, rest: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
    yield first
    yield from rest
