"""The manifest: an entry for each utterance, with every annotator's labels as written.

===============  ===============================================================
``wav``          the audio file, with ``{data_root}`` for the corpus' folder
``speaker``      whose voice it is; "" where unknown
``group``        what is held out together: a session, a speaker, a podcast
``split``        the corpus' own, where it has one: train, valid, test, test2, …
``annotators``   who voted
``votes``        the labels that each of them gave, as written; [] for none
``duration``     seconds, from the wav's header, as are ``sample_rate``, ``channels``,
                 ``samples`` (at 16 kHz) and ``head_crc32``
===============  ===============================================================

Whatever else a reader adds is kept as it is.
"""

from __future__ import annotations

import gc
import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from softlabels.errors import InputError
from softlabels.votes import Ballots

Manifest = dict[str, dict[str, Any]]
Problems = list[tuple[str, str]]  # kind (a key of the remedies) and description
NOTE = "note"  # the kind that is not an error, but goes into the log

REQUIRED = {"wav": str, "speaker": str, "group": str, "annotators": list, "votes": list}


class CorpusError(InputError):
    """All that is wrong with a release, with a remedy for each kind of problem.

    Arguments
    ---------
    corpus : str
        The corpus' name.
    folder : pathlib.Path
        The release.
    problems : list of (str, str)
        Kind and description of each.
    remedies : dict
        Kind → what to do.

    Example
    -------
    >>> problems, remedies = [("session", "Session3 is missing")], {"session": "copy it"}
    >>> print(CorpusError("IEMOCAP", Path("release"), problems, remedies))
    1 problem with the IEMOCAP release in release
    session (1): copy it
      - Session3 is missing
    """

    def __init__(
        self, corpus: str, folder: Path, problems: Problems, remedies: Mapping[str, str]
    ) -> None:
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = [f"{count} with the {corpus} release in {folder}"]
        kinds = dict.fromkeys([*remedies, *(kind for kind, _ in problems)])
        for kind in kinds:
            descriptions = [what for each, what in problems if each == kind]
            if descriptions:
                remedy = f": {remedies[kind]}" if kind in remedies else ""
                lines.append(f"{kind} ({len(descriptions)}){remedy}")
                lines += [f"  - {what}" for what in descriptions]
        super().__init__("\n".join(lines))


def check_manifest(manifest: Mapping[str, Mapping[str, Any]], problems: Problems) -> None:
    """Append to the problems each entry that lacks a required key, or has another type of it.

    Example
    -------
    >>> problems: Problems = []
    >>> entry = {"wav": "a.wav", "speaker": "", "group": "g", "annotators": ["ann"]}
    >>> check_manifest({"u1": entry}, problems)
    >>> problems
    [('manifest', "u1: 'votes' must be a list; it is missing")]
    """
    for name, entry in manifest.items():
        for key, kind in REQUIRED.items():
            if not isinstance(entry.get(key), kind):
                type_name = "a list" if kind is list else "a text"
                what = f"got {entry[key]!r:.80}" if key in entry else "it is missing"
                problems.append(("manifest", f"{name}: {key!r} must be {type_name}; {what}"))
        annotators, votes = entry.get("annotators"), entry.get("votes")
        if not isinstance(annotators, list) or not isinstance(votes, list):
            continue
        if annotators and len(annotators) != len(votes):
            counts = f"{len(annotators)} annotators, {len(votes)} votes"
            problems.append(("manifest", f"{name}: an annotator for each vote; got {counts}"))
        if len(set(annotators)) < len(annotators):
            twice = next(each for each in annotators if annotators.count(each) > 1)
            what = f"annotator {twice!r} stands twice: give all labels of an annotator in one list"
            problems.append(("manifest", f"{name}: {what}"))
        if bad := [labels for labels in votes if not isinstance(labels, (list, tuple))]:
            what = f"each vote must be a list of labels; got {bad[0]!r:.80}"
            problems.append(("manifest", f"{name}: {what}"))


def ballots_of(manifest: Mapping[str, Mapping[str, Any]], classes: Sequence[str]) -> Ballots:
    """Return the votes of a manifest's utterances, the classes' columns first.

    Example
    -------
    >>> ballots_of({"u1": {"votes": [["sad"]], "annotators": ["ann"]}}, ["happy", "sad"]).counts
    array([[0, 1]])
    """
    nobody: list[list[str]] = [[]]
    votes = [entry["votes"] or nobody for entry in manifest.values()]
    if not all(
        len(entry.get("annotators", ())) == len(entry["votes"]) for entry in manifest.values()
    ):
        return Ballots.from_votes(votes, classes)
    names = [entry["annotators"] or ["-"] for entry in manifest.values()]
    return Ballots.from_votes(votes, classes, names)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Write a manifest as JSON, an utterance a line, sorted."""
    lines = (
        orjson.dumps({name: entry}, option=orjson.OPT_SORT_KEYS)[1:-1]
        for name, entry in sorted(manifest.items())
    )
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def read_manifest(file: Path) -> tuple[Manifest, str]:
    """Read what `manifest_bytes` wrote, line by line, equal annotators and votes only once.

    Returns
    -------
    manifest, digest : dict, str
        The manifest, and the SHA-256 of its bytes.
    """
    manifest: Manifest = {}
    digest = hashlib.sha256()
    votes: dict[tuple[str, ...], list[str]] = {}
    with file.open("rb") as lines:
        for line in lines:
            digest.update(line)
            item = line.rstrip(b",\n")
            if item in (b"{", b"}", b""):
                continue
            manifest |= orjson.loads(b"{%b}" % item)
            entry = manifest[next(reversed(manifest))]
            entry["annotators"] = list(map(sys.intern, entry["annotators"]))
            entry["votes"] = [votes.setdefault(tuple(each), each) for each in entry["votes"]]
    return manifest, digest.hexdigest()


@contextmanager
def paused_gc() -> Iterator[None]:
    """Pause garbage collection: it walks over all entries of a growing manifest again and again.

    100,000 utterances then take linear time.

    Example
    -------
    >>> with paused_gc():
    ...     gc.isenabled()
    False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
