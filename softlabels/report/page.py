"""Writes a sweep's report: tables, pictures, numbers, and one page with all of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from softlabels import files
from softlabels.report.ceiling import human_ceiling
from softlabels.report.gallery import draw_all
from softlabels.report.summary import accuracies, differences, to_annotators, verdict
from softlabels.report.sweep import Sweep, read_sweep
from softlabels.report.tables import (
    distance_table,
    main_table,
    markdown,
    target_table,
    truth_table,
)
from softlabels.report.teachers import compared_encoders, target_statistics
from softlabels.report.truth import distance_to_truth, nearest_to_truth
from softlabels.simulate.corpus import NOTICE
from softlabels.votes.agreement import krippendorff_alpha
from softlabels.votes.ballots import Ballots

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
    table : str
        The main table and what it shows, for a terminal.

    Raises
    ------
    ValueError
        If the folder holds no sweep, or one of another format.
    """
    sweep = read_sweep(folder)
    plan, classes = sweep.plan, sweep.classes
    votes = {name: _votes(entry, sweep) for name, entry in sweep.manifest.items()}
    voted = {name: each for name, each in votes.items() if any(each)}
    ballots = Ballots.from_votes(voted.values(), labels=classes)
    encoders = compared_encoders(classes, plan["alpha"], plan["agreement"])
    targets = target_statistics(ballots, encoders, plan["agreement"])
    ceiling = human_ceiling(voted.values(), classes, plan["agreement"])
    agreement = krippendorff_alpha(ballots.counts)
    found, units = differences(sweep)
    scores = to_annotators(sweep)
    truth = distance_to_truth(sweep, voted, encoders) if plan["simulated"] else pd.DataFrame()
    said = {row: verdict(of_row["UA"]) for row, of_row in found.items()}
    shown: dict[str, Any] = {
        "notice": NOTICE if plan["simulated"] else None,
        "table": main_table(sweep, found, ceiling),
        "verdicts": said,
        "notes": [*_notes(sweep, units), *sweep.notes],
    }
    if len(truth) and len(sweep.predictions):
        shown["notes"].insert(0, nearest_to_truth(truth))
    text = _text(**shown)
    files.write(sweep.folder / "table.md", text)
    files.write(sweep.folder / "table.csv", shown["table"].to_csv(index=False))
    numbers = {
        "plan": {key: value for key, value in plan.items() if key != "trials"},
        "rows": _plain(accuracies(sweep).rename_axis("row").reset_index()),
        "differences": {
            row: {name: asdict(each) for name, each in of_row.items()}
            for row, of_row in found.items()
        },
        "units": units,
        "ceiling": ceiling,
        "krippendorff_alpha": agreement,
        "to_annotators": _plain(scores.reset_index()),
        "targets": targets,
        "truth": _plain(truth),
        "trials": _plain(sweep.trials),
    }
    numbers_text = json.dumps(numbers, indent=1, ensure_ascii=False, allow_nan=False)
    files.write(sweep.folder / "results.json", numbers_text + "\n")
    page = (
        _environment()
        .from_string(TEMPLATE.read_text("utf-8"))
        .render(
            **shown,
            sweep=sweep,
            distances=distance_table(scores),
            targets=target_table(targets, classes),
            truth=truth_table(truth),
            ceiling=ceiling,
            agreement=agreement,
            pictures=draw_all(sweep, ballots, encoders, ceiling),
        )
    )
    files.write(sweep.folder / "report.html", page)
    return text


def _text(
    notice: str | None, table: pd.DataFrame, verdicts: Mapping[str, str], notes: list[str]
) -> str:
    lines = [*([f"**{notice}**", ""] if notice else []), markdown(table), ""]
    lines += [f"- {row}: {said}." for row, said in verdicts.items()]
    return "\n".join([*lines, *(f"- {note}" for note in notes)]) + "\n"


def _plain(table: pd.DataFrame) -> Any:
    """A table as JSON's types: a dictionary a row, None where nothing is."""
    return json.loads(table.to_json(orient="records"))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["embed"] = lambda file: base64.b64encode(file.read_bytes()).decode()
    return environment


def _votes(entry: Mapping[str, Any], sweep: Sweep) -> list[list[str]]:
    """An utterance's votes as they count in this sweep."""
    merge = sweep.plan["merge"]
    votes = entry["votes"] + (entry["own_votes"] if sweep.plan["own_ratings"] else [])
    return [[merge.get(label, label) for label in labels] for labels in votes]


def _notes(sweep: Sweep, units: str) -> list[str]:
    seeds, sessions = (sweep.trials[name].nunique() for name in ("seed", "session"))
    notes = [
        f"WA and UA: mean ± standard deviation over {seeds} seed(s) × {sessions} held-out "
        "session(s), on clear utterances.",
        f"Δ: difference to {sweep.plan['baseline']} in points, over the clear utterances of all "
        "held-out sessions, paired by seed, session and utterance. The interval counts both "
        f"chances: which {units} are in the test set, and how the trainings went (two-way "
        "clustered variance, Student's t). p-values are corrected for the number of rows (Holm).",
    ]
    if units == "utterances":
        notes.append("Too few speakers were held out to say anything of other speakers.")
    if seeds == 1:
        notes.append("One seed: how a training's luck moves the figures is hardly counted.")
    if sweep.plan["normalization"] == "speaker":
        notes.append(
            "Features were normalised by each speaker's own unlabelled audio, test speakers' too."
        )
    return notes
