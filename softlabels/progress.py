"""Progress of long work: a bar on a terminal, a line when a stage ends elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

LONG = 1.0  # seconds: a quicker stage shows nothing


@contextmanager
def progress(description: str, total: int | None, unit: str, show: bool = True) -> Iterator[Any]:
    """Show how far a stage is, on standard error.

    A log file gets one line, when the stage ends; a bar would fill it.

    Arguments
    ---------
    description : str
        Name of the stage.
    total : int or None
        How many units there are, where that is known.
    unit : str
        What is counted, such as "file".
    show : bool
        False shows nothing anywhere.

    Yields
    ------
    bar : tqdm.tqdm
        Its ``update(n)`` counts n more units.

    Example
    -------
    >>> with progress("Features", 2, "file", show=False) as bar:
    ...     bar.update(2)
    """
    began = time.monotonic()
    done = 0
    terminal = sys.stderr.isatty()
    with tqdm(
        total=total, desc=description, unit=f" {unit}", delay=LONG, disable=not (show and terminal)
    ) as bar:
        update = bar.update

        def count(n: float | None = 1) -> bool | None:
            nonlocal done
            done += int(n or 0)
            return update(n)

        bar.update = count
        yield bar
    seconds = time.monotonic() - began
    if show and not terminal and seconds > LONG:
        print(f"{description}: {done} {unit}s in {seconds:.0f} s", file=sys.stderr)
