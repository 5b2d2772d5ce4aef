"""What a run leaves behind: predictions.csv, metrics.json, confusion.png, a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from softlabels import files
from softlabels.corpora.summary import SPEAKERS
from softlabels.metrics import ambiguity_AUPRC, calibration, closeness, recognition
from softlabels.models.normalization import BY_SPEAKER
from softlabels.report.confusion import draw_confusions
from softlabels.training.brain import Predictions

# of the run's table: heading → key of `closeness`; metrics.json has more
DISTANCES = {
    "CE": "cross_entropy",
    "KL": "KL",
    "JS": "JS",
    "soft acc.": "soft_accuracy",
    "entropy r": "entropy_correlation",
    "F1 > 1/K": "presence_F1",
}

# of that before and after calibration
CALIBRATED = {
    "CE": "cross_entropy",
    "KL": "KL",
    "JS": "JS",
    "TV": "TV",
    "soft acc.": "soft_accuracy",
    "soft ECE": "soft_ECE",
    "ECE": "ECE",
}


def score(predictions: Predictions, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Score predictions on clear, ambiguous and all utterances of a set.

    Arguments
    ---------
    predictions : Predictions
        The predictions; an utterance is clear where its emotion is a class.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    scores : dict
        ``clear`` (see `recognition` and `closeness`; ``ECE`` is `calibration`'s error),
        ``ambiguous`` and ``all`` (see `closeness`); ``all`` has `ambiguity_AUPRC` too, and where
        there are precisions that by them, ``precision_AUPRC``.

    Example
    -------
    >>> predictions = Predictions(["u1"], ["sad"], [[-0.1, -2.4]], [[1.0, 0.0]])
    >>> score(predictions, ["sad", "happy"])["clear"]["UA"]
    1.0
    """
    log_p = np.array(predictions.log_probabilities).reshape(-1, len(classes))
    shares = np.array(predictions.shares).reshape(-1, len(classes))
    clear = np.array([emotion in classes for emotion in predictions.emotions], dtype=bool)
    true = [list(classes).index(emotion) for emotion in np.array(predictions.emotions)[clear]]
    predicted = log_p[clear].argmax(axis=1)
    areas = {"ambiguity_AUPRC": ambiguity_AUPRC(log_p, ~clear)}
    if predictions.precisions:
        areas["precision_AUPRC"] = ambiguity_AUPRC(log_p, ~clear, predictions.precisions)
    return {
        "clear": {
            **recognition(true, predicted, classes),
            **closeness(log_p[clear], shares[clear]),
            "ECE": calibration(log_p[clear], predicted == np.array(true))["error"]
            if true
            else None,
        },
        "ambiguous": closeness(log_p[~clear], shares[~clear]),
        "all": {**closeness(log_p, shares), **areas},
    }


