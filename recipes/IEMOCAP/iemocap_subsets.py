"""IEMOCAP's subsets: who is clear, who trains, validates and tests.

Pure functions from the manifest and the settings. All decisions about classes
are those of ``softlabels.votes.counts``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from iemocap_annotations import LABELS
from iemocap_release import SESSIONS, Manifest

from softlabels.votes import Ballots, check_agreement
from softlabels.votes.checks import check_classes

SPLITS = ("train", "valid", "test")
SUBSETS = {  # file: split and partition; validation uses clear utterances alone
    "train_clear": ("train", "clear"),
    "train_ambiguous": ("train", "ambiguous"),
    "valid": ("valid", "clear"),
    "test": ("test", "clear"),
    "test_ambiguous": ("test", "ambiguous"),
}


def check_settings(**settings: Any) -> dict[str, Any]:
    """Return `prepare_iemocap`'s settings in the form that JSON has, or say what is wrong.

    Arguments
    ---------
    **settings
        All of them, from ``classes`` to ``seed``.

    Returns
    -------
    settings : dict
        The same.

    Raises
    ------
    TypeError, ValueError
        Naming the value and what is allowed.
    """
    merge = _check_merge(settings["merge"])
    test_session = _check_session("test_session", settings["test_session"])
    valid_session = settings["valid_session"]
    if valid_session is not None:
        valid_session = _check_session("valid_session", valid_session)
        if valid_session == test_session:
            raise ValueError(
                f"valid_session must be another session than test_session; both are {test_session}"
            )
    fraction, seed, own = settings["valid_fraction"], settings["seed"], settings["own_ratings"]
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 <= fraction < 1:
        raise ValueError(f"valid_fraction must be between 0 and 1, 1 excluded; got {fraction!r}")
    if fraction == 0 and valid_session is None:
        raise ValueError(
            "valid_fraction 0 leaves nothing to choose the epoch by: give a fraction above 0, "
            "or a valid_session"
        )
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"seed must be a whole number of at least 0; got {seed!r}")
    if not isinstance(own, bool):
        raise ValueError(f"own_ratings must be True or False; got {own!r}")
    return {
        "classes": list(check_classes(settings["classes"])),
        "merge": merge,
        "minimum_agreement": check_agreement(settings["minimum_agreement"]),
        "own_ratings": own,
        "test_session": test_session,
        "valid_fraction": float(fraction),
        "valid_session": valid_session,
        "seed": int(seed),
    }


def _check_session(name: str, session: Any) -> int:
    whole = isinstance(session, Integral) and not isinstance(session, bool)
    if not whole or session not in SESSIONS:
        raise ValueError(f"{name} must be one of {', '.join(map(str, SESSIONS))}; got {session!r}")
    return int(session)


def _check_merge(merge: Mapping[str, str] | None) -> dict[str, str]:
    merge = {} if merge is None else merge
    if not isinstance(merge, Mapping):
        raise ValueError(f"merge must look like {{'Excited': 'Happiness'}}; got {merge!r}")
    for source, target in merge.items():
        for label in (source, target):
            if label not in LABELS:
                raise ValueError(
                    f"merge names {label!r} in {dict(merge)}; the labels are {', '.join(LABELS)}"
                )
        if target in merge:
            raise ValueError(
                f"merge turns {source!r} into {target!r}, which it merges too: {dict(merge)}; "
                "a label that others are merged into must stay itself"
            )
    return dict(sorted(merge.items()))


def derive_subsets(
    manifest: Manifest, settings: Mapping[str, Any]
) -> tuple[dict[str, Manifest], dict[str, Any]]:
    """Derive the subsets from the manifest. A pure function.

    Arguments
    ---------
    manifest : dict
        As `read_release` returns it.
    settings : dict
        As `check_settings` returns it.

    Returns
    -------
    subsets : dict of manifests
        Keyed by the names in `SUBSETS`; ``votes`` are what counts, after
        merging; ``partition`` and ``emotion`` (the dominant label, "" where
        there is none) are added.
    partition : dict
        What partition.json holds.

    Raises
    ------
    ValueError
        If a target class occurs in no vote.
    """
    voted = _decide({name: _count(entry, settings) for name, entry in manifest.items()}, settings)
    split = _split(voted, settings)
    subsets: dict[str, Manifest] = {subset: {} for subset in SUBSETS}
    wanted = {kind: subsets[subset] for subset, kind in SUBSETS.items()}
    for name, entry in voted.items():
        if (kind := (split[name], entry["partition"])) in wanted:
            wanted[kind][name] = entry
    held_out = {entry["speaker"] for name, entry in voted.items() if split[name] == "test"}
    others = {entry["speaker"] for name, entry in voted.items() if split[name] != "test"}
    assert not held_out & others, f"test speakers in another subset: {held_out & others}"
    partition: dict[str, Any] = {"settings": dict(settings)}
    for each in SPLITS:
        entries = [entry for name, entry in voted.items() if split[name] == each]
        partition[each] = _summary(entries, settings["classes"])
    return subsets, partition


def _count(entry: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry whose votes are those that count: merged, own ratings if asked for."""
    names, votes = entry["annotators"], entry["votes"]
    if settings["own_ratings"]:
        names, votes = names + entry["own_annotators"], votes + entry["own_votes"]
    if merge := settings["merge"]:
        votes = [[merge.get(label, label) for label in labels] for labels in votes]
    return {**entry, "annotators": names, "votes": votes}


