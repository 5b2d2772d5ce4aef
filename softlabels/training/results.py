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
from softlabels.metrics import mean_distances, recognition
from softlabels.models.normalization import BY_SPEAKER
from softlabels.training.brain import Predictions


def score(said: Predictions, classes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Score predictions on clear, ambiguous and all utterances of a set.

    Arguments
    ---------
    said : Predictions
        The predictions; an utterance is clear where its emotion is a class.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    scores : dict
        ``clear`` (see `recognition` and `mean_distances`), ``ambiguous`` and
        ``all`` (see `mean_distances`).

    Example
    -------
    >>> said = Predictions(["u1"], ["sad"], [[-0.1, -2.4]], [[1.0, 0.0]])
    >>> score(said, ["sad", "happy"])["clear"]["UA"]
    1.0
    """
    log_p = np.array(said.log_probabilities).reshape(-1, len(classes))
    shares = np.array(said.shares).reshape(-1, len(classes))
    clear = np.array([emotion in classes for emotion in said.emotions], dtype=bool)
    true = [list(classes).index(emotion) for emotion in np.array(said.emotions)[clear]]
    return {
        "clear": {
            **recognition(true, log_p[clear].argmax(axis=1), classes),
            **mean_distances(log_p[clear], shares[clear]),
        },
        "ambiguous": mean_distances(log_p[~clear], shares[~clear]),
        "all": mean_distances(log_p, shares),
    }


def predictions_csv(
    said: Predictions, manifest: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> str:
    """Lay predictions out as a CSV, a row an utterance, in the order of their ids.

    Arguments
    ---------
    said : Predictions
        The predictions.
    manifest : dict
        id → entry with ``votes``.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    text : str
        Columns utterance, subset, votes (JSON), true (empty for ambiguous ones),
        predicted, target_<class> (the share of votes), p_<class>.

    Example
    -------
    >>> said = Predictions(["u1"], ["sad"], [[0.0]], [[1.0]])
    >>> predictions_csv(said, {"u1": {"votes": [["sad"]]}}, ["sad"]).splitlines()[1]
    'u1,clear,"[[""sad""]]",sad,sad,1.0,1.0'
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    targets, probabilities = [f"target_{c}" for c in classes], [f"p_{c}" for c in classes]
    writer.writerow(["utterance", "subset", "votes", "true", "predicted", *targets, *probabilities])
    rows = zip(said.ids, said.emotions, said.log_probabilities, said.shares, strict=True)
    for utterance, emotion, log_p, share in sorted(rows):
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
            ]
        )
    return out.getvalue()


def result_table(metrics: Mapping[str, Any], title: str) -> str:
    """Lay a run's results out for a terminal.

    Arguments
    ---------
    metrics : dict
        With ``test`` as `score` gives it, ``majority`` and, where there are any, a ``notice``
        and how features were normalised (``normalization``).
    title : str
        What stands above.

    Returns
    -------
    table : str
        Percentages for WA, UA and macro-F1, nats for distances.

    Example
    -------
    >>> said = Predictions(["u1"], ["sad"], [[0.0]], [[1.0]])
    >>> test = score(said, ["sad"])
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
    lines = [title, *filter(None, [metrics.get("notice"), by_speaker])]
    lines += ["", f"{'':24}  WA %   UA %   F1 %"]
    for name, scores in recognised:
        cells = [_cell(scores[key], 100, 1) for key in ("WA", "UA", "macro_F1")]
        lines.append(f"{name:24}{''.join(cells)}")
    lines += ["", f"{'to the annotators, nats':24}     n     CE     KL     JS"]
    for subset in ("clear", "ambiguous", "all"):
        cells = [_cell(test[subset][key], 1, 3) for key in ("cross_entropy", "KL", "JS")]
        lines.append(f"{subset:24}{test[subset]['n']:6}{''.join(cells)}")
    return "\n".join(lines)


def _cell(value: float | None, scale: float, digits: int) -> str:
    return f"{'-':>7}" if value is None else f"{value * scale:7.{digits}f}"


def draw_confusion(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], title: str, file: Path
) -> None:
    """Draw a confusion matrix: shares of each true class, with counts.

    Arguments
    ---------
    confusion : sequence of sequences of int
        [K, K], a row for each true class.
    classes : sequence of str
        The K classes' names.
    title : str
        What stands above.
    file : Path
        The PNG to write.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = np.asarray(confusion)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    size = 2.5 + 0.8 * len(classes)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [str(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set_yticks(
        range(len(names)), [f"{n}\n({t})" for n, t in zip(names, totals[:, 0], strict=True)]
    )
    axes.set_xlabel("predicted")
    axes.set_ylabel("true (utterances)")
    axes.set_title(title, fontsize="medium")
    for row, column in np.ndindex(*counts.shape):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{share:.0%}\n{counts[row, column]}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
            fontsize="small",
        )
    figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.8)
    picture = io.BytesIO()
    figure.savefig(picture, dpi=120)
    files.write(file, picture.getvalue())


def write_results(
    folder: Path,
    said: Predictions,
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
    said : Predictions
        The test set's predictions.
    manifest : dict
        The test set: id → entry with ``votes``.
    metrics : dict
        What metrics.json is to hold; ``test`` as `score` gives it.
    classes : sequence of str
        The K target classes.
    title : str
        What the picture says above.
    """
    files.write(folder / "predictions.csv", predictions_csv(said, manifest, classes))
    draw_confusion(metrics["test"]["clear"]["confusion"], classes, title, folder / "confusion.png")
    text = json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False)
    files.write(folder / "metrics.json", text + "\n")
