"""Files of votes → ballots: a long CSV, a wide one, or a manifest. Needs pandas."""

from __future__ import annotations

import json
import sys
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Any

from softlabels.errors import InputError
from softlabels.votes.groups import Groups
from softlabels.votes.rows import Rows

if TYPE_CHECKING:
    import pandas as pd

    from softlabels.votes import Ballots

# usual names of the columns of items and annotators, crowd-kit's first
ITEMS = ("task", "clip", "item")
ANNOTATORS = ("worker", "annotator")


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


def read_votes(
    votes: BufferedReader,
    *,
    item: str | None,
    annotator: str,
    label: str,
    counts: list[str],
    query: str | None,
    skip_bad_rows: bool,
    groups: Groups | None = None,
    left_out: Callable[[str], None] = _to_stderr,
) -> tuple[list[Any], Ballots]:
    """Read a file of votes, and the items' groups on the way.

    One whose first character is ``{`` is a manifest, everything else a CSV: with ``counts`` a
    wide one, else a long one.

    Arguments
    ---------
    votes : io.BufferedReader
        The file, at its beginning.
    item, annotator, label : str
        The CSV's columns. Items are in the first of `ITEMS` that it has if not given, or known by
        their lines in a wide one; annotators in the first of `ANNOTATORS` if "worker" is given.
    counts : list of str
        The columns of counts, one for each label, of a wide CSV.
    query : str or None
        A pandas query that selects rows.
    skip_bad_rows : bool
        Whether rows that can't be read are left out.
    groups : Groups, optional
        Takes the items' groups.
    left_out : callable
        Is called with each such row's description.

    Returns
    -------
    items, ballots
        As `softlabels.votes.tables.votes_from_table` returns them.

    Raises
    ------
    ValueError
        If a row can't be read, named by its line; or if nothing can.
    """
    first = votes.peek(1)
    if not first:
        raise InputError(f"{votes.name} is empty")
    if first.removeprefix(BOM_UTF8).lstrip().startswith(b"{"):
        items, ballots = _manifest(votes.read(), votes.name, groups)
    else:
        rows = Rows(votes, votes.name, left_out if skip_bad_rows else None)
        item = item or default_column(rows.columns, ITEMS) or (None if counts else ITEMS[0])
        if annotator == ANNOTATORS[0]:
            annotator = default_column(rows.columns, ANNOTATORS) or annotator
        items, ballots = _table(rows, item, annotator, label, counts, query, groups)
    if not items or not ballots.counts.any():
        raise InputError(f"{votes.name} holds no votes")
    return items, ballots


def default_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first of several usual names that a table has as a column.

    Example
    -------
    >>> default_column(["clip", "annotator", "label"], ITEMS)
    'clip'
    """
    return next((name for name in names if name in columns), None)


def _manifest(text: bytes, file: str, groups: Groups | None) -> tuple[list[Any], Ballots]:
    from softlabels.votes.tables import votes_from_manifest

    try:
        manifest = json.loads(text, object_pairs_hook=_once)
        read = votes_from_manifest(manifest)
    except RecursionError:
        raise InputError(f"{file}: no manifest of entries with 'votes' (nested too deep)") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file}: no manifest of entries with 'votes' ({error})") from error
    if groups:
        groups.add(manifest, (str(entry.get(groups.column, "")) for entry in manifest.values()))
    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict; JSON itself keeps the last of several entries of one name."""
    entries = dict(pairs)
    if len(entries) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise InputError(f"{twice!r} occurs twice")
    return entries


def _table(
    rows: Rows,
    item: str | None,
    annotator: str,
    label: str,
    counts: list[str],
    query: str | None,
    groups: Groups | None,
) -> tuple[list[Any], Ballots]:
    import pandas as pd

    from softlabels.votes.tables import votes_from_counts, votes_from_table

    needed = [*([item] if item else []), *(counts or [annotator, label])]
    if groups and groups.column not in needed:
        needed.append(groups.column)
    absent = [name for name in needed if name not in rows.columns]
    if absent:
        alone = "Columns are separated by commas. " if len(rows.columns) == 1 else ""
        options = "--item, --annotator and --label, or --counts"
        if groups and absent[0] == groups.column:
            options = "--groups"
        raise InputError(
            f"{rows.file} has no column {absent[0]!r}; it has {rows.columns}. {alone}Name the "
            f"columns with {options}"
        )
    if twice := [name for name in needed if rows.columns.count(name) > 1]:
        raise InputError(f"{rows.file} has several columns {twice[0]!r}; rename all but one")
    chunks = rows.chunks(rows.columns if query else needed)
    if query:
        chunks = (_queried(chunk, query) for chunk in chunks)
    if not counts:
        assert item is not None
        named = (_named(rows, chunk, [item, annotator]) for chunk in chunks)
        if groups:
            named = (_grouped(groups, chunk, item) for chunk in named)
        return votes_from_table(named, item=item, annotator=annotator, label=label)
    wide = [_counted(rows, chunk, item, counts) for chunk in chunks]
    if groups:
        wide = [_grouped(groups, chunk, item) for chunk in wide]
    return votes_from_counts(pd.concat(wide or [pd.DataFrame(columns=needed)]), counts, item)


def _queried(chunk: pd.DataFrame, query: str) -> pd.DataFrame:
    """Select rows; columns that hold nothing but numbers are numbers."""
    import pandas as pd

    numbers = chunk.apply(pd.to_numeric, errors="coerce")
    whole = chunk.columns[numbers.notna().all()]
    try:
        return chunk.loc[chunk.assign(**{name: numbers[name] for name in whole}).query(query).index]
    except Exception as error:  # pandas evaluates it, and may raise anything
        columns = chunk.columns.tolist()
        raise InputError(f"--query {query!r}: {error}; the columns are {columns}") from error


def _named(rows: Rows, chunk: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Leave out rows without an item or an annotator."""
    for name in columns:
        chunk = rows.keep(chunk, chunk[name] != "", f"no {name}")
    return chunk


def _grouped(groups: Groups, chunk: pd.DataFrame, item: str | None) -> pd.DataFrame:
    """Note the items' groups; an item without a column of items is known by its line."""
    groups.add(chunk[item] if item else chunk.index, chunk[groups.column])
    return chunk


def _counted(rows: Rows, chunk: pd.DataFrame, item: str | None, counts: list[str]) -> pd.DataFrame:
    """Leave out rows that hold something else than counts; an empty one is not a vote."""
    import pandas as pd

    from softlabels.votes.tables import MOST_VOTES

    if item:
        chunk = _named(rows, chunk, [item])
    numbers = chunk[counts].replace("", "0").apply(pd.to_numeric, errors="coerce").astype(float)
    good = ((numbers >= 0) & (numbers <= MOST_VOTES) & (numbers % 1 == 0)).all(axis=1)
    chunk = chunk.assign(**{name: numbers[name] for name in counts})
    return rows.keep(chunk, good, f"a count that is not a whole number from 0 to {MOST_VOTES}")
