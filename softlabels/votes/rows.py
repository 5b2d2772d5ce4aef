"""A CSV's rows, each known by its line; a bad one is named, and left out on request."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

from softlabels.errors import InputError
from softlabels.progress import progress

if TYPE_CHECKING:
    import pandas as pd

CHUNK = 100_000  # rows in memory as text


class Rows:
    """A CSV's rows. Cells are text, less the blanks around it: 'NA' and 'None' are labels too.

    Arguments
    ---------
    stream : binary stream
        The file, from its header on.
    file : str
        Its name, for messages.
    left_out : callable or None
        Is called with each bad row's description; without it, a bad row is an error.

    Raises
    ------
    ValueError
        If there is no header.

    Example
    -------
    >>> import io
    >>> rows = Rows(io.BytesIO(b"task,label\\n\\nu1,happy\\n"), "votes.csv", left_out=None)
    >>> next(rows.chunks(["label"]))
       label
    3  happy
    """

    def __init__(
        self, stream: IO[bytes], file: str, left_out: Callable[[str], None] | None
    ) -> None:
        self.file = file
        self.left_out = left_out
        text = io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="")
        self._reader = csv.reader(text, strict=True, skipinitialspace=True)
        try:
            header = next((row for row in self._reader if row), [])
        except csv.Error as error:
            raise InputError(f"{file}, line 1: {error}") from error
        if not header:
            raise InputError(f"{file} has no header")
        names = "".join(header)
        if "\0" in names or not _is_text(names):
            raise InputError(f"{file} is not UTF-8 text: unpack it, or save it as CSV in UTF-8")
        # as pandas names them
        self.columns = [name or f"Unnamed: {place}" for place, name in enumerate(header)]

    def chunks(self, columns: list[str]) -> Iterator[pd.DataFrame]:
        """Yield these columns of the rows, some rows at a time; the index is the line."""
        import pandas as pd

        places = {name: self.columns.index(name) for name in columns}
        with progress("Votes", None, "row") as bar:
            while rows := self._read():
                bar.update(len(rows))
                rows = self._decoded(rows)
                cells = {name: [row[at].strip() for _, row in rows] for name, at in places.items()}
                yield pd.DataFrame(cells, index=[line for line, _ in rows], dtype="str")

    def keep(self, chunk: pd.DataFrame, good: pd.Series, why: str) -> pd.DataFrame:
        """Return a chunk's good rows; the others are bad."""
        for line in chunk.index[~good]:
            self._bad(line, why)
        return chunk[good]

    def _read(self) -> list[tuple[int, list[str]]]:
        """Read some good rows with their lines; none at the end."""
        reader, width = self._reader, len(self.columns)
        rows: list[tuple[int, list[str]]] = []
        while len(rows) < CHUNK:
            line = reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                self._bad(line, str(error))
                continue
            if len(row) == width:
                rows.append((line, row))
            elif row:  # an empty line is none
                self._bad(line, f"{len(row)} fields in place of {width}")
        return rows

    def _decoded(self, rows: list[tuple[int, list[str]]]) -> list[tuple[int, list[str]]]:
        """Leave out rows of other bytes than UTF-8."""
        if _is_text("".join(cell for _, row in rows for cell in row)):
            return rows
        good = []
        for line, row in rows:
            if _is_text("".join(row)):
                good.append((line, row))
            else:
                self._bad(line, "is not UTF-8")
        return good

    def _bad(self, line: int, why: str) -> None:
        description = f"{self.file}, line {line}: {why}"
        if self.left_out is None:
            raise InputError(f"{description}; mend it, or leave such rows out: --skip-bad-rows")
        self.left_out(f"left out: {description}")


def _is_text(decoded: str) -> bool:
    """Whether all bytes were UTF-8: others came through as lone surrogates."""
    try:
        decoded.encode()
    except UnicodeEncodeError:
        return False
    return True
