"""Clips of a folder, matched by their names."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from softlabels.corpora.manifest import NOTE, Problems

# What libsndfile reads; another file of a clip's name, as a transcript, is not a clip.
READABLE = {
    *("wav", "wave", "w64", "rf64", "aif", "aiff", "aifc", "au", "snd", "caf", "sph"),
    *("flac", "mp3", "ogg", "oga", "opus"),
}
# What annotators were shown need not be the file that is read.
ENDINGS = READABLE | {"m4a", "aac", "wma", "mp4", "avi", "mov", "mkv", "flv", "webm"}


def find_clips(folder: Path, paths: Mapping[str, str], problems: Problems) -> dict[str, str]:
    """Find clips by their names, or by their paths where these are known.

    Arguments
    ---------
    folder : pathlib.Path
        The clips' folder.
    paths : dict
        Name → path from the folder, or absolute; "" for a clip to be matched by its name.
    problems : list of (str, str)
        Kinds: "clip" for each that is not there, or once if none is; "name" for each name that
        several clips have; "twice" for two names of one clip. Clips that nobody named are noted.

    Returns
    -------
    place_of : dict
        Name → path, with ``{data_root}`` for the folder.
    """
    index = index_clips(folder)
    place_of: dict[str, str] = {}
    missing, name_of = [], dict[str, str]()
    for name, path in paths.items():
        called = f"{name} (path {path})" if path else name
        clips = clips_named(index, os.path.join(".", path) if path else name)
        if len(clips) == 1 and clips[0] in name_of:
            problems.append(("twice", f"{name_of[clips[0]]} and {name} are both {clips[0]}"))
        elif len(clips) == 1:
            name_of[clips[0]] = name
            place_of[name] = os.path.join("{data_root}", clips[0])
        elif clips:
            problems.append(("name", f"{called}: {', '.join(clips)}"))
        else:
            missing.append(called)
    every = sorted({clip for clips in index.values() for clip in clips})
    if missing and len(missing) == len(paths):
        names = ", ".join(missing[:3])
        there = ", ".join(every[:3]) or "no audio"
        missing = [f"none of {len(missing)} clips, as {names}, is in {folder}, which has {there}"]
    problems += [("clip", name) for name in missing]
    if others := len(set(every) - name_of.keys()):
        problems.append((NOTE, f"{others} clips of {folder} have no votes and are left out"))
    return place_of


def index_clips(folder: str | Path) -> dict[str, list[str]]:
    """Index a folder's clips by every name that they go by.

    That is the file's name, or any last part of its path, with or without its ending. Subfolders
    and links to folders are followed; hidden files are none.

    Returns
    -------
    index : dict
        Name → the paths, relative to the folder and sorted, of all clips of this name.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "ann").mkdir()
    ...     Path(folder, "ann", "u1.flac").touch()
    ...     index_clips(folder)["u1"]
    ['ann/u1.flac']
    """
    index: dict[str, list[str]] = {}
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [each for each in folders if each[0] != "."]
        if real in seen:
            continue
        seen.add(real)
        for file in files:
            if file[0] != "." and _ending(file) in READABLE:
                path = Path(place, file).relative_to(folder).as_posix()
                for name in _names(path):
                    index.setdefault(name, []).append(path)
    return {name: sorted(paths) for name, paths in index.items()}


def clips_named(index: Mapping[str, list[str]], name: str) -> list[str]:
    """Return the clips that a name may mean: one, or several, or none.

    Arguments
    ---------
    index : dict
        As `index_clips` returns it.
    name : str
        A clip's name, or its path; whose ending may be another one than the file's. An absolute
        path means that file alone, a path that begins with ``./`` the one below the folder.

    Example
    -------
    >>> index = {"u1": ["a/u1.wav", "b/u1.wav"], "a/u1": ["a/u1.wav"]}
    >>> clips_named(index, "u1.mp4"), clips_named(index, "a/u1.mp4")
    (['a/u1.wav', 'b/u1.wav'], ['a/u1.wav'])
    """
    if os.path.isabs(name):
        return [name] if os.path.isfile(name) else []
    whole = _normal(name)
    paths = index.get(whole) or index.get(short_name(name), [])
    exact = [path for path in paths if _normal(path) == whole]
    return exact if exact and "/" in name else paths


def short_name(name: str) -> str:
    """Return a clip's name without its ending, if that is one of audio or video.

    Example
    -------
    >>> short_name("u1.WAV"), short_name("u1.2")
    ('u1', 'u1.2')
    """
    name = _normal(name)
    return name.rpartition(".")[0] if _ending(name) in ENDINGS else name


def _names(path: str) -> set[str]:
    """Return the names of a clip."""
    parts = _normal(path).split("/")
    tails = {"/".join(parts[start:]) for start in range(len(parts))}
    return tails | {short_name(tail) for tail in tails}


def _normal(path: str) -> str:
    """Return a path with "/" and with composed letters: some systems take ü apart."""
    return unicodedata.normalize("NFC", str(PurePosixPath(path.replace("\\", "/"))))


def _ending(name: str) -> str:
    return name.rpartition(".")[2].lower() if "." in name else ""
