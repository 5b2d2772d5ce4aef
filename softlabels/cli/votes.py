"""Options that say where votes are, and the reading of them."""

from __future__ import annotations

import contextlib
import csv
import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Any, TypeVar

import click

from softlabels.cli.groups import Groups
from softlabels.cli.rows import Rows
from softlabels.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from softlabels.votes import Ballots
    from softlabels.votes.dominance import Agreement

Command = TypeVar("Command", bound=Callable[..., Any])


def names(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str]:
    """Split a list of names at its commas; a name that has one stands in double quotes."""
    cells = next(csv.reader([text or ""], skipinitialspace=True), [])
    given = [name.strip() for name in cells if name.strip()]
    if len(set(given)) < len(given):
        raise click.BadParameter(f"a name occurs twice in {text!r}")
    return given


def agreement_rule(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Agreement | None:
    """Read a rule of dominance: a whole number, a share, 'plurality' or 'majority'."""
    from softlabels.votes.dominance import check_agreement

    if text is None:
        return None
    rule: Agreement = text
    for number in (int, float):
        with contextlib.suppress(ValueError):
            rule = number(text)
            break
    try:
        return check_agreement(rule)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def votes_options(command: Command) -> Command:
    """Give a command the argument VOTES and the options that say how to read it."""
    return click.argument("votes", type=click.File("rb"))(columns_options(command))


def columns_options(command: Command) -> Command:
    """Give a command the options that say how to read votes."""
    for decorate in (
        click.option(
            "--skip-bad-rows", is_flag=True, help="Leave out rows that can't be read; say which."
        ),
        click.option(
            "--query",
            help="Only rows that this pandas query selects: 'age > 20'. A first column without "
            "a name is called `Unnamed: 0`.",
        ),
        click.option(
            "--counts",
            callback=names,
            metavar="LABEL,…",
            help="A row is an item, with a column of counts for each of these labels.",
        ),
        click.option("--label", default="label", show_default=True, help="Column of labels."),
        click.option(
            "--annotator", default="worker", show_default=True, help="Column of annotators."
        ),
        click.option(
            "--item", help="Column of items.  [default: task; or the line, with --counts]"
        ),
    ):
        command = decorate(command)
    return command


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
) -> tuple[list[Any], Ballots]:
    """Read votes as the options say → items and their ballots; the items' groups on the way.

    A file whose first character is ``{`` is a manifest, everything else a CSV: with
    ``counts`` a wide one, else a long one.

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
        rows = Rows(votes, votes.name, skip_bad_rows)
        item = item or ("task" if not counts or "task" in rows.columns else None)
        items, ballots = _table(rows, item, annotator, label, counts, query, groups)
    if not items or not ballots.counts.any():
        raise InputError(f"{votes.name} holds no votes")
    return items, ballots


def warn_of_absent(classes: Sequence[str], ballots: Ballots) -> None:
    """Say which classes nobody voted for and which votes are for no class: either may be misspelt.

    That nobody voted for any class is an error.
    """
    from softlabels.votes.leftovers import leftover_votes

    leftover = leftover_votes(ballots, classes) if classes else None
    if absent := [name for name in classes if name not in ballots.labels]:
        message = f"nobody voted for {', '.join(absent)}; the labels: {', '.join(ballots.labels)}"
        if len(absent) == len(classes):
            raise InputError(f"{message}. {leftover}")
        click.echo(message, err=True)
    if leftover:
        click.echo(leftover, err=True)


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
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        raise InputError(f"{twice!r} occurs twice")
    return found


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
        raise InputError(
            f"{rows.file} has no column {absent[0]!r}; it has {rows.columns}. {alone}Name the "
            "columns with --item, --annotator and --label, or --counts"
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
    """Leave out rows that hold something else than counts; an empty one is no vote."""
    import pandas as pd

    from softlabels.votes.tables import MOST_VOTES

    if item:
        chunk = _named(rows, chunk, [item])
    numbers = chunk[counts].replace("", "0").apply(pd.to_numeric, errors="coerce").astype(float)
    good = ((numbers >= 0) & (numbers <= MOST_VOTES) & (numbers % 1 == 0)).all(axis=1)
    chunk = chunk.assign(**{name: numbers[name] for name in counts})
    return rows.keep(chunk, good, f"a count that is no whole number from 0 to {MOST_VOTES}")
