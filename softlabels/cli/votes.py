"""Options that say where votes are, and the reading of them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

if TYPE_CHECKING:
    import pandas as pd

    from softlabels.tables import Counted

Command = TypeVar("Command", bound=Callable[..., Any])

CHUNK = 500_000  # rows in memory at once


def names(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str]:
    """Split a list of names at its commas."""
    given = [name.strip() for name in (text or "").split(",") if name.strip()]
    if len(set(given)) < len(given):
        raise click.BadParameter(f"a name occurs twice in {text!r}")
    return given


def votes_options(command: Command) -> Command:
    """Give a command the argument VOTES and the options that say how to read it."""
    for decorate in (
        click.option(
            "--skip-bad-rows", is_flag=True, help="Leave out rows that can't be read; say which."
        ),
        click.option("--query", help="Only rows that this pandas query selects: 'age > 20'."),
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
        click.option("--item", help="Column of items.  [default: task]"),
        click.argument("votes", type=click.File("r", encoding="utf-8")),
    ):
        command = decorate(command)
    return command


def read_votes(
    votes: TextIO,
    *,
    item: str | None,
    annotator: str,
    label: str,
    counts: list[str],
    query: str | None,
    skip_bad_rows: bool,
) -> Counted:
    """Read votes as the options say → items, counts [N, L], labels.

    A file whose first character is ``{`` is a manifest, everything else a CSV: with
    ``counts`` a wide one, else a long one.

    Raises
    ------
    ValueError
        If a row can't be read, named by its line; or if nothing can.
    """
    import pandas as pd

    from softlabels.tables import votes_from_counts, votes_from_manifest, votes_from_table

    first = votes.read(1)
    if first == "{":
        try:
            return votes_from_manifest(json.loads(first + votes.read()))
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{votes.name}: no manifest of entries with 'votes' ({error!r})"
            ) from error
    header = first + votes.readline()
    if not header.strip():
        raise ValueError(f"{votes.name} is empty")
    columns = pd.read_csv(io.StringIO(header)).columns.tolist()
    item = item or (None if counts else "task")
    needed = [*([item] if item else []), *(counts or [annotator, label])]
    absent = [name for name in needed if name not in columns]
    if absent:
        raise ValueError(
            f"{votes.name} has no column {absent[0]!r}; it has {columns}. Name the columns with "
            "--item, --annotator and --label, or --counts"
        )
    chunks = _chunks(header, votes, columns, query, skip_bad_rows)
    if not counts:
        assert item is not None
        return votes_from_table(
            (_told(chunk, [item, annotator], votes.name, skip_bad_rows) for chunk in chunks),
            item=item,
            annotator=annotator,
            label=label,
        )
    wide = [_counted(chunk, counts, votes.name, skip_bad_rows) for chunk in chunks]
    table = pd.concat(wide) if wide else pd.DataFrame(columns=needed)
    return votes_from_counts(table, counts, item)


class _Whole:
    """A text stream of which the first line has been read already, from its start."""

    def __init__(self, first: str, rest: TextIO) -> None:
        self.first, self.rest = first, rest

    def read(self, size: int = -1) -> str:
        """The next characters."""
        first, self.first = self.first, ""
        return first or self.rest.read(size)

    def __iter__(self) -> Iterator[str]:
        yield self.first
        yield from self.rest


def _chunks(
    header: str, votes: TextIO, columns: list[str], query: str | None, skip: bool
) -> Iterator[pd.DataFrame]:
    """Read a CSV's rows, some at a time; the index is the line in the file."""
    import pandas as pd
    from tqdm import tqdm

    # The header is read as a row: by it pandas knows a row with too many fields.
    reader = pd.read_csv(
        _Whole(header, votes),
        header=None,
        names=columns,
        dtype="string",
        chunksize=CHUNK,
        on_bad_lines="warn" if skip else "error",
        skip_blank_lines=False,
    )
    with tqdm(desc="votes", unit=" rows", delay=1) as bar:
        try:
            for chunk in reader:
                chunk.index += 1
                chunk = chunk.loc[2:].dropna(how="all")
                bar.update(len(chunk))
                yield _typed(chunk).query(query) if query else chunk
        except pd.errors.ParserError as error:
            raise ValueError(
                f"{votes.name}: {str(error).strip()}; mend the row, or leave such rows out with "
                "--skip-bad-rows"
            ) from error
        except (pd.errors.UndefinedVariableError, SyntaxError, TypeError) as error:
            raise ValueError(f"--query {query!r}: {error}; the columns are {columns}") from error


def _typed(chunk: pd.DataFrame) -> pd.DataFrame:
    """Make numbers of the columns that hold nothing else."""
    import pandas as pd

    numbers = chunk.apply(pd.to_numeric, errors="coerce")
    same = (numbers.isna() == chunk.isna()).all()
    return chunk.assign(**{name: numbers[name] for name in chunk.columns[same]})


def _told(chunk: pd.DataFrame, columns: list[str], file: str, skip: bool) -> pd.DataFrame:
    """Say which rows lack an item or an annotator, and leave them out if asked to."""
    whole = chunk[columns].notna().all(axis=1) & (chunk[columns] != "").all(axis=1)
    return _left(chunk, whole, f"no {' or no '.join(columns)}", file, skip)


def _counted(chunk: pd.DataFrame, counts: list[str], file: str, skip: bool) -> pd.DataFrame:
    """Say which rows hold something else than counts, and leave them out if asked to."""
    import pandas as pd

    cells = chunk[counts].fillna("0")  # empty: no vote
    numbers = cells.apply(pd.to_numeric, errors="coerce")
    right = ((numbers >= 0) & (numbers % 1 == 0)).all(axis=1)
    return _left(chunk, right, "a count that is no whole number of at least 0", file, skip)


def _left(chunk: pd.DataFrame, right: pd.Series, why: str, file: str, skip: bool) -> pd.DataFrame:
    right = right.fillna(False).astype(bool)
    if right.all():
        return chunk
    bad = chunk.index[~right].tolist()
    lines = ", ".join(map(str, bad[:10])) + (", …" if len(bad) > 10 else "")
    told = f"{file}, line {lines}: {why}"
    if not skip:
        raise ValueError(f"{told}; mend it, or leave such rows out with --skip-bad-rows")
    click.echo(f"left out: {told}", err=True)
    return chunk[right]
