"""Wav headers of a whole manifest, read in threads where files are slow to open."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

from softlabels.corpora.manifest import Manifest, Problems
from softlabels.features.wav import SAMPLE_RATE, WavError, read_wav_header
from softlabels.progress import progress

CHUNK = 256  # wav files that a thread reads before the next one does
SHOWN = 5  # names in a note
AT_ONCE = 1e-4  # seconds: a file that opens faster is on this machine


def add_headers(
    manifest: Manifest, data_folder: Path, places: Mapping[str, str], problems: Problems
) -> None:
    """Add duration, rate, channels, samples and a checksum of each wav to its entry.

    Arguments
    ---------
    manifest : dict
        id → entry with ``wav``; changed in place.
    data_folder : pathlib.Path
        What ``{data_root}`` stands for.
    places : dict
        id → where its annotation is, for messages.
    problems : list of (str, str)
        Wavs that can't be used are appended here, with kind "wav".
    """
    root = str(data_folder)

    def headers(utterances: list[str]) -> list[dict[str, Any] | WavError]:
        results: list[dict[str, Any] | WavError] = []
        for utterance in utterances:
            try:
                file = manifest[utterance]["wav"].replace("{data_root}", root)
                results.append(read_wav_header(file))
            except WavError as error:
                results.append(error)
        return results

    names = list(manifest)
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    with (
        ThreadPoolExecutor() as pool,
        progress("Wav headers", len(names), "file") as bar,
    ):
        start = time.perf_counter()
        first = [headers(chunk) for chunk in chunks[:1]]
        # Only where files are slow to open, as over a network, do threads gain from each other.
        slow = time.perf_counter() - start > AT_ONCE * len(names[:CHUNK])
        others = (pool.map if slow else map)(headers, chunks[1:])
        for chunk, results in zip(chunks, chain(first, others), strict=True):
            bar.update(len(chunk))
            for utterance, result in zip(chunk, results, strict=True):
                entry = manifest[utterance]
                if isinstance(result, WavError):
                    file = entry["wav"].removeprefix("{data_root}/")
                    where = f" (annotated in {places[utterance]})" if utterance in places else ""
                    problems.append(("wav", f"{file}: {result}{where}"))
                else:
                    entry.update(result)


def header_notes(manifest: Manifest) -> list[str]:
    """Return notes on wavs that are converted on reading, of zeros only, or of a single sample.

    Example
    -------
    >>> header = {"sample_rate": 16000, "channels": 1, "silent": True, "frames": 800}
    >>> header_notes({"u1": header})
    ['1 wav file holds zeros only: u1']
    """
    notes = []
    kinds = Counter((entry["sample_rate"], entry["channels"]) for entry in manifest.values())
    kinds.pop((SAMPLE_RATE, 1), None)
    if kinds:
        listed = ", ".join(
            f"{count} at {rate} Hz with {channels} channel{'s' if channels > 1 else ''}"
            for (rate, channels), count in sorted(kinds.items())
        )
        files = f"{kinds.total()} wav files aren't {SAMPLE_RATE} Hz mono"
        notes.append(f"{files}; they are converted on reading: {listed}")
    silent = [name for name, entry in manifest.items() if entry["silent"]]
    single = [name for name, entry in manifest.items() if entry["frames"] == 1]
    for names, what in ((silent, "zeros only"), (single, "a single sample")):
        if names:
            files = "1 wav file holds" if len(names) == 1 else f"{len(names)} wav files hold"
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            notes.append(f"{files} {what}: {', '.join(names[:SHOWN])}{more}")
    return notes
