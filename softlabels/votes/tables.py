"""Votes from wherever people keep them: long tables, wide tables, manifests → ballots.

All three functions return the same: the N items and their `Ballots`, with who gave which
label where the source has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots
from softlabels.votes.codes import Coder

MOST_VOTES = 2**31 - 1  # of one label for one item


def votes_from_table(
    frame: pd.DataFrame | Iterable[Any],
    item: str = "task",
    annotator: str = "worker",
    label: str = "label",
) -> tuple[list[Any], Ballots]:
    """Count votes in a long table: a row is one label that one annotator gave one item.

    Several rows of one item and annotator are several labels of that annotator; the
    same label twice counts once; an empty label is not a vote. Blanks around
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
    ballots : Ballots
        Their votes, with who gave them; the labels in alphabetical order.

    Raises
    ------
    ValueError
        If a column is missing or stands twice, or an item or an annotator is missing; the
        message names the row.

    Example
    -------
    >>> rows = [("u1", "ann", "happy"), ("u1", "bob", "happy"), ("u2", "ann", "sad")]
    >>> items, ballots = votes_from_table(rows)
    >>> items, ballots.labels, ballots.counts.tolist()
    (['u1', 'u2'], ('happy', 'sad'), [[2, 0], [0, 1]])
    >>> ballots.annotators, ballots.who.tolist()
    (('ann', 'bob'), [[0, 0, 0], [0, 1, 0], [1, 0, 1]])
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
                raise InputError(f"row {row} of the table (the first is 0) has no {name!r}")
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
    people = _names(coders[1], "annotators")
    names = _names(coders[2], "labels")
    order = np.argsort(names)
    place = np.argsort(order)  # the alphabet's; to move whole columns would take longer
    who = _once(items, annotators, place[labels], (len(people), len(names)))
    ballots = Ballots.from_who(who, len(coders[0]), [names[index] for index in order], people)
    return coders[0].values(), ballots


