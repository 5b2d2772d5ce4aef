"""The report's tables: cells as a reader wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from softlabels.report.comparison import Difference
from softlabels.report.summary import accuracies, majority
from softlabels.report.sweep import Sweep

GAP = "–"


def percent(mean: float | None, deviation: float | None = None) -> str:
    """Write a fraction in percent, with its deviation if there is one.

    Example
    -------
    >>> percent(0.6366, 0.021), percent(None)
    ('63.7 ± 2.1', '–')
    """
    if mean is None or np.isnan(mean):
        return GAP
    said = f"{100 * mean:.1f}"
    return said if deviation is None or np.isnan(deviation) else f"{said} ± {100 * deviation:.1f}"


def points(found: Difference | None) -> str:
    """Write a difference in points with its interval and p-value.

    Example
    -------
    >>> points(Difference(0.06, 0.02, 0.1, 0.0004, units=10, trainings=15))
    '+6.0 [+2.0, +10.0], p < 0.001'
    """
    if found is None:
        return GAP
    value, low, high = (100 * x for x in (found.value, found.low, found.high))
    p = "< 0.001" if found.p < 0.001 else f"= {found.p:.3f}"
    return f"{value:+.1f} [{low:+.1f}, {high:+.1f}], p {p}"


def main_table(
    sweep: Sweep, differences: Mapping[str, Mapping[str, Difference]], ceiling: Mapping[str, Any]
) -> pd.DataFrame:
    """Lay out the paper's table for this corpus: a teacher and what it trained on a row.

    Arguments
    ---------
    sweep : Sweep
        What ran.
    differences : dict
        As `softlabels.report.summary.differences` returns them.
    ceiling : dict
        As `softlabels.report.ceiling.human_ceiling` returns it.

    Returns
    -------
    table : pandas.DataFrame
        Strings; a trial that is missing leaves a gap.
    """
    table, paper = accuracies(sweep), sweep.plan["paper"]
    sessions = sweep.trials["session"].nunique() > 1
    lines = []

    def line(row: str, cells: Mapping[str, str]) -> None:
        more = {}
        if paper:
            figures = paper.get(row)
            more = {
                f"paper {name} %": f"{figures[index]:.1f}" if figures else GAP
                for index, name in enumerate(("WA", "UA"))
            }
        lines.append({"teacher / trained on": row, **cells, **more})

    if scores := majority(sweep):
        line("majority class", {f"{name} %": percent(scores[name]) for name in ("WA", "UA")})
    for row, found in table.iterrows():
        clear, ambiguous = found["clear"], found["ambiguous"]
        trained = GAP if not found["trials"] else f"{clear:.0f} + {ambiguous:.0f}"
        cells = {
            "trials": f"{found['trials']:.0f} of {found['planned']:.0f}",
            "utterances": trained,
        }
        for name in ("WA", "UA"):
            cells[f"{name} %"] = percent(found[f"{name}_mean"], found[f"{name}_sd"])
        if sessions:
            cells["UA %, sessions together"] = percent(found["UA_pooled"])
        for name in ("UA", "WA"):
            difference = differences.get(str(row), {}).get(name)
            cells[f"Δ{name} [95 %]"] = points(difference)
        line(str(row), cells)
    if ceiling["n"]:
        cells = {f"{name} %": percent(ceiling[name]) for name in ("WA", "UA")}
        line("an annotator against the others", cells)
    columns = max(lines, key=len)  # a row of the plan has every column
    return pd.DataFrame(lines, columns=list(columns)).fillna(GAP)


def distance_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Lay out distances to the annotators: a row and a subset a line."""
    names = {
        "n": "utterances",
        "cross_entropy": "CE",
        "KL": "KL",
        "JS": "JS",
        "TV": "TV",
        "entropy_correlation": "entropy r",
        "any_vote": "any vote %",
        "ECE": "ECE",
        "soft_ECE": "soft ECE",
    }
    lines = []
    for (row, subset), found in scores.iterrows():
        cells = {"teacher / trained on": row, "subset": subset}
        for name, title in names.items():
            value = found.get(name)
            if value is None or np.isnan(value):
                cells[title] = GAP
            elif name == "n":
                cells[title] = f"{value:.0f}"
            else:
                cells[title] = percent(value) if name == "any_vote" else f"{value:.3f}"
        lines.append(cells)
    return pd.DataFrame(lines)


def target_table(rows: list[dict[str, Any]], classes: list[str]) -> pd.DataFrame:
    """Lay out what teachers do to the targets."""
    return pd.DataFrame(
        {
            "teacher": row["teacher"],
            "subset": row["subset"],
            "utterances": str(row["n"]),
            **{f"{k} %": percent(x) for k, x in zip(classes, row["balance"], strict=True)},
            "entropy, nats": f"{row['entropy']:.3f}",
        }
        for row in rows
    )


def truth_table(truth: pd.DataFrame) -> pd.DataFrame:
    """Lay out distances to the truth."""
    if truth.empty:
        return truth
    numbers = {name: [f"{x:.3f}" for x in truth[name]] for name in ("JS", "TV")}
    kl = ["∞" if pd.isna(x) else f"{x:.3f}" for x in truth["KL"]]
    return pd.DataFrame({"": truth["what"], "n": truth["n"].astype(str), **numbers, "KL": kl})


def markdown(table: pd.DataFrame) -> str:
    """Write a table of strings as Markdown.

    Example
    -------
    >>> print(markdown(pd.DataFrame({"a": ["1"], "b": ["2"]})))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    rows = [list(table.columns), *table.to_numpy().tolist()]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * table.shape[1], *lines[1:]])
