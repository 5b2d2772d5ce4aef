"""A sweep's numbers: accuracies, differences to the baseline, distances to the annotators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from softlabels.report.closeness import calibration, closeness
from softlabels.report.comparison import Difference, compare, holm
from softlabels.report.sweep import Sweep

SUBSETS = ("clear", "ambiguous", "all")
ENOUGH_SPEAKERS = 10  # fewer are too few to be a sample of speakers
THIN = 0.05  # an interval that reaches this far to both sides can't tell


def accuracies(sweep: Sweep) -> pd.DataFrame:
    """Tell each row's WA and UA over its trials.

    Arguments
    ---------
    sweep : Sweep
        What ran.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by row: ``trials`` with results and ``planned``; ``clear`` and
        ``ambiguous`` training utterances (mean over sessions); for WA and UA, as
        fractions: ``_mean`` and ``_sd`` over seeds and sessions, ``_pooled``: over
        the clear utterances of all sessions together, mean over seeds.
    """
    found = {}
    for row in sweep.rows:
        planned = sweep.trials[sweep.trials["row"] == row]
        metrics = [m for m in planned["metrics"] if m is not None]
        of_row: dict[str, Any] = {"trials": len(metrics), "planned": len(planned)}
        for kind in ("clear", "ambiguous"):
            of_row[kind] = float(np.mean([m["train"][kind] for m in metrics])) if metrics else None
        for name in ("WA", "UA"):
            each = [m["test"]["clear"][name] for m in metrics]
            of_row[f"{name}_mean"] = float(np.mean(each)) if each else None
            of_row[f"{name}_sd"] = float(np.std(each, ddof=1)) if len(each) > 1 else None
        pooled = [_pooled(seed) for _, seed in _clear(sweep, row).groupby("seed")]
        for index, name in enumerate(("WA", "UA")):
            mean = float(np.mean([scores[index] for scores in pooled])) if pooled else None
            of_row[f"{name}_pooled"] = mean
        found[row] = of_row
    return pd.DataFrame.from_dict(found, orient="index")


def majority(sweep: Sweep) -> dict[str, float] | None:
    """WA and UA of always answering the commonest class, mean over held-out sessions."""
    scores = [m["majority"] for m in sweep.finished.drop_duplicates("session")["metrics"]]
    if not scores:
        return None
    return {name: float(np.mean([score[name] for score in scores])) for name in ("WA", "UA")}


def differences(sweep: Sweep) -> tuple[dict[str, dict[str, Difference]], str]:
    """Compare every row with the baseline, over the trials that both have.

    Arguments
    ---------
    sweep : Sweep
        What ran.

    Returns
    -------
    differences : dict
        row → ``UA`` and ``WA`` → `Difference`, its p corrected for the number of rows.
    units : str
        'speakers' or 'utterances': what the test set was taken to be a draw of.
    """
    base = sweep.plan["baseline"]
    keys = ["session", "seed", "utterance"]
    pairs = {
        row: _clear(sweep, base).merge(_clear(sweep, row), on=keys, suffixes=("", "_new"))
        for row in sweep.rows
        if row != base
    }
    pairs = {row: both for row, both in pairs.items() if len(both)}
    fewest = min((both["speaker"].nunique() for both in pairs.values()), default=0)
    units = "speakers" if fewest >= ENOUGH_SPEAKERS else "utterances"
    found: dict[str, dict[str, Difference]] = {}
    for row, both in pairs.items():
        gain = (both["predicted_new"] == both["true"]) * 1.0
        gain -= (both["predicted"] == both["true"]) * 1.0
        unit = both["speaker" if units == "speakers" else "utterance"]
        trainings = both["session"].astype(str) + "/" + both["seed"].astype(str)
        found[row] = {
            "UA": compare(gain, both["true"], unit, trainings),
            "WA": compare(gain, [""] * len(gain), unit, trainings),
        }
    for name in ("UA", "WA"):
        corrected = holm([of_row[name].p for of_row in found.values()])
        for of_row, p in zip(found.values(), corrected, strict=True):
            of_row[name] = Difference(**{**vars(of_row[name]), "p": p})
    return found, units


def verdict(found: Difference, name: str = "UA") -> str:
    """Say in words what a difference shows.

    Example
    -------
    >>> verdict(Difference(0.01, -0.08, 0.1, 0.8, units=10, trainings=15))
    'too thin to tell: UA may be 8.0 points lower or 10.0 higher'
    >>> verdict(Difference(0.06, 0.02, 0.1, 0.01, units=10, trainings=15))
    'UA higher by 6.0 points, more than chance'
    """
    if found.p < 0.05:
        side = "higher" if found.value > 0 else "lower"
        return f"{name} {side} by {abs(found.value) * 100:.1f} points, more than chance"
    if found.low <= -THIN and found.high >= THIN:
        reach = f"{-found.low * 100:.1f} points lower or {found.high * 100:.1f} higher"
        return f"too thin to tell: {name} may be {reach}"
    return f"no difference in {name} beyond chance"


def to_annotators(sweep: Sweep) -> pd.DataFrame:
    """Score every row's predictions against the annotators, per subset; means over seeds.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by row and subset: ``n`` utterances and the scores of `closeness`; for
        clear utterances ``ECE``, the expected calibration error, too.
    """
    p_columns = [f"p_{name}" for name in sweep.classes]
    q_columns = [f"target_{name}" for name in sweep.classes]
    found = {}
    for row in sweep.rows:
        said = _of_row(sweep, row)
        for subset in SUBSETS:
            part = said if subset == "all" or said.empty else said[said["subset"] == subset]
            scores = []
            for _, seed in part.groupby("seed") if len(part) else ():
                of_seed = closeness(seed[p_columns], seed[q_columns])
                if subset == "clear":
                    hit = seed["predicted"] == seed["true"]
                    of_seed["ECE"] = calibration(seed[p_columns], hit)["error"]
                scores.append({"n": len(seed), **of_seed})
            if scores:
                found[row, subset] = pd.DataFrame(scores).astype(float).mean()
    table = pd.DataFrame(found).T
    return table if table.empty else table.rename_axis(["row", "subset"])


def _of_row(sweep: Sweep, row: str) -> pd.DataFrame:
    said = sweep.predictions
    if said.empty:
        columns = ["row", "session", "seed", "utterance", "speaker", "subset", "true", "predicted"]
        return pd.DataFrame(columns=columns)
    return said[said["row"] == row]


def _clear(sweep: Sweep, row: str) -> pd.DataFrame:
    said = _of_row(sweep, row)
    return said[said["subset"] == "clear"]


def _pooled(said: pd.DataFrame) -> tuple[float, float]:
    right = said["predicted"] == said["true"]
    return float(right.mean()), float(right.groupby(said["true"]).mean().mean())