def _decide(entries: Manifest, settings: Mapping[str, Any]) -> Manifest:
    """Add each entry's partition and dominant label."""
    classes, least = settings["classes"], settings["minimum_agreement"]
    votes = (entry["votes"] or [[]] for entry in entries.values())
    ballots = Ballots.from_votes(votes, labels=classes)
    totals = dict(zip(ballots.labels, ballots.counts.sum(axis=0).tolist(), strict=True))
    missing = [name for name in classes if not totals[name]]
    if missing:
        there = (
            ", ".join(f"{label} ({count})" for label, count in totals.items() if count) or "none"
        )
        raise ValueError(
            f"classes has {', '.join(map(repr, missing))}, which occurs in no vote"
            f"{' after merging' if settings['merge'] else ''}; the labels there are: {there}"
        )
    dominant, kinds = ballots.dominant(least), ballots.partition(classes, least)
    for entry, column, kind in zip(entries.values(), dominant, kinds, strict=True):
        entry["partition"] = str(kind)
        entry["emotion"] = ballots.labels[column] if column >= 0 else ""
    return entries


def _split(voted: Manifest, settings: Mapping[str, Any]) -> dict[str, str]:
    """Tell whether each utterance trains, validates or tests."""
    sessions = dict.fromkeys(SESSIONS, "train") | {settings["test_session"]: "test"}
    if settings["valid_session"] is not None:
        sessions[settings["valid_session"]] = "valid"
    split = {name: sessions[entry["session"]] for name, entry in voted.items()}
    if settings["valid_session"] is None:
        split |= dict.fromkeys(_draw(voted, split, settings), "valid")
    return split


def _draw(voted: Manifest, split: Mapping[str, str], settings: Mapping[str, Any]) -> list[str]:
    """Draw the validation utterances from each class's clear training utterances."""
    clear = {
        emotion: sorted(
            name
            for name, entry in voted.items()
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


def _summary(entries: Sequence[Mapping[str, Any]], classes: Sequence[str]) -> dict[str, Any]:
    """Count a split's clear utterances by class, its ambiguous and its discarded ones."""
    kinds = Counter(entry["partition"] for entry in entries)
    clear = Counter(entry["emotion"] for entry in entries if entry["partition"] == "clear")
    return {
        "clear": {name: clear[name] for name in classes},
        "ambiguous": kinds["ambiguous"],
        "discarded": kinds["discarded"],
    }
