"""Distances of targets and predictions to the true distributions, where those are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softlabels.encoders import AnnotationEncoder
from softlabels.errors import InputError
from softlabels.metrics import mean_distances
from softlabels.report.sweep import Sweep
from softlabels.votes import Ballots

TRUTH_FILE = "truth.csv"


def read_truth(sweep: Sweep) -> pd.DataFrame | None:
    """Read the distributions that a corpus' simulated annotators drew from.

    They are in `TRUTH_FILE` in the corpus' folder: a row for each ``utterance``, a column for each
    label, in lower case; other columns are ignored.

    Arguments
    ---------
    sweep : Sweep
        What ran, with the classes and what was merged into them.

    Returns
    -------
    truth : pandas.DataFrame or None
        Indexed by utterance, a column for each class, rows that sum to 1; utterances without any
        probability of a class are left out. None for a corpus without such a file.

    Raises
    ------
    InputError
        If the file lacks ``utterance`` or a class.
    """
    file = Path(sweep.plan["data_folder"]) / TRUTH_FILE
    if not file.exists():
        return None
    classes = [name.lower() for name in sweep.classes]
    merge = {label.lower(): into.lower() for label, into in sweep.plan["merge"].items()}
    truth = pd.read_csv(file, dtype={"utterance": str})
    if missing := [name for name in ("utterance", *classes) if name not in truth]:
        raise InputError(f"{file} has no column {missing[0]!r}; it has {list(truth)}")
    truth = truth.set_index("utterance").rename(columns=merge)
    truth = truth.loc[:, truth.columns.isin(classes)].astype(float)
    truth = truth.T.groupby(level=0).sum().T[classes].set_axis(sweep.classes, axis=1)
    return truth.div(truth.sum(axis=1), axis=0).dropna()


def distance_to_truth(
    sweep: Sweep,
    truth: pd.DataFrame,
    names: Sequence[str],
    ballots: Ballots,
    encoders: Mapping[str, AnnotationEncoder],
) -> pd.DataFrame:
    """Score each encoder's targets, and each row's predictions, against the truth.

    Arguments
    ---------
    sweep : Sweep
        What ran, on a corpus whose truth is known.
    truth : pandas.DataFrame
        See `read_truth`.
    names : sequence of str
        The utterances with votes.
    ballots : Ballots
        Their votes.
    encoders : dict
        Display name → encoder.

    Returns
    -------
    table : pandas.DataFrame
        ``what``, ``n`` utterances, ``JS`` and ``KL`` in nats, ``TV``, nearest first. KL is
        None where something that is true was given no probability.
    """
    known = [place for place, name in enumerate(names) if name in truth.index]
    names, ballots = [names[place] for place in known], ballots.take(known)
    lines = []

    def line(what: str, p: np.ndarray, utterances: list[str]) -> None:
        with np.errstate(divide="ignore"):
            means = mean_distances(np.log(np.asarray(p, float)), truth.loc[utterances].to_numpy())
        near = {name: means[name] for name in ("JS", "KL", "TV")}
        lines.append({"what": what, "n": len(utterances), **near})

    for name, encoder in encoders.items():
        targets = encoder.encode_ballots(ballots)
        encoded = np.flatnonzero(np.isfinite(targets).all(axis=1))
        line(f"targets: {name}", targets[encoded], [names[index] for index in encoded])
    if len(sweep.predictions):
        predicted = sweep.predictions[sweep.predictions["utterance"].isin(truth.index)]
        for row, part in predicted.groupby("row", sort=False):
            p = part[[f"p_{name}" for name in sweep.classes]].to_numpy()
            line(f"predictions: {row}", p, part["utterance"].tolist())
    return pd.DataFrame(lines).sort_values("JS", ignore_index=True)


def nearest_to_truth(truth: pd.DataFrame) -> str:
    """Name the rows whose predictions come nearest to the truth.

    Example
    -------
    >>> truth = pd.DataFrame({"what": ["predictions: a", "predictions: b"], "JS": [0.1, 0.2]})
    >>> nearest_to_truth(truth)
    'Nearest to the true distributions, by JS: the predictions of a (0.100), then b (0.200).'
    """
    predicted = truth[truth["what"].str.startswith("predictions: ")].sort_values("JS")
    ranked = [
        f"{what.removeprefix('predictions: ')} ({js:.3f})"
        for what, js in zip(predicted["what"], predicted["JS"], strict=True)
    ]
    return (
        "Nearest to the true distributions, by JS: the predictions of "
        + ", then ".join(ranked)
        + "."
    )