def votes_from_counts(
    frame: pd.DataFrame, labels: Sequence[str], item: str | None = None
) -> tuple[list[Any], Ballots]:
    """Take votes from a wide table: a row is an item, with a column of counts for each label.

    Arguments
    ---------
    frame : pandas.DataFrame
        The table. An empty cell is not a vote.
    labels : sequence of str
        The columns that hold counts.
    item : str, optional
        The column that names the items; the index if not given.

    Returns
    -------
    items, ballots
        As `votes_from_table` returns them, but for who voted; the labels in the given order.

    Raises
    ------
    ValueError
        If a column is missing or stands twice, a count is not a whole number from 0 to
        `MOST_VOTES`, or an item is missing or has more than one row.

    Example
    -------
    >>> table = pd.DataFrame({"clip": ["a"], "song": [3], "call": [1]})
    >>> items, ballots = votes_from_counts(table, ["call", "song"], item="clip")
    >>> items, ballots.counts
    (['a'], array([[1, 3]]))
    """
    _check_columns(frame, [*labels, *([] if item is None else [item])])
    cells = frame[list(labels)]
    cells = cells.mask(cells.isna() | (cells == ""), 0)
    numbers = cells.apply(pd.to_numeric, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    wrong = ~((numbers >= 0) & (numbers <= MOST_VOTES) & (numbers == np.floor(numbers)))
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        value = frame[labels[column]].iloc[row]
        raise InputError(
            f"row {row} of the table (the first is 0), column {labels[column]!r}: a count must be "
            f"a whole number from 0 to {MOST_VOTES}; got {value!r}"
        )
    items = (frame.index if item is None else pd.Index(frame[item])).rename(item)
    if items.hasnans:
        row = int(np.argmax(items.isna()))
        raise InputError(f"row {row} of the table (the first is 0) has no {item!r}")
    if not items.is_unique:
        twice = items[items.duplicated()][0]
        raise InputError(
            f"item {twice!r} has more than one row, the second of them row "
            f"{int(np.argmax(items.duplicated()))} (the first is 0): choose its row, or add them up"
        )
    return items.tolist(), Ballots(numbers.astype(np.int64), tuple(labels))


def votes_from_manifest(manifest: Mapping[str, Mapping[str, Any]]) -> tuple[list[Any], Ballots]:
    """Count the votes of a manifest: id → entry with ``votes``, as the recipes' JSON has them.

    Returns
    -------
    items, ballots
        As `votes_from_table` returns them; who voted is known if entries have ``annotators``,
        the names of those who gave its ``votes``, in their order.

    Raises
    ------
    ValueError
        If an entry has no ``votes``, or annotators that aren't theirs.

    Example
    -------
    >>> manifest = {"u1": {"votes": [["happy"], ["sad", "happy"]], "annotators": ["ann", "bob"]}}
    >>> items, ballots = votes_from_manifest(manifest)
    >>> items, ballots.labels, ballots.counts, ballots.annotators
    (['u1'], ('happy', 'sad'), array([[2, 1]]), ('ann', 'bob'))
    """
    for name, entry in manifest.items():
        if not isinstance(entry, Mapping) or "votes" not in entry:
            raise InputError(f"the manifest's entry {name!r} has no 'votes'; it is {entry!r:.80}")
    voted = {name: entry for name, entry in manifest.items() if entry["votes"]}
    anonymous = [name for name, entry in voted.items() if entry.get("annotators") is None]
    if 0 < len(anonymous) < len(voted):
        raise InputError(
            f"the manifest's entry {anonymous[0]!r} has no 'annotators', others have: give them "
            "to all entries with votes, or to none"
        )
    empty: list[list[str]] = [[]]  # nobody voted
    votes = (entry["votes"] or empty for entry in manifest.values())
    if anonymous or not voted:
        return list(manifest), Ballots.from_votes(votes)
    nobody = ["nobody"]
    names = (entry["annotators"] if entry["votes"] else nobody for entry in manifest.values())
    return list(manifest), Ballots.from_votes(votes, annotators=names)


def _once(
    items: NDArray[np.integer],
    annotators: NDArray[np.integer],
    labels: NDArray[np.integer],
    sizes: tuple[int, int],
) -> NDArray[np.int64]:
    """Return the votes [V, 3] in order of items, annotators and labels, each of them once."""
    people, width = sizes
    columns = np.empty((3, len(items)), dtype=np.int64)  # a column lies in one piece
    columns[:] = items, annotators, labels
    keys = columns[0] * people
    keys += columns[1]
    keys *= width
    keys += columns[2]
    if (keys[1:] > keys[:-1]).all():  # as most tables are
        return columns.T
    keys.sort()
    new = np.ones(len(keys), dtype=bool)
    np.not_equal(keys[1:], keys[:-1], out=new[1:])
    keys = keys[new]
    columns = np.empty((3, len(keys)), dtype=np.int64)
    keys, columns[2] = np.divmod(keys, max(width, 1))
    columns[0], columns[1] = np.divmod(keys, max(people, 1))
    return columns.T


def _check_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    columns = list(frame.columns)
    for name in names:
        if name not in columns:
            raise InputError(f"no column {name!r} in the table; it has {columns}")
        if names.count(name) > 1 or columns.count(name) > 1:
            raise InputError(f"column {name!r} occurs twice, or is given twice: use distinct names")


def _names(coder: Coder, what: str) -> list[str]:
    """Return values as texts; whole numbers are floats in a column that has gaps."""
    names = [
        str(int(value) if isinstance(value, float) and value.is_integer() else value)
        for value in coder.values()
    ]
    if len(set(names)) < len(names):
        raise InputError(f"{what} that look alike, as 1 and '1' do: {sorted(names)}")
    return names


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
        raise InputError(f"a row must be (item, annotator, label); got {wrong[0]!r}")
    return [pd.DataFrame(every, columns=columns)]


def _chained(first: pd.DataFrame, rest: Iterable[pd.DataFrame]) -> Iterable[pd.DataFrame]:
    yield first
    yield from rest
