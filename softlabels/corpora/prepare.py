"""Prepares a corpus: one manifest with every vote, and train, valid and test derived from it.

Reading a release takes time, so the manifest is kept in the cache, in a folder named for the
release's files (places, sizes, times of change) and the reader's options: it is read once,
whoever asks, and anew where anything changed. What depends on classes, merging, agreement or
the split is derived from it each time, which is quick.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

import softlabels
from softlabels.cache import cache_folder
from softlabels.corpora.corpus import Corpus
from softlabels.corpora.headers import add_headers, header_notes
from softlabels.corpora.manifest import (
    CorpusError,
    Manifest,
    Problems,
    check_manifest,
    manifest_bytes,
    paused_gc,
)
from softlabels.corpora.settings import check_settings
from softlabels.corpora.splits import SPEAKERS, derive_splits, shared_speakers, speaker_independent
from softlabels.files import make_once
from softlabels.votes import PARTITIONS

logger = logging.getLogger(__name__)

VERSION = 1  # of the manifest: raised when reading the same release gives another one
NOTE = "note"  # the kind of a problem that is none, but that a reader should know


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus.

    Arguments
    ---------
    splits : dict of manifests
        "train", "valid", "test" ("test2", …): id → entry with ``votes`` as they count,
        ``partition`` and ``emotion``. Discarded utterances are among them.
    partition : dict
        ``settings``, and for each split the number of ``clear`` utterances of each class, of
        ``ambiguous`` and of ``discarded`` ones.
    notes : list of str
        What is no error but may surprise.
    root : pathlib.Path
        The release.
    folder : pathlib.Path
        Of the cache: ``manifest.json`` in it holds every label as written.
    """

    splits: dict[str, Manifest]
    partition: dict[str, Any]
    notes: list[str]
    root: Path
    folder: Path

    @property
    def train(self) -> Manifest:
        """The training utterances."""
        return self.splits["train"]

    @property
    def valid(self) -> Manifest:
        """The validation utterances."""
        return self.splits["valid"]

    @property
    def test(self) -> Manifest:
        """The held-out utterances; of several test sets, the first."""
        return self.splits["test"]

    @property
    def all(self) -> Manifest:
        """The utterances of all splits, sorted."""
        parts = [part.items() for part in self.splits.values()]
        return dict(sorted(item for part in parts for item in part))

    @property
    def speaker_independent(self) -> bool | None:
        """Whether no test speaker trains or validates; None where speakers are unknown."""
        return speaker_independent(self.splits)

    @property
    def digest(self) -> str:
        """The SHA-256 of the manifest with every label as written."""
        return str(self.partition["settings"]["manifest"])

    def save(self, folder: str | Path) -> None:
        """Write manifest.json, the splits' manifests and partition.json, where they change."""
        files = {name: manifest_bytes(self._portable(part)) for name, part in self.splits.items()}
        files["manifest"] = (self.folder / "manifest.json").read_bytes()
        files["partition"] = orjson.dumps(self.partition, option=orjson.OPT_INDENT_2) + b"\n"
        for name, data in files.items():
            _write(Path(folder, f"{name}.json"), data)

    def _portable(self, part: Manifest) -> Manifest:
        """Return a manifest whose wavs begin with ``{data_root}`` again."""
        root = str(self.root)
        return {
            name: {**entry, "wav": entry["wav"].replace(root, "{data_root}", 1)}
            for name, entry in part.items()
        }


@paused_gc()
def prepare(
    corpus: Corpus, data_folder: str | Path, cache: str | Path | None = None, **settings: Any
) -> Prepared:
    """Read a release, once for the same files, and derive train, valid and test.

    Arguments
    ---------
    corpus : Corpus
        The corpus.
    data_folder : str or pathlib.Path
        Its release.
    cache : str or pathlib.Path, optional
        The cache's folder; `softlabels.cache.cache_folder` if not given.
    **settings
        See `softlabels.corpora.settings.check_settings`; the corpus' defaults where not given.

    Returns
    -------
    prepared : Prepared
        With ``{data_root}`` replaced by the folder.

    Raises
    ------
    TypeError, ValueError
        If a setting is not allowed, or a class occurs in no vote.
    CorpusError
        If anything is wrong with the release; it lists all problems at once.
    """
    settings = check_settings(corpus, settings)
    root, options = Path(data_folder), {name: settings[name] for name in corpus.options}
    folder = Path(cache or cache_folder()) / "corpora" / _key(corpus, root, options)
    make_once(folder, lambda new: _read(new, corpus, root, options))
    lines = (folder / "manifest.json").read_bytes()
    manifest: Manifest = orjson.loads(lines)
    settings["manifest"] = hashlib.sha256(lines).hexdigest()
    for entry in manifest.values():
        entry["wav"] = entry["wav"].replace("{data_root}", str(root))
    splits, counts = derive_splits(manifest, corpus.split(manifest, settings), settings)
    notes = orjson.loads((folder / "notes.json").read_bytes())
    prepared = Prepared(splits, {"settings": settings, **counts}, notes, root, folder)
    _log(prepared)
    return prepared


