"""A release's CSV files: rows with the place they stand at, problems instead of errors."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from softlabels.corpora.manifest import Problems


def csv_rows(
    release: Path, file: str, columns: Sequence[str], problems: Problems, rest: bool = False
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a release's CSV file.

    Arguments
    ---------
    release : pathlib.Path
        The release's folder.
    file : str
        The file's place in it.
    columns : sequence of str
        Columns that it must have; others may be there, in any order.
    problems : list of (str, str)
        A missing file or column (kind "file") and rows of another length (kind "line") are
        appended here.
    rest : bool
        Whether commas beyond the last column belong to it, as where a text wasn't quoted.

    Yields
    ------
    place, row : str, dict of str
        "file:line", and column → cell without blanks around it.

    Example
    -------
    >>> problems: Problems = []
    >>> list(csv_rows(Path("release"), "votes.csv", ["clip"], problems)), problems
    ([], [('file', 'votes.csv is missing')])
    """
    if not (release / file).is_file():
        problems.append(("file", f"{file} is missing"))
        return
    with open(release / file, encoding="utf-8-sig", errors="replace", newline="") as stream:
        reader = csv.reader(stream, skipinitialspace=True)
        names = [name.strip() for name in next(reader, [])]
        if missing := [name for name in columns if name not in names]:
            lacks = ", ".join(missing)
            problems.append(("file", f"{file}:1: no column {lacks}; there are {', '.join(names)}"))
            return
        width = len(names)
        for cells in reader:
            if not cells:
                continue
            place = f"{file}:{reader.line_num}"
            if rest and len(cells) > width:
                cells[width - 1 :] = [",".join(cells[width - 1 :])]
            if len(cells) != width:
                what = f"{len(cells)} cells, but {width} columns: {','.join(cells):.100}"
                problems.append(("line", f"{place}: {what}"))
                continue
            yield place, dict(zip(names, map(str.strip, cells), strict=True))


def csv_columns(release: Path, file: str) -> list[str]:
    """Return the names of a CSV file's columns; none of a file that isn't there."""
    if not (release / file).is_file():
        return []
    with open(release / file, encoding="utf-8-sig", errors="replace", newline="") as stream:
        return [name.strip() for name in next(csv.reader(stream), [])]


def first_file(release: Path, files: Sequence[str]) -> str | None:
    """Return the first of several places in a release where a file lies; None for nowhere.

    Example
    -------
    >>> first_file(Path("release"), ["labels.csv", "Labels/labels.csv"])
    """
    return next((file for file in files if (release / file).is_file()), None)


def listed(names: Sequence[str], most: int = 5) -> str:
    """List some names, and how many more there are.

    Example
    -------
    >>> listed(["u1", "u2", "u3"], most=2)
    'u1, u2 and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
