"""Locks between processes: a folder is held by one at a time."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

LOCK_FILE, HOLDER_FILE = ".lock", ".holder"


@contextmanager
def locked(file: Path, waiting: Callable[[], str]) -> Iterator[None]:
    """Lock a file; where another process has it, say so and wait.

    The lock is the operating system's: it ends with the process, however that ends.

    Arguments
    ---------
    file : pathlib.Path
        The lock file; made if absent.
    waiting : callable
        Tells what to say.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "lock"), str):
    ...     FileLock(Path(folder, "lock")).is_locked
    False
    """
    lock = FileLock(file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning(waiting())
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def hold(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a folder; where another process holds it, say who and wait for it (see `locked`).

    Arguments
    ---------
    folder : str or os.PathLike
        The folder; made if absent.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, hold(folder):
    ...     str(os.getpid()) in holder(folder)
    True
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)

    def waiting() -> str:
        return f"{place} is held by {holder(place) or 'another process'}; waiting for it"

    with locked(place / LOCK_FILE, waiting):
        try:
            now = datetime.now().astimezone().isoformat(timespec="microseconds")
            told = f"process {os.getpid()} on {socket.gethostname()} since {now}"
            (place / HOLDER_FILE).write_text(told, "utf-8")
            yield
        finally:
            (place / HOLDER_FILE).unlink(missing_ok=True)


def holder(folder: str | os.PathLike[str]) -> str | None:
    """Tell who holds a folder; None where nobody does.

    Example
    -------
    >>> holder("nowhere") is None
    True
    """
    place = Path(folder)
    if not place.is_dir():
        return None
    lock = FileLock(place / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        try:
            return (place / HOLDER_FILE).read_text("utf-8")
        except FileNotFoundError:
            return "another process"
    lock.release()
    return None
