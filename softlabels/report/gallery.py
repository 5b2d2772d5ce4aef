"""Draws all of a sweep's pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softlabels.metrics import calibration
from softlabels.report import figures
from softlabels.report.confusion import draw_confusions
from softlabels.report.content import Content
from softlabels.report.forest import draw_forest
from softlabels.report.formats import number, percent
from softlabels.report.summary import accuracies, majority
from softlabels.report.sweep import Sweep
from softlabels.report.targets import commonest_patterns
from softlabels.report.votes_figures import draw_targets

PATTERNS = 8


def draw_all(content: Content) -> dict[str, dict[str, Any]]:
    """Draw every picture that there are results for, into the sweep's folder.

    Returns
    -------
    pictures : dict
        Name → ``file`` (Path), ``title``, ``caption`` and whether it is ``wide``: 'forest'
        (where rows can be compared), 'targets', and then the others.
    """
    sweep, ceiling = content.sweep, content.ceiling
    pictures: dict[str, dict[str, Any]] = {}

    def picture(name: str, title: str, caption: str, wide: bool = False) -> Path:
        file = sweep.folder / f"{name}.png"
        pictures[name] = {"file": file, "title": title, "caption": caption, "wide": wide}
        return file

    done, classes = sweep.finished, sweep.classes
    if content.compared.differences:
        base = sweep.plan["baseline"]
        caption = (
            f"Each row less {base}; intervals are those of the table. A filled diamond: more than "
            "chance. A circle: not. An empty circle without an interval: too little evidence."
        )
        file = picture("forest", f"Difference to {base}", caption, wide=True)
        anchors = _anchors(sweep, content.scores, ceiling)
        draw_forest(
            content.compared.differences, anchors, f"Difference to the baseline, {base}", file
        )
    kinds = content.ballots.partition(classes, sweep.plan["agreement"])
    common = commonest_patterns(content.ballots.counts[kinds != "discarded"], PATTERNS)
    encoders = {  # a pattern of votes doesn't say whose they are
        name: each for name, each in content.encoders.items() if not each.needs_annotators
    }
    if common and encoders:
        caption = "The commonest patterns of votes, and the target that each encoder gives."
        file = picture("targets", "From votes to targets", caption, wide=True)
        draw_targets(common, content.ballots.labels, encoders, file)
    if done.empty:
        return pictures
    if sweep.plan["curve"]:
        table = accuracies(sweep).astype(float)
        curve = table.loc[[row for _, row in sweep.plan["curve"]]]
        curve.index = pd.Index([alpha for alpha, _ in sweep.plan["curve"]])
        curve = curve.dropna(subset="UA_mean")
        if len(curve):
            file = picture("alpha", "How much to smooth", "WA and UA over α; 0 is soft targets.")
            title = f"modified soft targets on {sweep.plan['corpus']}, clear + ambiguous"
            figures.draw_curve(curve, title, file)
    of_row = dict(list(done.groupby("row", sort=False)))
    recalls = {
        str(row): pd.DataFrame([m["test"]["clear"]["recall"] for m in trials["metrics"]])
        for row, trials in of_row.items()
    }
    caption = "Small dots are trials, large marks their means over seeds and held-out groups."
    file = picture("recall", "Recall of each class", caption)
    figures.draw_recall(recalls, ceiling["recall"], file)
    if len(sweep.learning):
        caption = (
            "Means over trials. Losses are to each row's own targets, so they don't compare rows."
        )
        figures.draw_learning(sweep.learning, picture("learning", "Learning", caption))
    bins = {}
    clear = sweep.predictions[sweep.predictions["subset"] == "clear"]
    for row, part in clear.groupby("row", sort=False):
        with np.errstate(divide="ignore"):
            log_p = np.log(part[[f"p_{name}" for name in classes]].to_numpy())
        curve = calibration(log_p, part["predicted"] == part["true"])
        bins[str(row)] = {**curve, "trials": len(of_row[row])}
    caption = (
        "Below the diagonal a model is overconfident. Clear utterances of all trials in bins "
        f"of confidence; a number is how many predictions a point rests on, and bins of fewer "
        f"than {figures.FEWEST} are left out."
    )
    figures.draw_reliability(bins, picture("reliability", "Calibration", caption, wide=True))
    confusions = {
        f"{row}\n({figures.trials(len(trials))})": np.sum(
            [m["test"]["clear"]["confusion"] for m in trials["metrics"]], axis=0
        ).tolist()
        for row, trials in of_row.items()
    }
    file = picture(
        "confusions", "Confusions", "Clear utterances of all trials, added up.", wide=True
    )
    draw_confusions(confusions, classes, file)
    return pictures


def _anchors(
    sweep: Sweep, scores: pd.DataFrame, ceiling: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the forest's scales: the baseline's, the majority's and the annotators' scores."""
    base = sweep.plan["baseline"]
    baseline, commonest = accuracies(sweep).loc[base], majority(sweep) or {}
    lines = {
        name: [
            f"0: baseline {percent(baseline[f'{name}_mean'])} %",
            f"majority class {percent(commonest.get(name))} %",
            f"an annotator {percent(ceiling[name])} %",
        ]
        for name in ("WA", "UA")
    }
    js = number(scores["JS"].get((base, "all")))
    lines["JS"] = [f"0: baseline {js}", f"an annotator to the others {number(ceiling['JS'])}"]
    return lines
