"""A folder is held by one process at a time."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

logger = logging.getLogger(__name__)

LOCK_FILE, HOLDER_FILE = ".lock", ".holder"


@contextmanager
def hold(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a folder; where another process holds it, say who and wait for it.

    The lock is the operating system's: it ends with the process, however that ends.

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
    lock = FileLock(place / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.warning(
            "%s is held by %s; waiting for it", place, holder(place) or "another process"
        )
        lock.acquire()
    try:
        now = datetime.now().astimezone().isoformat(timespec="microseconds")
        told = f"process {os.getpid()} on {socket.gethostname()} since {now}"
        (place / HOLDER_FILE).write_text(told, "utf-8")
        yield
    finally:
        (place / HOLDER_FILE).unlink(missing_ok=True)
        lock.release()


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
