"""Draws all of a sweep's pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softlabels.encoders import AnnotationEncoder
from softlabels.report import figures
from softlabels.report.closeness import calibration
from softlabels.report.summary import accuracies
from softlabels.report.sweep import Sweep
from softlabels.report.teachers import commonest_patterns
from softlabels.report.votes_figures import draw_teachers
from softlabels.training.results import draw_confusion
from softlabels.votes.ballots import Ballots

PATTERNS = 8


def draw_all(
    sweep: Sweep,
    ballots: Ballots,
    encoders: Mapping[str, AnnotationEncoder],
    ceiling: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Draw every picture that there is something for.

    Arguments
    ---------
    sweep : Sweep
        What ran.
    ballots : Ballots
        The corpus' votes.
    encoders : dict
        What to call it → encoder.
    ceiling : dict
        As `softlabels.report.ceiling.human_ceiling` returns it.

    Returns
    -------
    pictures : list of dict
        ``file`` (Path), ``title`` and what it ``says``; teachers.png is the first.
    """
    pictures: list[dict[str, Any]] = []

    def picture(name: str, title: str, says: str) -> Path:
        pictures.append({"file": sweep.folder / name, "title": title, "says": says})
        return sweep.folder / name

    says = "The commonest patterns of votes in this corpus, and the target that each encoder gives."
    file = picture("teachers.png", "What each teacher makes of the votes", says)
    done, classes = sweep.finished, sweep.classes
    kinds = ballots.partition(classes, sweep.plan["agreement"])
    common = commonest_patterns(ballots.counts[kinds != "discarded"], PATTERNS)
    draw_teachers(common, ballots.labels, encoders, file)
    if done.empty:
        return pictures
    if sweep.plan["curve"]:
        table = accuracies(sweep).astype(float)
        curve = table.loc[[row for _, row in sweep.plan["curve"]]]
        curve.index = pd.Index([alpha for alpha, _ in sweep.plan["curve"]])
        file = picture("alpha.png", "How much to smooth", "WA and UA over α; 0 is soft targets.")
        title = f"modified soft targets on {sweep.plan['corpus']}, clear + ambiguous"
        figures.draw_curve(curve.dropna(subset="UA_mean"), title, file)
    of_row = dict(list(done.groupby("row", sort=False)))
    recalls = {
        str(row): pd.DataFrame([m["test"]["clear"]["recall"] for m in trials["metrics"]])
        for row, trials in of_row.items()
    }
    file = picture("recall.png", "Recall of each class", "Means over seeds and held-out sessions.")
    figures.draw_recall(recalls, ceiling["recall"], file)
    says = "Means over trials. Losses are to each teacher's own targets: not to be compared."
    figures.draw_learning(sweep.learning, picture("learning.png", "Learning", says))
    said = sweep.predictions[sweep.predictions["subset"] == "clear"]
    bins = {}
    for row, part in said.groupby("row", sort=False):
        found = calibration(part[[f"p_{k}" for k in classes]], part["predicted"] == part["true"])
        bins[str(row)] = {**found, "trials": len(of_row[row])}
    says = (
        "Below the diagonal a model is surer than it is right. Clear utterances of all trials, "
        "in bins of at least ten."
    )
    file = picture("reliability.png", "Is confidence borne out?", says)
    figures.draw_reliability(bins, file)
    for row, trials in of_row.items():
        confusion = np.sum([m["test"]["clear"]["confusion"] for m in trials["metrics"]], axis=0)
        slug = Path(trials["folder"].iloc[0]).parts[1]
        says = f"Clear utterances of {len(trials)} trials."
        file = picture(f"confusion_{slug}.png", f"Confusions: {row}", says)
        draw_confusion(confusion.tolist(), classes, f"{row}, {len(trials)} trials", file)
    return pictures
