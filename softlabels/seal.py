"""Digests of the files in a folder, by which later changes of their bytes are noticed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from softlabels import files
from softlabels.locks import locked

logger = logging.getLogger(__name__)

SEAL_FILE = "digests.json"

_verified: dict[tuple[str, int, int, int], str] = {}  # path, size, times of change → digest


def seal(folder: str | os.PathLike[str], names: Iterable[str] | None = None) -> None:
    """Write digests of files into their folder, as ``digests.json``: last, when all are there.

    Arguments
    ---------
    folder : str or os.PathLike
        The folder.
    names : iterable of str, optional
        Files and folders in it, which stand for all in them; those that are absent are left
        out. All there is if not given.

    Raises
    ------
    OSError
        If the folder can't be written.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files.write(f"{folder}/metrics.json", "{}")
    ...     seal(folder, ["metrics.json"])
    ...     whole = check_seal(folder)
    ...     files.write(f"{folder}/metrics.json", "[]")
    ...     whole, [file.name for file in check_seal(folder)]
    ([], ['metrics.json'])
    """
    place = Path(folder)
    digests = {
        file.relative_to(place).as_posix(): _digest(file)
        for name in ([""] if names is None else names)
        for file in _files(place / name)
        if file != place / SEAL_FILE
    }
    text = json.dumps({"sha256": dict(sorted(digests.items()))}, indent=1)
    files.write(place / SEAL_FILE, text + "\n")


def check_seal(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the files that aren't as they were when their folder was sealed.

    A file is read once per process, and again only when its size or times have changed.

    Arguments
    ---------
    folder : str or os.PathLike
        As `seal` leaves it.

    Returns
    -------
    damaged : list of Path
        Damaged and missing files; the seal itself where it is damaged or missing.
    """
    place = Path(folder)
    digests = _read(place / SEAL_FILE)
    if digests is None:
        return [place / SEAL_FILE]
    return [place / name for name, digest in digests.items() if _digest(place / name) != digest]


def make_sealed(folder: str | os.PathLike[str], make: Callable[[Path], object]) -> Path:
    """Make a sealed folder unless it is there undamaged; the log names what was damaged.

    Arguments
    ---------
    folder : str or os.PathLike
        The folder.
    make : callable
        As of `softlabels.files.make_once`.

    Raises
    ------
    OSError
        If the folder can't be written. Whatever else ``make`` raises passes through.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     made = make_sealed(f"{place}/new", lambda new: (new / "a").write_text("b"))
    ...     (made / "a").read_text(), check_seal(made)
    ('b', [])
    """

    def fill(new: Path) -> None:
        make(new)
        seal(new)

    folder = files.make_once(folder, fill)
    if check_seal(folder):
        waiting = f"another process makes {folder} anew; waiting for it"
        with locked(folder.with_name(f".{folder.name}.lock"), lambda: waiting):
            if damaged := check_seal(folder):  # no other process was first
                logger.warning("%s is damaged or missing; its folder is made anew", damaged[0])
                files.replace_folder(folder, fill)
    return folder


def sealed_files(folder: str | os.PathLike[str]) -> list[str]:
    """Return the names of the files that a folder's seal covers; none where it is damaged.

    Example
    -------
    >>> sealed_files("nowhere")
    []
    """
    return [*(_read(Path(folder) / SEAL_FILE) or {})]


def _read(file: Path) -> Mapping[str, str] | None:
    try:
        digests = json.loads(file.read_bytes())["sha256"]
        ours = all(isinstance(text, str) for pair in digests.items() for text in pair)
        return digests if digests and ours else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _files(place: Path) -> list[Path]:
    if place.is_dir():
        return sorted(file for file in place.rglob("*") if file.is_file())
    return [place] if place.is_file() else []


def _digest(file: Path) -> str | None:
    """A file's SHA-256; None for one that can't be read."""
    try:
        stat = os.stat(file)
        version = (str(file.absolute()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        if version not in _verified:
            with open(file, "rb") as opened:
                _verified[version] = hashlib.file_digest(opened, "sha256").hexdigest()
    except (OSError, ValueError):
        return None
    return _verified[version]
