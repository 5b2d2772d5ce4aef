"""Distances and calibration errors of a sweep's trials before and after calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from softlabels.report.formats import GAP, number
from softlabels.report.sweep import Sweep

SUBSETS = ("clear", "ambiguous", "all")
SCORES = {  # key of metrics.json → heading
    "cross_entropy": "CE",
    "KL": "KL",
    "JS": "JS",
    "TV": "TV",
    "soft_accuracy": "soft acc.",
    "soft_ECE": "soft ECE",
    "ECE": "ECE",
}


def calibration_scores(sweep: Sweep) -> list[dict[str, Any]]:
    """Average scores before and after calibration over each row's trials that have both.

    Returns
    -------
    scores : list of dict
        Of each row and subset: ``row``, ``subset``, ``trials``, the mean ``temperature``, and
        ``before`` and ``after``: score → mean over trials, None where a trial has none.
    """
    lines = []
    for row in sweep.rows:
        of_row = sweep.trials[sweep.trials["row"] == row]["metrics"]
        trials = [each for each in of_row if each is not None and "uncalibrated" in each]
        for subset in SUBSETS if trials else ():
            lines.append(
                {
                    "row": row,
                    "subset": subset,
                    "trials": len(trials),
                    "temperature": float(np.mean([each["temperature"] for each in trials])),
                    "before": _means([each["uncalibrated"][subset] for each in trials]),
                    "after": _means([each["test"][subset] for each in trials]),
                }
            )
    return lines


def calibration_table(scores: list[dict[str, Any]]) -> pd.DataFrame:
    """Lay out `calibration_scores`, before → after in a cell; empty for none."""
    return pd.DataFrame(
        {
            "row": each["row"],
            "subset": each["subset"],
            "trials": str(each["trials"]),
            "temperature": f"{each['temperature']:.2f}",
            **{
                heading: _change(each["before"][key], each["after"][key])
                for key, heading in SCORES.items()
            },
        }
        for each in scores
    )


def _means(scores: list[dict[str, Any]]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for key in SCORES:
        values = [each.get(key) for each in scores]
        means[key] = None if None in values else float(np.mean(np.asarray(values, dtype=float)))
    return means


def _change(before: float | None, after: float | None) -> str:
    return GAP if before is None else f"{number(before)}\u00a0→ {number(after)}"
