"""A sweep's numbers: accuracies, and distances to the annotators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from softlabels.metrics import ambiguity_AUPRC, calibration, closeness
from softlabels.report.sweep import Sweep

SUBSETS = ("clear", "ambiguous", "all")


def accuracies(sweep: Sweep) -> pd.DataFrame:
    """Return each row's WA and UA over its trials.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by row: ``trials`` with results and ``planned``; ``clear`` and
        ``ambiguous`` training utterances (mean over groups); for WA and UA, as
        fractions: ``_mean`` and ``_sd`` over seeds and groups, ``_pooled``: over
        the clear utterances of all groups together, mean over seeds.
    """
    of_rows = {}
    for row in sweep.rows:
        planned = sweep.trials[sweep.trials["row"] == row]
        metrics = [m for m in planned["metrics"] if m is not None]
        of_row: dict[str, Any] = {"trials": len(metrics), "planned": len(planned)}
        for kind in ("clear", "ambiguous"):
            of_row[kind] = float(np.mean([m["train"][kind] for m in metrics])) if metrics else None
        for name in ("WA", "UA"):
            values = [m["test"]["clear"][name] for m in metrics]
            values = [value for value in values if value is not None]  # no clear utterances
            of_row[f"{name}_mean"] = float(np.mean(values)) if values else None
            of_row[f"{name}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
        pooled = [_pooled(seed) for _, seed in _clear(sweep, row).groupby("seed")]
        for index, name in enumerate(("WA", "UA")):
            mean = float(np.mean([scores[index] for scores in pooled])) if pooled else None
            of_row[f"{name}_pooled"] = mean
        of_rows[row] = of_row
    return pd.DataFrame.from_dict(of_rows, orient="index")


def majority(sweep: Sweep) -> dict[str, float] | None:
    """Return WA and UA of always answering the commonest class, mean over held-out groups."""
    scores = [m["majority"] for m in sweep.finished.drop_duplicates("group")["metrics"]]
    scores = [score for score in scores if score["UA"] is not None]
    if not scores:
        return None
    return {name: float(np.mean([score[name] for score in scores])) for name in ("WA", "UA")}


def to_annotators(sweep: Sweep) -> pd.DataFrame:
    """Score every row's predictions against the annotators, per subset; means over seeds.

    Returns
    -------
    table : pandas.DataFrame
        Indexed by row and subset: the scores of `closeness`; for clear utterances ``ECE``, the
        expected calibration error; for all ``AUPRC`` (`ambiguity_AUPRC`), ``precision_AUPRC``,
        the same by a low precision where predictions have one, and ``ambiguous``, the share of
        ambiguous utterances, which is AUPRC by chance.
    """
    p_columns = [f"p_{name}" for name in sweep.classes]
    q_columns = [f"target_{name}" for name in sweep.classes]
    of_rows = {}
    for row in sweep.rows:
        chosen = _of_row(sweep, row)
        for subset in SUBSETS:
            part = chosen if subset == "all" or chosen.empty else chosen[chosen["subset"] == subset]
            scores = []
            for _, seed in part.groupby("seed") if len(part) else ():
                with np.errstate(divide="ignore"):
                    log_p = np.log(seed[p_columns].to_numpy())
                of_seed = closeness(log_p, seed[q_columns])
                if subset == "clear":
                    right = seed["predicted"] == seed["true"]
                    of_seed["ECE"] = calibration(log_p, right)["error"]
                if subset == "all":
                    ambiguous = seed["subset"] == "ambiguous"
                    of_seed["AUPRC"] = ambiguity_AUPRC(log_p, ambiguous)
                    if "precision" in seed and seed["precision"].notna().all():
                        area = ambiguity_AUPRC(log_p, ambiguous, seed["precision"])
                        of_seed["precision_AUPRC"] = area
                    of_seed["ambiguous"] = ambiguous.mean()
                scores.append(of_seed)
            if scores:
                of_rows[row, subset] = pd.DataFrame(scores).astype(float).mean(skipna=False)
    table = pd.DataFrame(of_rows).T
    return table if table.empty else table.rename_axis(["row", "subset"])


def _of_row(sweep: Sweep, row: str) -> pd.DataFrame:
    chosen = sweep.predictions
    if chosen.empty:
        columns = ["row", "group", "seed", "utterance", "speaker", "subset", "true", "predicted"]
        return pd.DataFrame(columns=columns)
    return chosen[chosen["row"] == row]


def _clear(sweep: Sweep, row: str) -> pd.DataFrame:
    chosen = _of_row(sweep, row)
    return chosen[chosen["subset"] == "clear"]


def _pooled(chosen: pd.DataFrame) -> tuple[float, float]:
    right = chosen["predicted"] == chosen["true"]
    return float(right.mean()), float(right.groupby(chosen["true"]).mean().mean())
