"""A partition's summary: counts, agreement, and whether test speakers are in training."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from softlabels.corpora.manifest import Manifest
from softlabels.votes import PARTITIONS, Ballots
from softlabels.votes.agreement import krippendorff_alpha

logger = logging.getLogger(__name__)

SPEAKERS = {  # whether the test is independent of them → what a reader must know
    True: None,
    False: "NOT SPEAKER-INDEPENDENT: speakers of the test set train or validate too",
    None: "Speakers are unknown: those of the test set may train or validate too",
}


def vote_statistics(ballots: Ballots) -> dict[str, Any]:
    """Return how many annotators voted, and how much they agree.

    Returns
    -------
    statistics : dict
        ``mean``, ``least`` and ``most`` annotators an utterance; ``alpha``: Krippendorff's, over
        all labels, target or not, None where nothing can disagree.

    Example
    -------
    >>> vote_statistics(Ballots([[2, 0], [0, 3]], ["happy", "sad"]))
    {'mean': 2.5, 'least': 2, 'most': 3, 'alpha': 1.0}
    """
    voters = ballots.number_of_voters()
    return {
        "mean": float(voters.mean()),
        "least": int(voters.min()),
        "most": int(voters.max()),
        "alpha": krippendorff_alpha(ballots.counts),
    }


def shared_speakers(splits: Mapping[str, Manifest]) -> dict[str, list[str]]:
    """Return for each test split the known speakers that train or validate too.

    Example
    -------
    >>> entries = {name: {"speaker": "ann"} for name in ("u1", "u2")}
    >>> train, test = {"u1": entries["u1"]}, {"u2": entries["u2"]}
    >>> shared_speakers({"train": train, "valid": {}, "test": test})
    {'test': ['ann']}
    """
    speakers = {
        name: {entry["speaker"] for entry in part.values() if entry["speaker"]}
        for name, part in splits.items()
    }
    trained = speakers["train"] | speakers["valid"]
    shared = {name: sorted(speakers[name] & trained) for name in splits if name.startswith("test")}
    return {name: both for name, both in shared.items() if both}


def is_speaker_independent(splits: Mapping[str, Manifest]) -> bool | None:
    """Return whether no test speaker trains or validates; None where a speaker is unknown.

    Example
    -------
    >>> parts = {"train": {"u1": {"speaker": "ann"}}, "valid": {}, "test": {"u2": {"speaker": ""}}}
    >>> is_speaker_independent(parts), is_speaker_independent({**parts, "test": {}})
    (None, True)
    """
    if shared_speakers(splits):
        return False
    known = all(entry["speaker"] for part in splits.values() for entry in part.values())
    return True if known else None


def split_names(partition: Mapping[str, Any]) -> list[str]:
    """Return the splits that partition.json counts.

    Example
    -------
    >>> split_names({"settings": {}, "train": {"clear": {}}, "speaker_independent": True})
    ['train']
    """
    return [name for name, each in partition.items() if isinstance(each, dict) and "clear" in each]


def describe_partition(partition: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two results must share to be compared, and how much annotators agree.

    Example
    -------
    >>> votes = {"mean": 3.0, "least": 3, "most": 3, "alpha": 0.4}
    >>> settings = {"classes": ["happy", "sad"], "merge": {}, "agreement": 2, "seed": 1}
    >>> list(describe_partition({"settings": settings, "votes": votes}))
    ['classes', 'merge', 'agreement', 'votes']
    """
    settings = {key: partition["settings"][key] for key in ("classes", "merge", "agreement")}
    return {**settings, "votes": partition["votes"]}


def log_summary(
    partition: Mapping[str, Any], splits: Mapping[str, Manifest], notes: Sequence[str]
) -> None:
    """Log the notes, the counts and the agreement, and warn of what makes results doubtful."""
    for note in notes:
        logger.warning("%s", note)
    votes, alpha = partition["votes"], partition["votes"]["alpha"]
    logger.info("Utterances:\n%s", partition_table(partition))
    logger.info(
        "Annotators an utterance: %.1f (%d to %d); Krippendorff's α: %s",
        *(votes[key] for key in ("mean", "least", "most")),
        "undefined" if alpha is None else f"{alpha:.3f}",
    )
    if votes["outside"]:
        logger.info("%s", votes["outside"])
    for name in splits:
        empty = [label for label, n in partition[name]["clear"].items() if not n]
        if empty:
            logger.warning("%s has no clear utterance of %s", name, ", ".join(empty))
    for name, speakers in shared_speakers(splits).items():
        logger.warning(
            "%s IS NOT SPEAKER-INDEPENDENT: %d of its speakers train or validate too (%s%s)",
            name.upper(),
            len(speakers),
            ", ".join(speakers[:5]),
            ", …" if len(speakers) > 5 else "",
        )
    if partition["speaker_independent"] is None:
        logger.warning("%s", SPEAKERS[None])


def partition_table(partition: Mapping[str, Any]) -> str:
    """Lay out partition.json as the paper's table of data.

    Arguments
    ---------
    partition : dict
        As in `Prepared`.

    Returns
    -------
    table : str
        A row for each split and partition.

    Example
    -------
    >>> kinds = {"clear": {"Neutral": 3, "Anger": 2}, "ambiguous": 1, "discarded": 0}
    >>> settings = {"classes": ["Neutral", "Anger"]}
    >>> partition = {"settings": settings, "train": kinds, "valid": kinds, "test": kinds}
    >>> print("\\n".join(partition_table(partition).splitlines()[:3]))
                     Total  Neutral  Anger  Others
    Train clear          5        3      2       -
    Train ambiguous      1        0      0       1
    """
    classes = partition["settings"]["classes"]
    rows = [["", "Total", *classes, "Others"]]
    for split in split_names(partition):
        for kind in PARTITIONS:
            count = partition[split][kind]
            if kind == "clear":
                cells = [sum(count.values()), *(count[name] for name in classes), "-"]
            else:
                cells = [count, *(0 for _ in classes), count]
            rows.append([f"{split.capitalize()} {kind}", *map(str, cells)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        )
        for row in rows
    )
