"""From one manifest to train, valid and test: pure functions of the votes and the settings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from softlabels.corpora.manifest import Manifest, ballots_of
from softlabels.corpora.summary import is_speaker_independent, vote_statistics
from softlabels.errors import InputError
from softlabels.votes import Ballots
from softlabels.votes.leftovers import leftover_votes

OFFICIAL = "official"


def split_by_settings(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return whether each utterance trains, validates or tests, by the setting ``held_out``.

    Arguments
    ---------
    manifest : dict
        id → entry with ``group`` and, for "official", ``split``.
    settings : dict
        ``held_out``: "official" for the corpus' own split, a group or a list of groups, or a
        share of the groups, 0 to 1, drawn by ``seed``.

    Returns
    -------
    split : dict
        id → "train", "valid", "test", or another of the corpus' own.

    Raises
    ------
    ValueError
        If a group is unknown, no utterance is held out, or none is left to train on.

    Example
    -------
    >>> manifest = {name: {"group": name[0]} for name in ("a1", "a2", "b1")}
    >>> split_by_settings(manifest, {"held_out": "b", "seed": 1})
    {'a1': 'train', 'a2': 'train', 'b1': 'test'}
    """
    held_out = settings["held_out"]
    if held_out == OFFICIAL:
        return {name: entry.get("split") or "train" for name, entry in manifest.items()}
    groups = sorted({entry["group"] for entry in manifest.values()})
    if isinstance(held_out, float) and 0 < held_out < 1:
        size = max(1, round(held_out * len(groups)))
        generator = np.random.default_rng([settings["seed"], len(groups)])
        test = set(generator.permutation(groups)[:size].tolist())
    else:
        test = {held_out} if isinstance(held_out, str) else {str(each) for each in held_out}
        if unknown := sorted(test - set(groups)):
            raise InputError(
                f"held_out names {', '.join(map(repr, unknown))}; the groups there are: "
                f"{', '.join(map(repr, groups[:20]))}{', …' if len(groups) > 20 else ''}"
            )
    if not test or test == set(groups):
        raise InputError(
            f"held_out {held_out!r} leaves nothing to {'train on' if test else 'test'}: "
            f"there are {len(groups)} groups"
        )
    return {name: "test" if entry["group"] in test else "train" for name, entry in manifest.items()}


def derive_splits(
    manifest: Manifest, split: Mapping[str, str], settings: Mapping[str, Any]
) -> tuple[dict[str, Manifest], dict[str, Any]]:
    """Derive what trains, validates and tests.

    Arguments
    ---------
    manifest : dict
        id → entry with ``votes``, ``annotators`` and ``speaker``.
    split : dict
        id → name of a split; where none is "valid", ``valid_fraction`` of the clear training
        utterances of each class validate.
    settings : dict
        ``classes``, ``merge``, ``agreement``, ``valid_fraction``, ``seed``.

    Returns
    -------
    splits : dict of manifests
        "train", "valid" and "test" ("test2", …). ``votes`` are those that count, after merging;
        ``partition`` and ``emotion`` (the dominant label, "" where there is none) are added.
    partition : dict
        For each split the number of ``clear`` utterances of each class, of ``ambiguous`` and of
        ``discarded`` ones; ``speaker_independent`` and ``votes`` (see
        `softlabels.corpora.summary`).

    Raises
    ------
    ValueError
        If a target class occurs in no vote.
    """
    entries = {name: _merged(entry, settings) for name, entry in manifest.items()}
    ballots = ballots_of(entries, settings["classes"])
    _decide(entries, ballots, settings)
    names = dict(split)
    if "valid" not in names.values():
        names |= dict.fromkeys(_draw(entries, names, settings), "valid")
    order = ("train", "valid", "test")
    splits: dict[str, Manifest] = {name: {} for name in order}
    for name in sorted(set(names.values()) - set(order)):
        splits[name] = {}
    for name, entry in entries.items():
        splits[names[name]][name] = entry
    partition: dict[str, Any] = {
        name: _summary(part.values(), settings["classes"]) for name, part in splits.items()
    }
    partition["speaker_independent"] = is_speaker_independent(splits)
    partition["votes"] = {
        **vote_statistics(ballots),
        "outside": leftover_votes(ballots, settings["classes"]),
    }
    return splits, partition


def _merged(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with its votes merged by ``merge``."""
    merge, votes = settings["merge"], entry["votes"]
    if merge:
        votes = [[merge.get(label, label) for label in labels] for labels in votes]
    return {**entry, "votes": votes}


def _decide(entries: Manifest, ballots: Ballots, settings: Mapping[str, Any]) -> None:
    """Add each entry's partition and dominant label."""
    classes, agreement = settings["classes"], settings["agreement"]
    labels = ballots.labels
    totals = dict(zip(labels, ballots.counts.sum(axis=0).tolist(), strict=True))
    missing = [name for name in classes if not totals[name]]
    if missing:
        there = (
            ", ".join(f"{label} ({count})" for label, count in totals.items() if count) or "none"
        )
        raise InputError(
            f"classes has {', '.join(map(repr, missing))}, which occurs in no vote"
            f"{' after merging' if settings['merge'] else ''}; the labels there are: {there}"
        )
    dominant = ballots.dominant(agreement)
    kinds = ballots.partition(classes, agreement)
    for entry, column, kind in zip(entries.values(), dominant, kinds, strict=True):
        entry["partition"] = str(kind)
        entry["emotion"] = labels[column] if column >= 0 else ""


def _draw(entries: Manifest, split: Mapping[str, str], settings: Mapping[str, Any]) -> list[str]:
    """Draw the validation utterances from each class's clear training utterances."""
    clear = {
        emotion: sorted(
            name
            for name, entry in entries.items()
            if split[name] == "train"
            and (entry["partition"], entry["emotion"]) == ("clear", emotion)
        )
        for emotion in sorted(settings["classes"])
    }
    sizes = _shares([len(names) for names in clear.values()], settings["valid_fraction"])
    drawn: list[str] = []
    for (emotion, names), size in zip(clear.items(), sizes, strict=True):
        generator = np.random.default_rng([settings["seed"], *emotion.encode()])
        drawn += generator.permutation(names)[:size].tolist()
    return drawn


def _shares(sizes: Sequence[int], fraction: float) -> list[int]:
    """Round each class's share so that the sum is right too, by largest remainders.

    A class of two or more gives at least one and keeps at least one; a class
    of one keeps it.

    Example
    -------
    >>> _shares([15, 15, 14, 1], 0.1)
    [2, 1, 1, 0]
    """
    quotas = [size * fraction for size in sizes]
    shares = [math.floor(quota) for quota in quotas]
    by_remainder = sorted(range(len(sizes)), key=lambda k: shares[k] - quotas[k])
    for k in by_remainder[: round(sum(quotas)) - sum(shares)]:
        shares[k] += 1
    return [
        min(max(share, 1), size - 1) if size else 0
        for share, size in zip(shares, sizes, strict=True)
    ]


def _summary(entries: Iterable[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, Any]:
    """Count a split's clear utterances by class, its ambiguous and its discarded ones."""
    kinds: Counter[str] = Counter()
    clear: Counter[str] = Counter()
    for entry in entries:
        kinds[entry["partition"]] += 1
        if entry["partition"] == "clear":
            clear[entry["emotion"]] += 1
    return {
        "clear": {name: clear[name] for name in classes},
        "ambiguous": kinds["ambiguous"],
        "discarded": kinds["discarded"],
    }
