"""The report's tables, of strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from softlabels.report.audit import MOST, Audit, most_voted
from softlabels.report.differences import Compared
from softlabels.report.formats import GAP, format_difference, number, percent
from softlabels.report.summary import accuracies, majority
from softlabels.report.sweep import Sweep
from softlabels.report.targets import pattern_text

MARK = " †"
ROW = "encoder / trained on"
NEARER = {  # key of a score → heading, by which way is nearer
    "less": {
        "cross_entropy": "CE",
        "KL": "KL",
        "JS": "JS",
        "TV": "TV",
        "manhattan": "Manhattan",
        "annotator_error": "error %",
        "ECE": "ECE",
        "soft_ECE": "soft ECE",
    },
    "more": {
        "one_minus_JSD": "1 − JSD",
        "soft_accuracy": "soft acc.",
        "entropy_correlation": "entropy r",
        "presence_F1": "F1 > 1/K",
        "any_vote": "any vote %",
        "AUPRC": "AUPRC",
        "precision_AUPRC": "AUPRC by precision",
        "ambiguous": "AUPRC by chance",
    },
}


def main_table(sweep: Sweep, compared: Compared, ceiling: Mapping[str, Any]) -> pd.DataFrame:
    """Lay out the paper's table for this corpus: an encoder and what it trained on a row.

    Arguments
    ---------
    sweep : Sweep
        What ran.
    compared : Compared
        As `softlabels.report.differences.compare_rows` returns it.
    ceiling : dict
        As `softlabels.report.ceiling.human_ceiling` returns it.

    Returns
    -------
    table : pandas.DataFrame
        Strings; a trial that is missing leaves a gap, † marks rows compared in part.
    """
    table, paper = accuracies(sweep), sweep.plan["paper"]
    several = sweep.finished["group"].nunique() > 1
    lines = []

    def line(row: str, cells: Mapping[str, str]) -> None:
        more = {}
        if paper:
            figures = paper.get(row.removesuffix(MARK))
            more = {
                f"paper {name} %": f"{figures[index]:.1f}" if figures else GAP
                for index, name in enumerate(("WA", "UA"))
            }
        lines.append({ROW: row, **cells, **more})

    if scores := majority(sweep):
        line("majority class", {f"{name} %": percent(scores[name]) for name in ("WA", "UA")})
    for row, values in table.iterrows():
        clear, ambiguous = values["clear"], values["ambiguous"]
        trained = GAP if not values["trials"] else f"{clear:.0f} + {ambiguous:.0f}"
        cells = {
            "trials": f"{values['trials']:.0f} of {values['planned']:.0f}",
            "utterances": trained,
        }
        for name in ("WA", "UA"):
            cells[f"{name} %"] = percent(values[f"{name}_mean"], values[f"{name}_sd"])
        if several:
            cells["UA %, groups together"] = percent(values["UA_pooled"])
        for name in ("UA", "WA"):
            difference = compared.differences.get(str(row), {}).get(name)
            cells[f"Δ{name} [95 %]"] = format_difference(difference)
        line(f"{row}{MARK if row in compared.partial else ''}", cells)
    if ceiling["n"]:
        cells = {f"{name} %": percent(ceiling[name]) for name in ("WA", "UA")}
        line("an annotator against the others", cells)
    columns = max(lines, key=len)  # a row of the plan has every column
    return pd.DataFrame(lines, columns=list(columns)).fillna(GAP)


def distance_table(scores: pd.DataFrame, nearer: str) -> pd.DataFrame:
    """Lay out scores against the annotators, a row and a subset a line.

    Arguments
    ---------
    scores : pandas.DataFrame
        As `softlabels.report.summary.to_annotators` returns it.
    nearer : str
        'less' or 'more': the scores of which less, or more, is nearer to the annotators.
    """
    headings = {
        name: heading
        for name, heading in NEARER[nearer].items()
        if name != "precision_AUPRC" or name in scores
    }
    lines = []
    for (row, subset), values in scores.iterrows():
        cells = {ROW: row, "subset": subset, "utterances": number(values["n"], ".0f")}
        for name, heading in headings.items():
            value = values.get(name)
            cells[heading] = percent(value) if heading.endswith("%") else number(value)
        lines.append(cells)
    return pd.DataFrame(lines, columns=[ROW, "subset", "utterances", *headings.values()])


def target_table(
    rows: list[dict[str, Any]],
    classes: list[str],
    left_out: Mapping[str, tuple[float, float]] | None = None,
) -> pd.DataFrame:
    """Lay out what encoders do to the targets, and how well these forecast a left-out vote."""
    lines = []
    for row in rows:
        line = {"encoder": row["encoder"], "subset": row["subset"], "utterances": str(row["n"])}
        line |= {f"{k} %": percent(x) for k, x in zip(classes, row["balance"], strict=True)}
        line["entropy, nats"] = number(row["entropy"])
        if left_out:
            score, share = left_out[row["encoder"]]
            whole = row["subset"] == "clear + ambiguous" and share == 1
            line["left-out vote, nats"] = number(score) if whole else GAP
        lines.append(line)
    return pd.DataFrame(lines)


def truth_table(truth: pd.DataFrame, compared: Compared) -> pd.DataFrame:
    """Lay out distances to the truth, and rows' differences to the baseline's."""
    if truth.empty:
        return truth
    numbers = {name: [number(x) for x in truth[name]] for name in ("JS", "TV")}
    kl = ["∞" if pd.isna(x) else number(x) for x in truth["KL"]]
    differences = [
        format_difference(
            compared.differences.get(what.removeprefix("predictions: "), {}).get("truth"), 1, "+.3f"
        )
        for what in truth["what"]
    ]
    return pd.DataFrame(
        {
            "": truth["what"],
            "n": truth["n"].astype(str),
            **numbers,
            "KL": kl,
            "ΔKL to the baseline [95 %], p": differences,
        }
    )


def audit_facts(audit: Audit) -> pd.DataFrame:
    """Lay out an audit's counts, agreement and partition."""
    counts, labels = audit.ballots.counts, audit.ballots.labels
    items, votes = len(counts), int(counts.sum())
    per_item = counts.sum(axis=1)
    spread = f"{np.median(per_item):g} (median; {per_item.min()} to {per_item.max()})"
    of_label = counts.sum(axis=0)
    entropy = number(audit.entropy)
    facts = {
        "items": f"{items}",
        "votes": f"{votes}",
        "votes an item": spread,
        "Krippendorff's α": number(audit.alpha),
        "mean entropy of the votes": f"{entropy} nats",
        **{kind: f"{n} ({n / items:.1%})" for kind, n in audit.partition.items()},
        **{
            f"votes for {labels[place]}": f"{of_label[place]} ({of_label[place] / votes:.1%})"
            for place in most_voted(of_label)
        },
    }
    if len(labels) > MOST:
        facts["other labels"] = f"{len(labels) - MOST}"
    return pd.DataFrame({"": facts.keys(), "value": facts.values()})


def audit_patterns(audit: Audit) -> pd.DataFrame:
    """Lay out an audit's commonest patterns of votes with each encoder's target."""
    return pd.DataFrame(
        {
            "votes": pattern_text(row, audit.ballots.labels, ", "),
            "items": f"{items}",
            **{
                name: _target(
                    encoder.encode_counts(row[None], audit.ballots.labels)[0], audit.classes
                )
                for name, encoder in audit.encoders.items()
            },
        }
        for row, items in audit.patterns
    )


def _target(target: NDArray[Any], classes: Sequence[str]) -> str:
    if np.isnan(target).any():
        return "no target"
    if len(target) <= MOST:
        return " ".join(f"{x:.2f}" for x in target)
    highest = [k for k in np.argsort(-target, kind="stable")[:3] if target[k]]
    return ", ".join(f"{classes[k]} {target[k]:.2f}" for k in highest)
