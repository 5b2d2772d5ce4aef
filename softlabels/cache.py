"""Where things that cost time to make are kept, complete or not at all.

A folder of the cache is made under a temporary name beside its place and
renamed at the end: whatever kills the maker, nothing half made is ever taken
for whole, and of two processes that make the same thing, the first one's stays.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

_PARTIAL = ".partial-"
_ABANDONED = 86400.0  # seconds: a temporary folder untouched for so long has lost its maker


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Tell where the cache is. Nothing is made or looked at.

    ``$SOFTLABELS_CACHE``, else ``$XDG_CACHE_HOME/softlabels``, else
    ``~/.cache/softlabels``. A variable that is set to nothing counts as not
    set; so does a relative ``XDG_CACHE_HOME``, as its specification demands.

    Arguments
    ---------
    environment : mapping of str to str
        The environment's variables; this process's if not given.

    Returns
    -------
    folder : Path
        The cache's folder.

    Example
    -------
    >>> cache_folder({"HOME": "/home/ada"}).as_posix()
    '/home/ada/.cache/softlabels'
    >>> cache_folder({"HOME": "/home/ada", "SOFTLABELS_CACHE": "/big/cache"}).as_posix()
    '/big/cache'
    """
    variables = os.environ if environment is None else environment
    home = variables.get("HOME") or os.path.expanduser("~")
    own = variables.get("SOFTLABELS_CACHE", "")
    if own:
        return Path(home + own[1:] if own == "~" or own.startswith("~/") else own)
    shared = variables.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):
        return Path(shared) / "softlabels"
    return Path(home) / ".cache" / "softlabels"


def make_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder unless it is there: complete, or not at all.

    Arguments
    ---------
    folder : Path
        The folder. If it exists, it is taken as it is.
    make : callable
        Called with a new, empty folder beside it, which it fills.

    Returns
    -------
    folder : Path
        The same folder, complete.

    Raises
    ------
    OSError
        If the place can't be written or is full; the message names it and
        says what to do. Whatever ``make`` raises passes through.

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
    partial: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        partial = folder.parent / (_PARTIAL + uuid.uuid4().hex)
        partial.mkdir()
        make(partial)
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise another process was first: theirs is as good
                raise
    except OSError as error:
        raise _explained(error, folder.parent) from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def _sweep(place: Path) -> None:
    """Remove temporary folders whose makers must have been killed."""
    for left in place.glob(_PARTIAL + "*"):
        try:
            abandoned = time.time() - left.stat().st_mtime > _ABANDONED
        except OSError:
            continue  # its maker finished between the two lines
        if abandoned:
            shutil.rmtree(left, ignore_errors=True)


def _explained(error: OSError, place: Path) -> OSError:
    """The same error with the place and the remedy in its message."""
    reasons = {
        errno.EACCES: "can't be written",
        errno.EPERM: "can't be written",
        errno.EROFS: "can't be written",
        errno.ENOSPC: "is full",
        errno.EDQUOT: "is full",
        errno.ENOTDIR: "isn't a folder",
        errno.EEXIST: "isn't a folder",
    }
    if error.errno not in reasons:
        return error
    return type(error)(
        error.errno,
        f"the cache's place {reasons[error.errno]} ({os.strerror(error.errno)}); set "
        "SOFTLABELS_CACHE to a folder with room that you may write to",
        str(place),
    )
