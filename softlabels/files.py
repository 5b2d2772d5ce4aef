"""Write files and folders whole or not at all.

Each is made under a temporary name beside its place and renamed at the end: whatever
kills the process, nothing half made is ever taken for whole. The temporary name holds
the machine and the process, so that two processes never share one, and that what a
killed process left is recognised and removed.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PARTIAL = ".partial"
ABANDONED = 86400.0  # seconds after which another machine's temporary file counts as left behind
REASONS = {
    errno.EACCES: "can't be written",
    errno.EPERM: "can't be written",
    errno.EROFS: "can't be written",
    errno.ENOSPC: "is full",
    errno.EDQUOT: "is full",
    errno.ENOTDIR: "isn't a folder",
    errno.EEXIST: "isn't a folder",
}


def write(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Write a file whole or not at all; one that is there is replaced.

    The data reach the disk before the rename does (fsync), or a power cut could leave the
    new name on zeros. The rename itself isn't forced: losing it leaves the old file, whole.

    Arguments
    ---------
    path : str or os.PathLike
        The file. Missing parent folders are made.
    data : bytes or str
        Text is encoded as UTF-8.

    Raises
    ------
    OSError
        If the folder can't be written or is full; the message names it and the remedy.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(f"{folder}/new/a", "b")
    ...     Path(folder, "new", "a").read_text()
    'b'
    """
    path = Path(path)
    with explained(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = _temporary(path)
        try:
            with open(partial, "wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)


def replace_folder(folder: str | os.PathLike[str], fill: Callable[[Path], object]) -> Path:
    """Make a folder anew: whatever kills the process, it is complete or absent.

    Arguments
    ---------
    folder : str or os.PathLike
        The folder. One that is there goes when the new one is whole.
    fill : callable
        Called with an empty folder beside it, which it fills.

    Raises
    ------
    OSError
        As of `write`. Whatever else ``fill`` raises passes through.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     for text in ("old", "new"):
    ...         made = replace_folder(Path(place, "a"), lambda new: (new / "b").write_text(text))
    ...     (made / "b").read_text(), len(list(Path(place).iterdir()))
    ('new', 1)
    """
    folder = Path(folder)
    with _filled(folder, fill) as partial:
        old = _temporary(folder)
        if folder.exists():
            os.replace(folder, old)
        os.replace(partial, folder)
        shutil.rmtree(old, ignore_errors=True)
    return folder


def make_once(folder: str | os.PathLike[str], make: Callable[[Path], object]) -> Path:
    """Make a folder unless it is there; of two processes that make it, the first one's stays.

    Arguments
    ---------
    folder : str or os.PathLike
        The folder. If it exists, it is taken as it is.
    make : callable
        Called with an empty folder beside it, which it fills.

    Raises
    ------
    OSError
        As of `write`. Whatever else ``make`` raises passes through.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     made = make_once(Path(place) / "new", lambda new: (new / "a").write_text("b"))
    ...     (made / "a").read_text()
    'b'
    """
    folder = Path(folder)
    if folder.is_dir():
        return folder
    with _filled(folder, make) as partial:
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was first: theirs is as good
                raise
    return folder


@contextmanager
def explained(place: Path) -> Iterator[None]:
    """Name the place and the remedy in errors of a place that can't be written.

    Example
    -------
    >>> with explained(Path("/full")):
    ...     raise OSError(errno.ENOSPC, "No space left on device")
    Traceback (most recent call last):
    ...
    OSError: [Errno 28] is full (No space left on device): make room, or choose another folder \
(SOFTLABELS_CACHE sets the cache's): '/full'
    """
    try:
        yield
    except OSError as error:
        if error.errno not in REASONS or REASONS[error.errno] in str(error):
            raise
        message = (
            f"{REASONS[error.errno]} ({os.strerror(error.errno)}): make room, or choose another "
            "folder (SOFTLABELS_CACHE sets the cache's)"
        )
        raise OSError(error.errno, message, str(place)) from error


@contextmanager
def _filled(folder: Path, fill: Callable[[Path], object]) -> Iterator[Path]:
    """A temporary folder beside a folder's place, filled; removed at the end if it is left."""
    partial: Path | None = None
    with explained(folder.parent):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            partial = _temporary(folder)
            partial.mkdir()
            fill(partial)
            yield partial
        finally:
            if partial is not None:
                shutil.rmtree(partial, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """A new name beside a path; those that killed processes left there are removed."""
    start = f".{path.name}."
    with os.scandir(path.parent) as entries:
        partial = [e for e in entries if e.name.startswith(start) and e.name.endswith(PARTIAL)]
    for entry in partial:
        if not _is_abandoned(entry, entry.name[len(start) : -len(PARTIAL)]):
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink(missing_ok=True)
    maker = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return path.with_name(start + maker + PARTIAL)


def _is_abandoned(entry: os.DirEntry[str], maker: str) -> bool:
    """Whether the process has ended that made a temporary file or folder."""
    host, process = maker.rsplit("-", 2)[:2] if maker.count("-") > 1 else ("", "")
    try:
        if host != socket.gethostname():  # its processes can't be looked up
            return time.time() - entry.stat(follow_symlinks=False).st_mtime > ABANDONED
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):  # another user's process; or it finished just now
        pass
    return False
