"""The raw IEMOCAP release: every annotator's labels as written, and what the
wav files' headers say.

`read_release` reads ``SessionN/dialog/EmoEvaluation/*.txt`` and
``SessionN/sentences/wav/<dialog>/<utterance>.wav``, and reports all that is
wrong with them in one `ReleaseError`. It decides nothing: who is clear, and who
trains or tests, is derived from its result in ``iemocap_prepare.py``.
"""

from __future__ import annotations

import glob
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

from iemocap_annotations import ENTRY_FORM, LABELS, Problems, parse_annotations
from tqdm import tqdm

from softlabels.features.wav import SAMPLE_RATE, WavError, read_wav_header

logger = logging.getLogger(__name__)

Manifest = dict[str, dict[str, Any]]

SESSIONS = (1, 2, 3, 4, 5)
CHUNK = 256  # wav files that a thread looks at before the next one does
AT_ONCE = 1e-4  # seconds: a file that opens faster is on this machine
REMEDIES = {
    "folder": "give as data_folder the folder that holds Session1 … Session5",
    "session": "copy it from the release: all five sessions are needed",
    "line": "restore the line from the release, or correct it; the expected form is shown",
    "label": f"correct it; the labels are {', '.join(LABELS)}, spelt exactly so",
    "twice": "remove one of the two annotations",
    "wav": "copy the file again from the release, or remove its utterance's annotation",
}


class ReleaseError(ValueError):
    """All that is wrong with a release.

    Arguments
    ---------
    release : pathlib.Path
        The folder.
    problems : list of (str, str)
        Kind (a key of `REMEDIES`) and description of each.

    Example
    -------
    >>> error = ReleaseError(Path("IEMOCAP"), [("session", "Session3 is missing")])
    >>> print(error)
    1 problem with the IEMOCAP release in IEMOCAP
    session (1): copy it from the release: all five sessions are needed
      - Session3 is missing
    """

    def __init__(self, release: Path, problems: Problems) -> None:
        self.problems = problems
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        lines = [f"{count} with the IEMOCAP release in {release}"]
        for kind, remedy in REMEDIES.items():
            found = [what for each, what in problems if each == kind]
            if found:
                lines.append(f"{kind} ({len(found)}): {remedy}")
                lines += [f"  - {what}" for what in found]
        super().__init__("\n".join(lines))


def read_release(data_folder: str | Path) -> Manifest:
    """Read a release: annotations and wav headers.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder that holds Session1 … Session5.

    Returns
    -------
    manifest : dict
        An entry for every annotated utterance, sorted by utterance: ``wav``
        (with ``{data_root}`` for the folder), ``duration`` in seconds,
        ``sample_rate`` in Hz and ``channels`` as the file has them, ``samples``
        (how many there are at 16 kHz), ``session``, ``dialog``, ``speaker``,
        ``sex``, ``annotators`` and their ``votes``, and the actors' own ratings
        as ``own_annotators`` and ``own_votes``.

    Raises
    ------
    ReleaseError
        If anything is wrong with the release; it lists all problems at once.
    """
    release = Path(data_folder)
    problems: Problems = []
    manifest: Manifest = {}
    places: dict[str, str] = {}
    for session, path in _annotation_files(release, problems):
        file = path.relative_to(release).as_posix()
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
        told = len(problems)
        entries = parse_annotations(text, file, session, problems)
        if not entries and len(problems) == told and path.name.startswith("Ses"):
            problems.append(("line", f"{file}: holds no {ENTRY_FORM}"))
        for line, utterance, entry in entries:
            place = f"{file}:{line}"
            if utterance in places:
                problems.append(("twice", f"{utterance}: {places[utterance]} and {place}"))
            else:
                places[utterance] = place
                manifest[utterance] = entry
    manifest = dict(sorted(manifest.items()))
    _add_headers(manifest, release, places, problems)
    if problems:
        raise ReleaseError(release, problems)
    _log_notes(manifest, release)
    return manifest


