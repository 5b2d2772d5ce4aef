"""What a teacher does to the targets, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from softlabels.encoders import AnnotationEncoder, get_encoder
from softlabels.votes import MINIMUM_AGREEMENT, partition_counts


def compared_encoders(
    classes: Sequence[str], alpha: float, minimum_agreement: int
) -> dict[str, AnnotationEncoder]:
    """Build the encoders that are compared: what to call it → encoder.

    Example
    -------
    >>> list(compared_encoders(["happy", "sad"], alpha=0.75, minimum_agreement=2))
    ['hard', 'soft', 'modified soft, α = 0.75']
    """
    return {
        "hard": get_encoder("hard", classes, minimum_agreement=minimum_agreement),
        "soft": get_encoder("soft", classes),
        f"modified soft, α = {alpha:g}": get_encoder("modified_soft", classes, alpha=alpha),
    }


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


def commonest_patterns(
    counts: NDArray[np.int64], most: int = 8
) -> list[tuple[NDArray[np.int64], int]]:
    """Find the vote patterns that occur most often, whoever gave which vote.

    Arguments
    ---------
    counts : numpy.ndarray
        [N, L], annotators behind each label.
    most : int
        How many patterns.

    Returns
    -------
    patterns : list of (numpy.ndarray, int)
        Counts [L], and the number of items that have them; the commonest first.

    Example
    -------
    >>> commonest_patterns(np.array([[2, 1], [0, 3], [2, 1]]))
    [(array([2, 1]), 2), (array([0, 3]), 1)]
    """
    patterns, number = np.unique(counts, axis=0, return_counts=True)
    ranked = np.lexsort((*-patterns.T[::-1], -number))[:most]
    return [(patterns[index], int(number[index])) for index in ranked]


def described(pattern: NDArray[np.int64], labels: Sequence[str], between: str) -> str:
    """Say a pattern of votes in words, the label with most votes first.

    Example
    -------
    >>> described(np.array([1, 2]), ["happy", "sad"], ", ")
    '2 × sad, 1 × happy'
    """
    given = [k for k in np.argsort(-pattern, kind="stable") if pattern[k]]
    return between.join(f"{pattern[k]} × {labels[k]}" for k in given)
