"""Writes a sweep's report: tables, pictures, numbers, and one page with all of it."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import jinja2

from softlabels import files
from softlabels.report.calibrated import calibration_scores, calibration_table
from softlabels.report.content import make_content
from softlabels.report.gallery import draw_all
from softlabels.report.sweep import read_sweep
from softlabels.report.tables import NEARER, distance_table, target_table, truth_table

TEMPLATE = Path(__file__).with_name("page.html.jinja")


def write_report(folder: str | Path) -> str:
    """Write the report of a sweep into its folder.

    ``table.md``, ``table.csv``, ``results.json``, the pictures and ``report.html``,
    which holds all of it.

    Arguments
    ---------
    folder : str or Path
        The folder that holds sweep.json.

    Returns
    -------
    text : str
        The main table, verdicts and notes, as in table.md.

    Raises
    ------
    ValueError
        If the folder holds no sweep, one of another format, or a damaged one.
    """
    content = make_content(read_sweep(folder))
    sweep, text = content.sweep, content.as_markdown()
    files.write(sweep.folder / "table.md", text)
    files.write(sweep.folder / "table.csv", content.table.to_csv(index=False))
    numbers = json.dumps(content.as_dict(), indent=1, ensure_ascii=False, allow_nan=False)
    files.write(sweep.folder / "results.json", numbers + "\n")
    page = (
        _environment()
        .from_string(TEMPLATE.read_text("utf-8"))
        .render(
            content=content,
            sweep=sweep,
            distances={each: distance_table(content.scores, each) for each in NEARER},
            calibrated=calibration_table(calibration_scores(sweep)),
            targets=target_table(content.targets, sweep.classes),
            truth=truth_table(content.truth, content.compared),
            pictures=draw_all(content),
        )
    )
    files.write(sweep.folder / "report.html", page)
    return text


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["embed"] = lambda file: base64.b64encode(file.read_bytes()).decode()
    environment.filters["unbroken"] = _unbroken
    return environment


def _unbroken(cell: str) -> str:
    """Keep numbers and intervals in one piece where a cell's text wraps."""
    return re.sub(r" (?=[±=<])|(?<=[±=<]) |(?<=,) (?=[+−])", "\u00a0", cell)
