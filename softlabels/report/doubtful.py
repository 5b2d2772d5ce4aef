"""What a page shows of doubtful clips and of annotators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from softlabels.report.annotators import LEAST_ITEMS, Annotators
from softlabels.report.clips import (
    AGAINST,
    LISTED,
    MODEL,
    SURE,
    VOTES,
    Clips,
    Doubtful,
    find_doubtful,
)
from softlabels.report.formats import number
from softlabels.report.names import ANNOTATORS_FILE, CLIPS_FILE
from softlabels.report.players import make_players

MEANINGS = {
    VOTES: "the annotators' votes are spread the most over the labels (entropy in nats; 0: all "
    "agree); of equally spread ones, those with more votes come first.",
    MODEL: "the prediction is farthest from the share of votes (Jensen–Shannon divergence in nats; "
    "0: the same, 0.69: nothing in common).",
    AGAINST: f"the model gives one class a probability of {SURE:g} or more, and no annotator voted "
    "for it.",
}
MOST_LINES = 6  # of a clip's bars
SEEN = 0.05  # the least share of a label without votes that gets a line


@dataclass(frozen=True)
class Number:
    """A number as shown, and exactly."""

    text: str
    exact: str


def exact_number(value: float | None, form: str = ".2f") -> Number:
    """Write a number for a page; a gap for None and NaN.

    Example
    -------
    >>> exact_number(0.12345), exact_number(None)
    (Number(text='0.12', exact='0.12345'), Number(text='–', exact=''))
    """
    if value is None or np.isnan(value):
        return Number(number(None), "")
    return Number(number(value, form), f"{value:.6g}")


def show_clips(
    clips: Clips, what: str, target: str, players: str, empty: str = "No clip is doubtful."
) -> dict[str, Any]:
    """Return what the macro `doubtful` of the templates shows.

    Arguments
    ---------
    clips : Clips
        The clips.
    what : str
        Which clips these are, and whose predictions.
    target : str
        Whose targets are shown.
    players : str
        As of `softlabels.report.players.make_players`.
    empty : str
        What is said where there is none.
    """
    found = find_doubtful(clips)
    sounds = make_players([clips.wavs[each.place] for each in found], players)
    labels = [*clips.classes, *(x for x in clips.ballots.labels if x not in clips.classes)]
    rows = [_clip(clips, each, labels, sounds.sources) for each in found]
    lists = [
        {
            "key": str(key),
            "name": name,
            "n": sum(name in each.lists for each in found),
            "meaning": meaning,
        }
        for key, (name, meaning) in enumerate(MEANINGS.items())
        if name == VOTES or clips.predictions is not None
    ]
    series = {"votes": "votes"}
    if clips.targets is not None:
        series["target"] = "target"
    if clips.predictions is not None:
        series["prediction"] = "prediction"
    return {
        "rows": rows,
        "doubtful": found,
        "lead": f"{what} Up to {LISTED} clips of each list; a clip may be on several.",
        "lists": lists,
        "labels": labels,
        "series": [{"name": name} for name in series],
        "model": clips.predictions is not None,
        "notes": [f"Target: {target}." if clips.targets is not None else "", sounds.note],
        "csv": CLIPS_FILE,
        "empty": empty,
    }


def _clip(
    clips: Clips, found: Doubtful, labels: list[str], sources: Mapping[str, str]
) -> dict[str, Any]:
    place = found.place
    counts = dict(zip(clips.ballots.labels, clips.ballots.counts[place].tolist(), strict=True))
    target = None if clips.targets is None else _of_classes(clips, clips.targets[place])
    predicted = None if clips.predictions is None else _of_classes(clips, clips.predictions[place])
    votes = max(sum(counts.values()), 1)
    height = {
        label: max(
            counts.get(label, 0) / votes,
            np.nan_to_num((target or {}).get(label, 0.0)),
            (predicted or {}).get(label, 0.0),
        )
        for label in labels
    }
    highest = sorted(labels, key=lambda label: -height[label])[:MOST_LINES]
    p = None if predicted is None else max(predicted.values())
    shown = set(np.flatnonzero([counts.get(label, 0) > 0 for label in labels]).tolist())
    return {
        "name": str(clips.names[place]),
        "why": found.lists,
        "lists": [key for key, name in enumerate(MEANINGS) if name in found.lists],
        "labels": sorted(shown | ({found.predicted} if found.predicted is not None else set())),
        "player": sources.get(clips.wavs[place]),
        "commonest": max(labels, key=lambda label: counts.get(label, 0)),
        "lines": [
            {"label": label, "cells": _cells(label, counts, votes, target, predicted)}
            for label in labels
            if label in highest and (counts.get(label, 0) or height[label] >= SEEN)
        ],
        "entropy": exact_number(found.vote_entropy),
        "distance": exact_number(found.distance),
        "predicted": "" if found.predicted is None else clips.classes[found.predicted],
        "p": exact_number(p),
    }


def _of_classes(clips: Clips, values: Any) -> dict[str, float]:
    return dict(zip(clips.classes, map(float, values), strict=True))


def _cells(
    label: str,
    counts: Mapping[str, float],
    votes: float,
    target: Mapping[str, float] | None,
    predicted: Mapping[str, float] | None,
) -> list[dict[str, str]]:
    given = counts.get(label, 0)
    cells = [
        {
            "kind": "votes",
            "share": f"{given / votes:.4f}",
            "text": f"{given:g}",
            "exact": f"{label}: {given:g} of {votes:g} votes",
        }
    ]
    for kind, values in (("target", target), ("prediction", predicted)):
        if values is None:
            continue
        value = values.get(label)
        if value is None or np.isnan(value):  # no class, or no target
            cells.append({"kind": kind, "share": "0", "text": "", "exact": ""})
        else:
            shown = exact_number(value)
            exact = f"{label}: {kind} {shown.exact}"
            cells.append(
                {"kind": kind, "share": f"{value:.4f}", "text": shown.text, "exact": exact}
            )
    return cells


def show_annotators(annotators: Annotators | None) -> dict[str, Any] | None:
    """Return what the macro `people` of the templates shows; None where nobody is known."""
    if annotators is None:
        return None
    places, everyone = annotators.least_reliable(), len(annotators.table)
    enough = int((annotators.table["items"] >= LEAST_ITEMS).sum())
    if not enough:
        lead = f"{everyone} annotators, none with {LEAST_ITEMS} items or more: read with care."
    elif enough == everyone:
        lead = f"{everyone} annotators."
    else:
        lead = f"{everyone} annotators, {enough} of them with {LEAST_ITEMS} items or more."
    if len(places) < (enough or everyone):
        lead += f" The {len(places)} who differ most from the others are shown."
    return {
        "lead": f"{lead} The least reliable come first.",
        "meaning": "Agreement: the share of the others who gave the same label, mean over the "
        "annotator's items. The others with each other: the same among the others, on the same "
        "items, so that hard items count against nobody. Where the difference is far below 0, "
        "compared with its standard error, look at this annotator's votes.",
        "labels": annotators.labels,
        "csv": ANNOTATORS_FILE,
        "rows": [_annotator(annotators, place) for place in places],
    }


def _annotator(annotators: Annotators, place: int) -> dict[str, Any]:
    row = annotators.table.iloc[place]
    difference = exact_number(row["difference"], "+.3f")
    if not np.isnan(row["standard_error"]):
        shown = f"{difference.text} ± {number(row['standard_error'])}"
        difference = Number(shown, difference.exact)
    confused = annotators.most_confused(place)
    words = "nothing"
    if confused:
        theirs, own, share = confused
        words = f"{own} where the others say {theirs} ({100 * share:.0f} %)"
    return {
        "name": str(annotators.table.index[place]),
        "n": f"{row['items']:.0f}",
        "agreement": exact_number(row["agreement"], ".3f"),
        "others": exact_number(row["others"], ".3f"),
        "difference": difference,
        "confused": words,
        "confusion": confusion_cells(annotators.confusions[place]),
    }


def confusion_cells(counts: Any) -> list[list[dict[str, str]]]:
    """Return a confusion's cells: the share of each row, shaded, and the count on hovering.

    Example
    -------
    >>> confusion_cells([[3, 1]])[0][1]
    {'share': '0.2500', 'text': '25 %', 'exact': '1 of 4'}
    """
    rows = np.asarray(counts, dtype=float)
    totals = rows.sum(axis=1, keepdims=True)
    shares = rows / np.where(totals > 0, totals, 1)
    return [
        [
            {
                "share": f"{share:.4f}",
                "text": f"{100 * share:.0f} %" if total else number(None),
                "exact": f"{count:.4g} of {total:.4g}",
            }
            for count, share in zip(row, of_row, strict=True)
        ]
        for row, of_row, (total,) in zip(rows, shares, totals, strict=True)
    ]