def predictions_csv(
    predictions: Predictions, manifest: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> str:
    """Lay predictions out as a CSV, a row an utterance, in the order of their ids.

    Arguments
    ---------
    predictions : Predictions
        The predictions.
    manifest : dict
        id → entry with ``votes``.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    text : str
        Columns utterance, subset, votes (JSON), true (empty for ambiguous ones),
        predicted, target_<class> (the share of votes), p_<class>, and precision where there
        are any.

    Example
    -------
    >>> predictions = Predictions(["u1"], ["sad"], [[0.0]], [[1.0]])
    >>> predictions_csv(predictions, {"u1": {"votes": [["sad"]]}}, ["sad"]).splitlines()[1]
    'u1,clear,"[[""sad""]]",sad,sad,1.0,1.0'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    targets, probabilities = [f"target_{c}" for c in classes], [f"p_{c}" for c in classes]
    columns = ["utterance", "subset", "votes", "true", "predicted", *targets, *probabilities]
    writer.writerow([*columns, "precision"] if predictions.precisions else columns)
    precisions = [[each] for each in predictions.precisions] or [[]] * len(predictions.ids)
    parts = (
        predictions.ids,
        predictions.emotions,
        predictions.log_probabilities,
        predictions.shares,
        precisions,
    )
    for utterance, emotion, log_p, share, precision in sorted(zip(*parts, strict=True)):
        clear = emotion in classes
        writer.writerow(
            [
                utterance,
                "clear" if clear else "ambiguous",
                json.dumps(manifest[utterance]["votes"], ensure_ascii=False),
                emotion if clear else "",
                classes[int(np.argmax(log_p))],
                *share,
                *np.exp(log_p).tolist(),
                *precision,
            ]
        )
    return out.getvalue()


def result_table(metrics: Mapping[str, Any], title: str) -> str:
    """Lay a run's results out for a terminal.

    Arguments
    ---------
    metrics : dict
        With ``test`` as `score` gives it, ``majority`` and, where there are any, a ``notice``,
        how features were normalised (``normalization``), whether test speakers train or validate
        too (``speaker_independent``), and of a calibrated run ``temperature`` and
        ``uncalibrated``: the same as ``test`` before it.
    title : str
        Title.

    Returns
    -------
    table : str
        Percentages for WA, UA and macro-F1; `DISTANCES` on each subset.

    Example
    -------
    >>> predictions = Predictions(["u1"], ["sad"], [[0.0]], [[1.0]])
    >>> test = score(predictions, ["sad"])
    >>> table = result_table({"test": test, "majority": {"class": "sad", **test["clear"]}}, "t")
    >>> print(table.splitlines()[2].strip())
    WA %   UA %   F1 %
    """
    test = metrics["test"]
    recognised = [
        (f"always {metrics['majority']['class']}", metrics["majority"]),
        ("this model", test["clear"]),
    ]
    by_speaker = BY_SPEAKER if metrics.get("normalization") == "speaker" else None
    speakers = SPEAKERS[metrics.get("speaker_independent", True)]
    lines = [title, *filter(None, [metrics.get("notice"), by_speaker, speakers])]
    lines += ["", f"{'':24}  WA %   UA %   F1 %"]
    for name, scores in recognised:
        cells = [_cell(scores[key], 100, 1) for key in ("WA", "UA", "macro_F1")]
        lines.append(f"{name:24}{''.join(cells)}")
    heads = "".join(f"{head:>{max(7, len(head) + 2)}}" for head in DISTANCES)
    lines += ["", f"{'to the annotators':24}     n{heads}"]
    for subset in ("clear", "ambiguous", "all"):
        cells = [
            _cell(test[subset][key], 1, 3, max(7, len(head) + 2)) for head, key in DISTANCES.items()
        ]
        lines.append(f"{subset:24}{test[subset]['n']:6}{''.join(cells)}")
    lines.append(
        "CE, KL and JS in nats, less is nearer; soft acc. and F1 > 1/K up to 1, more is nearer"
    )
    if (area := test["all"]["ambiguity_AUPRC"]) is not None:
        share = test["ambiguous"]["n"] / test["all"]["n"]
        by = {"entropy": area, "low precision": test["all"].get("precision_AUPRC")}
        areas = ", ".join(f"{name}: AUPRC {a:.3f}" for name, a in by.items() if a is not None)
        lines.append(f"ambiguous utterances by {areas}, by chance {share:.3f}")
    if "uncalibrated" in metrics:
        lines += _calibration_lines(metrics)
    return "\n".join(lines)


def _calibration_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Lay out each distance and calibration error before and after calibration."""
    title = f"at temperature {metrics['temperature']:.3g}"
    heads = "".join(f"{head:>{max(7, len(head) + 2)}}" for head in CALIBRATED)
    lines = ["", f"{title:30}{heads}"]
    for subset in ("clear", "ambiguous", "all"):
        for when, name in (("before", "uncalibrated"), ("after", "test")):
            scores = metrics[name][subset]
            cells = [
                _cell(scores.get(key), 1, 3, max(7, len(head) + 2))
                for head, key in CALIBRATED.items()
            ]
            lines.append(f"{f'{subset}, {when}':30}{''.join(cells)}")
    return lines


def _cell(value: float | None, scale: float, digits: int, width: int = 7) -> str:
    text = "–" if value is None else f"{value * scale:.{digits}f}".replace("-", "−")
    return f"{text:>{width}}"


def write_results(
    folder: Path,
    predictions: Predictions,
    manifest: Mapping[str, Mapping[str, Any]],
    metrics: Mapping[str, Any],
    classes: Sequence[str],
    title: str,
) -> None:
    """Write predictions.csv, confusion.png and, last, metrics.json: the sign of a finished run.

    Arguments
    ---------
    folder : Path
        The results folder.
    predictions : Predictions
        The test set's predictions.
    manifest : dict
        The test set: id → entry with ``votes``.
    metrics : dict
        The content of metrics.json; ``test`` as `score` gives it.
    classes : sequence of str
        The K target classes.
    title : str
        Of the picture.
    """
    files.write(folder / "predictions.csv", predictions_csv(predictions, manifest, classes))
    confusions = {title: metrics["test"]["clear"]["confusion"]}
    picture = io.BytesIO()
    draw_confusions(confusions, classes, picture)
    files.write(folder / "confusion.png", picture.getvalue())
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    files.write(folder / "metrics.json", text + "\n")
