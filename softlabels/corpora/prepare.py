"""Prepares a corpus: one manifest with every vote, and train, valid and test derived from it.

Reading a release takes time, so the manifest is kept in the cache, in a folder named for the
release's files (places, sizes, times of change), the reader and its options: it is read once,
whoever asks, and anew where anything changed or the folder is damaged. What depends on classes,
merging, agreement or the split is derived from it each time, which is quick.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

import softlabels
from softlabels import files
from softlabels.cache import cache_folder
from softlabels.corpora.corpus import Corpus
from softlabels.corpora.headers import add_headers, header_notes
from softlabels.corpora.manifest import (
    NOTE,
    CorpusError,
    Manifest,
    Problems,
    check_manifest,
    manifest_bytes,
    paused_gc,
    read_manifest,
)
from softlabels.corpora.settings import check_settings
from softlabels.corpora.splits import derive_splits
from softlabels.corpora.summary import log_summary
from softlabels.seal import make_sealed

VERSION = 1  # of the manifest: raised when reading the same release gives another one


@dataclass(frozen=True)
class Prepared:
    """A prepared corpus.

    Arguments
    ---------
    splits : dict of manifests
        "train", "valid", "test" ("test2", …): id → entry with ``votes`` as they count,
        ``partition`` and ``emotion``. Discarded utterances are among them.
    partition : dict
        ``settings``; for each split the number of ``clear`` utterances of each class, of
        ``ambiguous`` and of ``discarded`` ones; ``speaker_independent`` and ``votes`` (see
        `softlabels.corpora.summary`).
    notes : list of str
        What is not an error but may surprise.
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
    def digest(self) -> str:
        """The SHA-256 of the manifest with every label as written."""
        return str(self.partition["settings"]["manifest"])

    @property
    def speaker_independent(self) -> bool | None:
        """Whether no test speaker trains or validates; None where a speaker is unknown."""
        independent: bool | None = self.partition["speaker_independent"]
        return independent

    def save(self, folder: str | Path) -> None:
        """Write manifest.json, the splits' manifests and partition.json, where they change."""
        contents = {
            name: manifest_bytes(self._portable(part)) for name, part in self.splits.items()
        }
        contents["manifest"] = (self.folder / "manifest.json").read_bytes()
        contents["partition"] = orjson.dumps(self.partition, option=orjson.OPT_INDENT_2) + b"\n"
        for name, data in contents.items():
            path = Path(folder, f"{name}.json")
            if not path.is_file() or path.read_bytes() != data:  # nothing is touched in vain
                files.write(path, data)

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
    make_sealed(folder, lambda new: _read(new, corpus, root, options))
    manifest, settings["manifest"] = read_manifest(folder / "manifest.json")
    for entry in manifest.values():
        entry["wav"] = entry["wav"].replace("{data_root}", str(root))
    splits, counts = derive_splits(manifest, corpus.split(manifest, settings), settings)
    notes = orjson.loads((folder / "notes.json").read_bytes())
    partition = {"settings": settings, **counts}
    prepared = Prepared(splits, partition, notes, root, folder)
    log_summary(partition, splits, notes)
    return prepared


def _key(corpus: Corpus, root: Path, options: Mapping[str, Any]) -> str:
    """Name the manifest for the reader, its options and the release's files."""
    reader = _reader(corpus)
    identity = [softlabels.__version__, VERSION, *reader, str(root.resolve()), options]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode())
    tables = [value for value in options.values() if isinstance(value, str)]
    for path, status in chain(_files(str(root)), _files(*tables)):
        line = f"{path}\0{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\n"
        digest.update(line.encode(errors="surrogateescape"))
    name = "".join(letter if letter.isalnum() else "-" for letter in corpus.name)
    return f"{name}-{digest.hexdigest()[:32]}"


def _reader(corpus: Corpus) -> list[str]:
    """Return the corpus' name, its reader's, and a checksum of the modules in the reader's folder.

    A reader that was edited reads anew.
    """
    read = inspect.unwrap(corpus.read)
    digest = hashlib.sha256()
    with contextlib.suppress(TypeError):  # no function, or one typed into a console
        for module in sorted(Path(inspect.getfile(read)).parent.glob("*.py")):
            digest.update(module.read_bytes())
    return [corpus.name, getattr(read, "__qualname__", ""), digest.hexdigest()]


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
