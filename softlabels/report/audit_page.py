"""Writes the page of an audit: the votes' agreement, their annotators, the doubtful clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from softlabels import files
from softlabels.corpora.clips import find_clips
from softlabels.corpora.manifest import NOTE, Problems
from softlabels.errors import InputError
from softlabels.report.annotators import compare_annotators
from softlabels.report.audit import Audit
from softlabels.report.clips import Clips, doubtful_csv
from softlabels.report.doubtful import show_clips
from softlabels.report.html import render
from softlabels.report.names import ANNOTATORS_FILE, CLIPS_FILE
from softlabels.report.people import show_annotators
from softlabels.report.tables import audit_facts, audit_patterns, target_table

SHOWN_TARGET = "modified soft"


def find_audio(names: Sequence[str], folder: Path) -> tuple[list[str], str]:
    """Find the items' audio files as `softlabels train --audio` does.

    Arguments
    ---------
    names : sequence of str
        The N items.
    folder : Path
        The clips' folder.

    Returns
    -------
    wavs, note : list of str, str
        [N] paths, "" where there is none or several; how many are missing, and the first.

    Raises
    ------
    InputError
        If no item has its audio there.
    """
    problems: Problems = []
    matched = find_clips(folder, dict.fromkeys(names, ""), problems)
    wavs = [matched.get(name, "").replace("{data_root}", str(folder), 1) for name in names]
    wrong = [text for kind, text in problems if kind != NOTE]
    if not matched:
        raise InputError(f"--audio: {wrong[0]}")
    missing = len(names) - len(matched)
    note = (
        f"No audio for {missing} of {len(names)} items; the first: {wrong[0]}." if missing else ""
    )
    return wavs, note


def write_audit_page(
    file: Path, audit: Audit, items: Sequence[object], audio: Path | None, players: str
) -> str:
    """Write the page, and doubtful.csv and annotators.csv under its name beside it.

    Arguments
    ---------
    file : Path
        The page; 'audit.html' makes 'audit_doubtful.csv' and 'audit_annotators.csv'.
    audit : Audit
        The votes, summarised.
    items : sequence
        The items' names.
    audio : Path or None
        The clips' folder.
    players : str
        The audio: 'embed', 'link' or 'none'.

    Returns
    -------
    note : str
        Which items have no audio; "" where all have.
    """
    names = list(map(str, items))
    wavs, note = find_audio(names, audio) if audio else ([""] * len(names), "")
    target = next(name for name in audit.encoders if name.startswith(SHOWN_TARGET))
    targets = np.asarray(audit.encoders[target].encode_ballots(audit.ballots), dtype=float)
    clips = Clips(names, audit.ballots, audit.classes, wavs, targets)
    shown = show_clips(clips, f"Of {len(names)} items.", target, players)
    shown["notes"].append(note)
    annotators = compare_annotators(audit.ballots, audit.classes)
    people = show_annotators(annotators)
    for content, name, text in (
        (shown, CLIPS_FILE, doubtful_csv(clips, shown["doubtful"])),
        (people, ANNOTATORS_FILE, annotators.as_csv() if annotators else ""),
    ):
        if content is not None:
            content["csv"] = f"{file.stem}_{name}"
            files.write(file.with_name(content["csv"]), text)
    columns = audit.main_classes
    rows = [{**row, "balance": [row["balance"][k] for k in columns]} for row in audit.targets]
    page = render(
        "audit.html.jinja",
        title=file.stem,
        facts=audit_facts(audit),
        patterns=audit_patterns(audit),
        classes=audit.classes,
        targets=target_table(rows, [audit.classes[k] for k in columns]),
        clips=shown,
        annotators=people,
    )
    files.write(file, page)
    return note
