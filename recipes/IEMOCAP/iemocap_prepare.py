"""Prepares IEMOCAP: one manifest with every vote, and the subsets derived from it.

The manifest keeps each annotator's labels as written. What depends on classes,
merging, agreement or the split is derived from it: ``train_clear.json``,
``train_ambiguous.json``, ``valid.json``, ``test.json``, ``test_ambiguous.json``
and ``partition.json``, which holds the counts and the settings. All of it is
worked out each time, which takes seconds, and only files whose content would
change are written: nothing stale is reused, and nothing is touched in vain.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from iemocap_release import Manifest, read_release
from iemocap_subsets import SPLITS, check_settings, derive_subsets
from softlabels.votes.counts import PARTITIONS

logger = logging.getLogger(__name__)

CLASSES = ("Neutral", "Happiness", "Sadness", "Anger")


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the search for garbage, which would walk through a manifest's many entries each time.

    Example
    -------
    >>> with uncollected():
    ...     gc.isenabled()
    False
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


@uncollected()
def prepare_iemocap(
    data_folder: str | Path,
    save_folder: str | Path,
    *,
    classes: Sequence[str] = CLASSES,
    merge: Mapping[str, str] | None = None,
    minimum_agreement: int = 2,
    own_ratings: bool = False,
    test_session: int = 1,
    valid_fraction: float = 0.1,
    valid_session: int | None = None,
    seed: int = 1986,
) -> dict[str, Any]:
    """Write the manifest, the subsets' manifests and partition.json.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The release: the folder that holds Session1 … Session5.
    save_folder : str or pathlib.Path
        Where the JSON files go.
    classes : sequence of str
        The target classes, spelt as in the release.
    merge : dict, optional
        Labels to be counted as other ones, as in ``{"Excited": "Happiness"}``.
        The paper merges nothing; merging moves the counts.
    minimum_agreement : int
        The least number of annotators behind a dominant label.
    own_ratings : bool
        Whether the actors' own ratings vote beside the external annotators.
    test_session : int
        The held-out session, 1 to 5.
    valid_fraction : float
        The share of the clear training utterances, of each class, that
        validates. It shares speakers with training.
    valid_session : int, optional
        A whole session that validates instead, with speakers of its own; then
        `valid_fraction` and `seed` change nothing. Its ambiguous utterances
        aren't trained on.
    seed : int
        Decides, alone, which utterances validate.

    Returns
    -------
    partition : dict
        What partition.json holds: ``settings``, and for ``train``, ``valid``
        and ``test`` the number of ``clear`` utterances of each class, of
        ``ambiguous`` and of ``discarded`` ones. Train and valid together are
        the paper's training sessions.

    Raises
    ------
    TypeError, ValueError
        If a setting is not allowed, or a class occurs in no vote.
    ReleaseError
        If anything is wrong with the release; it lists all problems at once.
    """
    settings = check_settings(
        classes=classes,
        merge=merge,
        minimum_agreement=minimum_agreement,
        own_ratings=own_ratings,
        test_session=test_session,
        valid_fraction=valid_fraction,
        valid_session=valid_session,
        seed=seed,
    )
    manifest = read_release(data_folder)
    lines = _lines(manifest)
    settings["manifest"] = hashlib.sha256(lines).hexdigest()
    subsets, partition = derive_subsets(manifest, settings)
    files = {"manifest": lines, **{name: _lines(subset) for name, subset in subsets.items()}}
    files["partition"] = orjson.dumps(partition, option=orjson.OPT_INDENT_2) + b"\n"
    for name, data in files.items():
        _write(Path(save_folder) / f"{name}.json", data)
    logger.info("Utterances, session %d held out:\n%s", test_session, partition_table(partition))
    for split in SPLITS:
        empty = [name for name, count in partition[split]["clear"].items() if not count]
        if empty:
            logger.warning("%s has no clear utterance of %s", split, ", ".join(empty))
    return partition


def partition_table(partition: Mapping[str, Any]) -> str:
    """Lay out partition.json as the paper's table of data.

    Arguments
    ---------
    partition : dict
        As `prepare_iemocap` returns it.

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
    for split in SPLITS:
        for kind in PARTITIONS:
            found = partition[split][kind]
            if kind == "clear":
                cells = [sum(found.values()), *(found[name] for name in classes), "-"]
            else:
                cells = [found, *(0 for _ in classes), found]
            rows.append([f"{split.capitalize()} {kind}", *map(str, cells)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )


def _lines(manifest: Manifest) -> bytes:
    """Write a manifest as JSON, an utterance a line."""
    lines = (
        orjson.dumps({name: entry}, option=orjson.OPT_SORT_KEYS)[1:-1]
        for name, entry in sorted(manifest.items())
    )
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and only if its content changes."""
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    os.replace(temporary, path)