def _key(corpus: Corpus, root: Path, options: Mapping[str, Any]) -> str:
    """Name the manifest for the release's files and the reader's options."""
    identity = [softlabels.__version__, VERSION, corpus.name, str(root.resolve()), options]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    tables = [value for value in options.values() if isinstance(value, str)]
    for path, status in chain(_files(str(root)), _files(*tables)):
        line = f"{path}\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    name = "".join(letter if letter.isalnum() else "-" for letter in corpus.name)
    return f"{name}-{digest.hexdigest()[:32]}"


def _files(*places: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield files and those in folders, sorted; links are followed, in no circle."""
    seen: set[str] = set()
    left = [place for place in reversed(places) if os.path.exists(place)]
    while left:
        place = left.pop()
        if not os.path.isdir(place):
            yield place, os.stat(place)
            continue
        if (real := os.path.realpath(place)) in seen:
            continue
        seen.add(real)
        folders = []
        for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
            if entry.is_dir():
                folders.append(entry.path)
            elif entry.is_file():  # no broken link
                yield entry.path, entry.stat()
        left += reversed(folders)


def _read(folder: Path, corpus: Corpus, root: Path, options: Mapping[str, Any]) -> None:
    """Read the release and write its manifest, or raise all that is wrong with it."""
    problems: Problems = []
    manifest = dict(sorted(corpus.read(root, problems, **options).items()))
    places = {name: entry.pop("place") for name, entry in manifest.items() if "place" in entry}
    errors = [(kind, text) for kind, text in problems if kind != NOTE]
    check_manifest(manifest, errors)
    if not any(kind == "manifest" for kind, _ in errors):
        add_headers(manifest, root, places, errors)
    if not manifest and not errors:
        errors.append(("folder", f"{root} holds no utterance"))
    if errors:
        raise CorpusError(corpus.name, root, errors, corpus.remedies)
    notes = [text for kind, text in problems if kind == NOTE] + header_notes(manifest)
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    (folder / "notes.json").write_bytes(orjson.dumps(notes))


def _log(prepared: Prepared) -> None:
    """Log the notes and the counts, and warn of what makes results doubtful."""
    for note in prepared.notes:
        logger.warning("%s", note)
    logger.info("Utterances:\n%s", partition_table(prepared.partition))
    for name in prepared.splits:
        empty = [label for label, n in prepared.partition[name]["clear"].items() if not n]
        if empty:
            logger.warning("%s has no clear utterance of %s", name, ", ".join(empty))
    for name, speakers in shared_speakers(prepared.splits).items():
        logger.warning(
            "%s IS NOT SPEAKER-INDEPENDENT: %d of its speakers train or validate too (%s%s)",
            name.upper(),
            len(speakers),
            ", ".join(speakers[:5]),
            ", …" if len(speakers) > 5 else "",
        )
    if prepared.speaker_independent is None:
        logger.warning("%s", SPEAKERS[None])


def _write(path: Path, data: bytes) -> None:
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def partition_table(partition: Mapping[str, Any]) -> str:
    """Lay out partition.json as the paper's table of data.

    Arguments
    ---------
    partition : dict
        As in `Prepared`.

    Returns
    -------
    table : str
        A row for each split and partition.

    Example
    -------
    >>> kinds = {"clear": {"Neutral": 3, "Anger": 2}, "ambiguous": 1, "discarded": 0}
    >>> settings = {"classes": ["Neutral", "Anger"]}
    >>> partition = {"settings": settings, "train": kinds, "valid": kinds, "test": kinds}
    >>> print("\\n".join(partition_table(partition).splitlines()[:3]))
                     Total  Neutral  Anger  Others
    Train clear          5        3      2       -
    Train ambiguous      1        0      0       1
    """
    classes = partition["settings"]["classes"]
    rows = [["", "Total", *classes, "Others"]]
    for split in partition:
        if split == "settings":
            continue
        for kind in PARTITIONS:
            count = partition[split][kind]
            if kind == "clear":
                cells = [sum(count.values()), *(count[name] for name in classes), "-"]
            else:
                cells = [count, *(0 for _ in classes), count]
            rows.append([f"{split.capitalize()} {kind}", *map(str, cells)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )
