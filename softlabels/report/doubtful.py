"""What a page shows of doubtful clips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

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
from softlabels.report.names import CLIPS_FILE
from softlabels.report.numbers import exact_number
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
        The text where there is none.
    """
    doubtful = find_doubtful(clips)
    sounds = make_players([clips.wavs[each.place] for each in doubtful], players)
    labels = [*clips.classes, *(x for x in clips.ballots.labels if x not in clips.classes)]
    rows = [_clip(clips, each, labels, sounds.sources) for each in doubtful]
    lists = [
        {
            "key": str(key),
            "name": name,
            "n": sum(name in each.lists for each in doubtful),
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
        "doubtful": doubtful,
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
    clips: Clips, doubtful: Doubtful, labels: list[str], sources: Mapping[str, str]
) -> dict[str, Any]:
    place = doubtful.place
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
        "why": doubtful.lists,
        "lists": [key for key, name in enumerate(MEANINGS) if name in doubtful.lists],
        "labels": sorted(
            shown | ({doubtful.predicted} if doubtful.predicted is not None else set())
        ),
        "player": sources.get(clips.wavs[place]),
        "commonest": max(labels, key=lambda label: counts.get(label, 0)),
        "lines": [
            {"label": label, "cells": _cells(label, counts, votes, target, predicted)}
            for label in labels
            if label in highest and (counts.get(label, 0) or height[label] >= SEEN)
        ],
        "entropy": exact_number(doubtful.vote_entropy),
        "distance": exact_number(doubtful.distance),
        "predicted": "" if doubtful.predicted is None else clips.classes[doubtful.predicted],
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
            none = "" if value is None else "none"
            cells.append({"kind": "", "share": "", "text": none, "exact": ""})
        else:
            shown = exact_number(value)
            exact = f"{label}: {kind} {shown.exact}"
            cells.append(
                {"kind": kind, "share": f"{value:.4f}", "text": shown.text, "exact": exact}
            )
    return cells
