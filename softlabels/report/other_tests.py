"""Scores on the test sets beside the first one, where a corpus has several."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from softlabels.report.formats import number, percent
from softlabels.report.sweep import Sweep

FIRST = "test"


def test_sets(metrics: dict[str, Any]) -> list[str]:
    """Return the names of a run's test sets, the first one's first.

    Example
    -------
    >>> test_sets({"train": {}, "test2": {"clear": {}}, "test": {"clear": {}}})
    ['test', 'test2']
    """
    names = [name for name in metrics if name.startswith(FIRST) and "clear" in metrics[name]]
    return sorted(names, key=lambda name: (name != FIRST, name))


def other_tests_table(sweep: Sweep) -> pd.DataFrame:
    """Lay out each row's scores on each test set, means over trials; empty for one test set.

    WA and UA on clear utterances with their standard deviation, JS on all.
    """
    lines = []
    for row, trials in sweep.finished.groupby("row", sort=False):
        names = sorted({name for metrics in trials["metrics"] for name in test_sets(metrics)})
        for name in names:
            scores = [metrics[name] for metrics in trials["metrics"] if name in metrics]
            cells = {"encoder / trained on": row, "test set": name, "trials": str(len(scores))}
            cells["utterances"] = number(np.mean([each["all"]["n"] for each in scores]), ".0f")
            for key in ("WA", "UA"):
                values = [each["clear"][key] for each in scores if each["clear"][key] is not None]
                deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
                cells[f"{key} %"] = percent(float(np.mean(values)) if values else None, deviation)
            js = [x for each in scores if (x := each["all"].get("JS")) is not None]
            cells["JS"] = number(float(np.mean(js)) if js else None)
            lines.append(cells)
    table = pd.DataFrame(lines)
    return table if len(table) and table["test set"].nunique() > 1 else pd.DataFrame()