def _annotation_files(release: Path, problems: Problems) -> Iterator[tuple[int, Path]]:
    """Yield each session's annotation files in alphabetical order."""
    if not release.is_dir():
        problems.append(("folder", f"{release} is not a folder"))
        return
    present = [session for session in SESSIONS if (release / f"Session{session}").is_dir()]
    if not present:
        problems.append(("folder", f"{release} is not a release: it holds no Session1 … Session5"))
        return
    for session in SESSIONS:
        folder = release / f"Session{session}" / "dialog" / "EmoEvaluation"
        there = [path for path in sorted(folder.glob("*.txt")) if not path.name.startswith(".")]
        files = [path for path in there if path.is_file()]
        for path in sorted({*there} - {*files}):
            where = path.relative_to(release).as_posix()
            problems.append(("session", f"{where} is no file, or a broken link"))
        if session not in present:
            problems.append(("session", f"Session{session} is missing"))
        elif not files:
            where = folder.relative_to(release).as_posix()
            problems.append(("session", f"{where} is missing or holds no annotations (*.txt)"))
        for path in files:
            yield session, path


def _add_headers(
    manifest: Manifest, release: Path, places: dict[str, str], problems: Problems
) -> None:
    """Add what the headers say, read in parallel, to the entries."""
    root = str(release)

    def headers(utterances: list[str]) -> list[dict[str, Any] | WavError]:
        found: list[dict[str, Any] | WavError] = []
        for utterance in utterances:
            try:
                found.append(read_wav_header(manifest[utterance]["wav"].format(data_root=root)))
            except WavError as error:
                found.append(error)
        return found

    names = list(manifest)
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    with (
        ThreadPoolExecutor() as pool,
        tqdm(total=len(names), desc="wav headers", unit="file", delay=1) as bar,
    ):
        start = time.perf_counter()
        results = [headers(chunk) for chunk in chunks[:1]]
        # Only where files are slow to open, as over a network, do threads gain from each other.
        slow = time.perf_counter() - start > AT_ONCE * len(names[:CHUNK])
        others = (pool.map if slow else map)(headers, chunks[1:])
        for chunk, found in zip(chunks, chain(results, others), strict=True):
            bar.update(len(chunk))
            for utterance, result in zip(chunk, found, strict=True):
                entry = manifest[utterance]
                if isinstance(result, WavError):
                    file = entry["wav"].format(data_root=".").removeprefix("./")
                    where = f"annotated in {places[utterance]}"
                    problems.append(("wav", f"{file}: {result} ({where})"))
                else:
                    entry.update(result)


def _log_notes(manifest: Manifest, release: Path) -> None:
    """Log what is no error but may surprise: formats, sessions, wavs without annotation."""
    formats = Counter((entry["sample_rate"], entry["channels"]) for entry in manifest.values())
    formats.pop((SAMPLE_RATE, 1), None)
    if formats:
        listed = ", ".join(
            f"{count} at {rate} Hz with {channels} channel{'s' if channels > 1 else ''}"
            for (rate, channels), count in sorted(formats.items())
        )
        logger.warning(
            "%d wav files aren't %d Hz mono; they are converted on reading: %s",
            formats.total(),
            SAMPLE_RATE,
            listed,
        )
    more = {path.name for path in release.glob("Session[0-9]*") if path.is_dir()}
    if more := more - {f"Session{session}" for session in SESSIONS}:
        logger.warning("%s left out: IEMOCAP has Session1 … Session5", ", ".join(sorted(more)))
    dialogs = glob.iglob(f"{glob.escape(str(release))}/Session[1-5]/sentences/wav/*/")
    files = (name for dialog in dialogs for name in os.listdir(dialog) if name[0] != ".")
    others = sum(name.endswith(".wav") and name[:-4] not in manifest for name in files)
    if others:
        logger.warning("%d wav files have no annotation and are left out", others)
