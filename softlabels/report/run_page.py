"""Writes the page of one training: its scores, its confusions, its doubtful clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from softlabels import files
from softlabels.corpora.manifest import ballots_of
from softlabels.encoders import AnnotationEncoder
from softlabels.report.annotators import compare_annotators
from softlabels.report.clips import Clips, doubtful_csv
from softlabels.report.doubtful import show_clips
from softlabels.report.formats import number, percent
from softlabels.report.html import render
from softlabels.report.names import ANNOTATORS_FILE, CLIPS_FILE, PAGE_FILE
from softlabels.report.numbers import confusion_cells
from softlabels.report.people import show_annotators
from softlabels.report.targets import display_name

DISTANCES = {
    "cross_entropy": "CE",
    "KL": "KL",
    "JS": "JS",
    "TV": "TV",
    "soft_accuracy": "soft acc.",
    "entropy_correlation": "entropy r",
    "presence_F1": "F1 > 1/K",
}
SIZE = (320, 130)  # of a curve


def write_run_page(
    folder: Path,
    title: str,
    metrics: Mapping[str, Any],
    manifest: Mapping[str, Mapping[str, Any]],
    log_probabilities: Mapping[str, Sequence[float]],
    encoder: AnnotationEncoder,
    players: str,
) -> None:
    """Write report.html, doubtful.csv and, where annotators are known, annotators.csv.

    They hold nothing but what the arguments do: no time, no place but those of the audio files.

    Arguments
    ---------
    folder : Path
        The results folder.
    title : str
        What the run is.
    metrics : dict
        The content of metrics.json.
    manifest : dict
        The test set: utterance → entry with ``votes`` and ``wav``.
    log_probabilities : dict
        Utterance → the prediction's logarithm [K].
    encoder : AnnotationEncoder
        Whose targets were trained on.
    players : str
        The audio of doubtful clips: 'embed', 'link' or 'none'.
    """
    names, classes = sorted(log_probabilities), list(encoder.classes)
    entries = {name: manifest[name] for name in names}
    ballots = ballots_of(entries, classes)
    clips = Clips(
        names,
        ballots,
        classes,
        [str(entry["wav"]) for entry in entries.values()],
        np.asarray(encoder.encode_ballots(ballots), dtype=float),
        np.exp([log_probabilities[name] for name in names]).reshape(-1, len(classes)),
    )
    what = f"Of the {len(names)} test utterances, with this model's predictions."
    shown = show_clips(clips, what, display_name(encoder), players)
    annotators = compare_annotators(ballots, classes)
    page = render(
        "run.html.jinja",
        title=title,
        notice=metrics["notice"],
        scores=_scores(metrics),
        distances=_distances(metrics["test"]),
        n=metrics["test"]["clear"]["n"],
        confusion=confusion_cells(metrics["test"]["clear"]["confusion"]),
        classes=classes,
        curves=_curves(metrics["epochs"]),
        clips=shown,
        annotators=show_annotators(annotators),
    )
    files.write(folder / CLIPS_FILE, doubtful_csv(clips, shown["doubtful"]))
    if annotators:
        files.write(folder / ANNOTATORS_FILE, annotators.as_csv())
    files.write(folder / PAGE_FILE, page)


def _scores(metrics: Mapping[str, Any]) -> pd.DataFrame:
    majority = metrics["majority"]
    rows = {f"always {majority['class']}": majority, "this model": metrics["test"]["clear"]}
    names = {"WA": "WA %", "UA": "UA %", "macro_F1": "macro-F1 %"}
    return pd.DataFrame(
        {"": name, **{head: percent(scores[key]) for key, head in names.items()}}
        for name, scores in rows.items()
    )


def _distances(test: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "utterances": subset,
            "n": str(test[subset]["n"]),
            **{head: number(test[subset].get(key)) for key, head in DISTANCES.items()},
        }
        for subset in ("clear", "ambiguous", "all")
    )


def _curves(epochs: Sequence[Mapping[str, float]]) -> list[dict[str, Any]]:
    """Lay out the training loss and the validation UA over the epochs as polylines."""
    curves = []
    for key, title, scale in (("loss", "Training loss", 1), ("UA", "Validation UA, %", 100)):
        values = [scale * each[key] for each in epochs if each.get(key) is not None]
        if len(values) < 2:
            continue
        width, height = SIZE
        low, high = min(values), max(values)
        points = [
            {
                "x": f"{width * place / (len(values) - 1):.1f}",
                "y": f"{height * (1 - (value - low) / ((high - low) or 1)):.1f}",
                "exact": f"epoch {place + 1}: {value:.4g}",
            }
            for place, value in enumerate(values)
        ]
        ends = f"{low:.3g}", f"{high:.3g}"
        if ends[0] == ends[1]:  # the line lies at the lower end
            ends = ends[0], ""
        curves.append({"title": title, "points": points, "low": ends[0], "high": ends[1]})
    return curves
