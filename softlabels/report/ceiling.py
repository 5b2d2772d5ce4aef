"""The human ceiling: each annotator scored against the others as if a model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from softlabels.metrics import mean_distances
from softlabels.votes import AGREEMENT, Ballots
from softlabels.votes.checks import Votes
from softlabels.votes.dominance import Agreement


def human_ceiling(
    batch: Iterable[Votes],
    classes: Sequence[str],
    agreement: Agreement = AGREEMENT,
) -> dict[str, Any]:
    """Leave out one annotator at a time, and score them against the rest.

    WA and UA are over the pairs of utterance and annotator for which the others
    make the utterance clear. An annotator who gave several labels is right by the
    share that the true one has among them; a label outside the classes is wrong.
    An annotator without labels did not vote.
    JS and TV are over the pairs in which both sides gave a target class.

    Arguments
    ---------
    batch : iterable of votes
        N utterances' votes (see `softlabels.votes.checks.check_votes`).
    classes : sequence of str
        The K target classes.
    agreement : int, float or str
        The rule by which a label of the others is dominant.

    Returns
    -------
    scores : dict
        ``n`` pairs, ``WA``, ``UA``, ``recall`` by class; ``pairs``, ``JS``, ``TV``. None
        where there is no pair.

    Example
    -------
    >>> votes = [[["sad"], ["sad"], ["sad"]], [["happy"], ["happy"], ["sad"]]]
    >>> human_ceiling(votes, ["happy", "sad"])["WA"]
    0.75
    """
    utterances = [[labels for labels in votes if len(labels)] for votes in batch]
    alone = [[votes[i]] for votes in utterances for i in range(len(votes)) if len(votes) > 1]
    rest = [
        votes[:i] + votes[i + 1 :]
        for votes in utterances
        for i in range(len(votes))
        if len(votes) > 1
    ]
    ballots = Ballots.from_votes(alone + rest, labels=classes)
    own, others = ballots.counts[: len(alone)], ballots.take(slice(len(alone), None))
    dominant = others.dominant(agreement)
    clear = (dominant >= 0) & (dominant < len(classes))
    given = own[clear] / np.maximum(own[clear].sum(axis=1, keepdims=True), 1)
    right = given[np.arange(clear.sum()), dominant[clear]]
    recall = {
        name: float(right[dominant[clear] == k].mean()) if (dominant[clear] == k).any() else None
        for k, name in enumerate(classes)
    }
    present = [value for value in recall.values() if value is not None]
    a, b = own[:, : len(classes)], others.of(classes)
    both = (a.sum(axis=1) > 0) & (b.sum(axis=1) > 0)
    p, q = (x[both] / x[both].sum(axis=1, keepdims=True) for x in (a, b))
    with np.errstate(divide="ignore"):
        means = mean_distances(np.log(p), q)
    return {
        "n": int(clear.sum()),
        "WA": float(right.mean()) if len(right) else None,
        "UA": float(np.mean(present)) if present else None,
        "recall": recall,
        "pairs": means["n"],
        "JS": means["JS"],
        "TV": means["TV"],
    }
