"""What a teacher does to the targets, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import entr

from softlabels.checks import Votes
from softlabels.encoders import AnnotationEncoder
from softlabels.votes import MINIMUM_AGREEMENT, partition_counts


def target_statistics(
    counts: np.ndarray,
    labels: Sequence[str],
    encoders: Mapping[str, AnnotationEncoder],
    minimum_agreement: int = MINIMUM_AGREEMENT,
) -> list[dict[str, Any]]:
    """Tell each encoder's targets' class balance and mean entropy, by kind of utterance.

    Arguments
    ---------
    counts : numpy.ndarray
        [N, L], annotators behind each label.
    labels : sequence of str
        The L columns' labels.
    encoders : dict
        What to call it → encoder; all of the same classes.
    minimum_agreement : int
        The least number of annotators behind a clear utterance's label.

    Returns
    -------
    rows : list of dict
        For each encoder and each of clear, ambiguous and clear + ambiguous:
        ``teacher``, ``subset``, ``n`` utterances that get a target, ``balance``: the mean
        target [K], ``entropy``: the mean of the targets' entropies, in nats.

    Example
    -------
    >>> from softlabels import get_encoder
    >>> encoders = {"soft": get_encoder("soft", ["happy", "sad"])}
    >>> rows = target_statistics(np.array([[2, 1], [3, 0]]), ["happy", "sad"], encoders)
    >>> rows[0]["n"], round(rows[0]["entropy"], 4)
    (2, 0.3183)
    """
    rows = []
    for name, encoder in encoders.items():
        targets = encoder.encode_counts(counts, labels)
        kinds = partition_counts(counts, labels, encoder.classes, minimum_agreement)
        taught = ~np.isnan(targets).any(axis=1)
        for subset in (("clear",), ("ambiguous",), ("clear", "ambiguous")):
            chosen = targets[taught & np.isin(kinds, subset)]
            if len(chosen):
                rows.append(
                    {
                        "teacher": name,
                        "subset": " + ".join(subset),
                        "n": len(chosen),
                        "balance": chosen.mean(axis=0).tolist(),
                        "entropy": float(entr(chosen).sum(axis=1).mean()),
                    }
                )
    return rows


def commonest_patterns(batch: Sequence[Votes], most: int = 8) -> list[tuple[Votes, int]]:
    """Find the vote patterns that occur most often, whoever gave which vote.

    Arguments
    ---------
    batch : sequence of votes
        N utterances' votes.
    most : int
        How many patterns.

    Returns
    -------
    patterns : list of (votes, int)
        Each with the number of utterances that have it; the commonest first.

    Example
    -------
    >>> commonest_patterns([[["sad"], ["happy"]], [["happy"], ["sad"]], [["sad"], ["sad"]]])
    [([['happy'], ['sad']], 2), ([['sad'], ['sad']], 1)]
    """
    patterns = Counter(tuple(sorted(tuple(sorted(set(a))) for a in votes)) for votes in batch)
    ranked = sorted(patterns.items(), key=lambda item: (-item[1], item[0]))[:most]
    return [([list(annotator) for annotator in votes], count) for votes, count in ranked]
