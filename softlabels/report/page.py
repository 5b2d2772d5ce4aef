"""Writes a sweep's report: tables, pictures, numbers, and one page with all of it."""

from __future__ import annotations

import json
from pathlib import Path

from softlabels import files
from softlabels.report.annotators import compare_annotators
from softlabels.report.calibrated import calibration_scores, calibration_table
from softlabels.report.clips import doubtful_csv
from softlabels.report.content import make_content
from softlabels.report.doubtful import show_clips
from softlabels.report.gallery import draw_all
from softlabels.report.html import render
from softlabels.report.names import ANNOTATORS_FILE, CLIPS_FILE, PAGE_FILE
from softlabels.report.other_tests import other_tests_table
from softlabels.report.people import show_annotators
from softlabels.report.sweep import read_sweep
from softlabels.report.sweep_clips import best_row, sweep_clips
from softlabels.report.tables import NEARER, distance_table, target_table, truth_table


def write_report(folder: str | Path, players: str = "embed", row: str | None = None) -> str:
    """Write the report of a sweep into its folder.

    ``table.md``, ``table.csv``, ``results.json``, ``doubtful.csv``, ``annotators.csv``, the
    pictures and ``report.html``, which holds all of it.

    Arguments
    ---------
    folder : str or Path
        The folder that holds sweep.json.
    players : str
        The audio of doubtful clips: 'embed', 'link' or 'none'.
    row : str, optional
        Whose predictions are compared with the annotators' votes clip by clip; the row with the
        highest UA if not given.

    Returns
    -------
    text : str
        The main table, verdicts and notes, as in table.md.

    Raises
    ------
    ValueError
        If the folder holds no sweep, one of another format, or a damaged one; or if it has no
        such row.
    """
    content = make_content(read_sweep(folder))
    sweep, text = content.sweep, content.as_markdown()
    clips, what, target = sweep_clips(content, row or best_row(sweep))
    shown = show_clips(clips, what, target, players)
    annotators = compare_annotators(content.ballots, sweep.classes)
    files.write(sweep.folder / "table.md", text)
    files.write(sweep.folder / "table.csv", content.table.to_csv(index=False))
    numbers = json.dumps(content.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    files.write(sweep.folder / "results.json", numbers + "\n")
    files.write(sweep.folder / CLIPS_FILE, doubtful_csv(clips, shown["doubtful"]))
    if annotators:
        files.write(sweep.folder / ANNOTATORS_FILE, annotators.as_csv())
    page = render(
        "sweep.html.jinja",
        content=content,
        sweep=sweep,
        distances={each: distance_table(content.scores, each) for each in NEARER},
        calibrated=calibration_table(calibration_scores(sweep)),
        targets=target_table(content.targets, sweep.classes, content.left_out),
        truth=truth_table(content.truth, content.compared),
        others=other_tests_table(sweep),
        pictures=draw_all(content),
        clips=shown,
        annotators=show_annotators(annotators),
    )
    files.write(sweep.folder / PAGE_FILE, page)
    return text
