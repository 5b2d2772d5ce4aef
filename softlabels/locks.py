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

from softlabels.files import explained

logger = logging.getLogger(__name__)

LOCK_FILE, HOLDER_FILE = ".lock", ".holder"


@contextmanager
def locked(file: Path, waiting: Callable[[], str]) -> Iterator[None]:
    """Lock a file; where another process has it, log a message and wait.

    The lock is the operating system's: it ends with the process, however that ends.

    Arguments
    ---------
    file : pathlib.Path
        The lock file; made if absent.
    waiting : callable
        Returns the message.

    Raises
    ------
    OSError
        If the folder can't be written; the message names it and the remedy.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "lock"), str):
    ...     FileLock(Path(folder, "lock")).is_locked
    False
    """
    lock = FileLock(file)
    with explained(file.parent):
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
    """Hold a folder; where another process holds it, log who does and wait (see `locked`).

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
    with explained(place):
        place.mkdir(parents=True, exist_ok=True)

    def waiting() -> str:
        return f"{place} is held by {holder(place) or 'another process'}; waiting for it"

    with locked(place / LOCK_FILE, waiting):
        try:
            now = datetime.now().astimezone().isoformat(timespec="microseconds")
            message = f"process {os.getpid()} on {socket.gethostname()} since {now}"
            (place / HOLDER_FILE).write_text(message, "utf-8")
            yield
        finally:
            (place / HOLDER_FILE).unlink(missing_ok=True)


def holder(folder: str | os.PathLike[str]) -> str | None:
    """Return who holds a folder, or None. Nothing is written.

    Example
    -------
    >>> holder("nowhere") is None
    True
    """
    place = Path(folder)
    if not (place / LOCK_FILE).exists():
        return None
    lock = FileLock(place / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except OSError as error:  # Timeout is one; a read-only folder gives others
        try:
            return (place / HOLDER_FILE).read_text("utf-8")
        except FileNotFoundError:
            return "another process" if isinstance(error, Timeout) else None
    lock.release()
    return None
