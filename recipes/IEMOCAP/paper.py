"""The paper's figures: Ando et al., ICASSP 2018, on IEMOCAP with session 1 held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

FIGURES = {  # row → WA, UA in percent; soft targets on both only stand in a figure
    "hard / clear": (58.6, 53.7),
    "soft / clear": (58.1, 54.9),
    "modified soft / clear": (58.5, 57.4),
    "modified soft / ambiguous": (53.6, 54.0),
    "modified soft / clear + ambiguous": (62.6, 63.7),
    "majority class": (40.8, 25.0),
}

# The paper's table of data, session 1 held out: its counts identify the release.
CLEAR_TRAIN = {"Neutral": 1324, "Happiness": 460, "Sadness": 890, "Anger": 874}
CLEAR_TEST = {"Neutral": 384, "Happiness": 135, "Sadness": 194, "Anger": 229}


def is_papers_corpus(partition: Mapping[str, Any]) -> bool:
    """Return whether partition.json's counts are those of the paper's data.

    Example
    -------
    >>> nobody = {"clear": {}, "ambiguous": 0, "discarded": 0}
    >>> is_papers_corpus({"train": nobody, "valid": nobody, "test": nobody})
    False
    """
    parts = {name: partition[name]["clear"] for name in ("train", "valid", "test")}
    train = {name: count + parts["valid"][name] for name, count in parts["train"].items()}
    ambiguous = partition["train"]["ambiguous"] + partition["valid"]["ambiguous"]
    return (train, parts["test"], ambiguous) == (CLEAR_TRAIN, CLEAR_TEST, 3693)


def published_figures(
    partition: Mapping[str, Any], folds: Sequence[int]
) -> Mapping[str, tuple[float, float]]:
    """Return the paper's figures where these are its data, and nothing otherwise."""
    return FIGURES if list(folds) == [1] and is_papers_corpus(partition) else {}
