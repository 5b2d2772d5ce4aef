"""What a teacher does to the targets, before anything is trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from softlabels.encoders import AnnotationEncoder, available_encoders, encoder_from_settings
from softlabels.votes import AGREEMENT, Ballots
from softlabels.votes.dominance import Agreement

logger = logging.getLogger(__name__)

BUILT_IN = ("hard", "soft", "modified_soft")


def compared_encoders(
    classes: Sequence[str], alpha: float, agreement: Agreement
) -> dict[str, AnnotationEncoder]:
    """Build every encoder there is, to be compared: what to call it → encoder.

    One of another distribution that can't be built from these settings is left out,
    and the log says why.

    Example
    -------
    >>> list(compared_encoders(["happy", "sad"], alpha=0.75, agreement=2))[:3]
    ['hard', 'soft', 'modified soft, α = 0.75']
    """
    encoders: dict[str, AnnotationEncoder] = {}
    for name in (*BUILT_IN, *(name for name in available_encoders() if name not in BUILT_IN)):
        try:
            encoder = encoder_from_settings(name, classes, alpha=alpha, agreement=agreement)
        except (ImportError, TypeError, ValueError) as error:
            if name in BUILT_IN:
                raise
            logger.warning("encoder %r is left out of the comparison: %s", name, error)
            continue
        smoothed = f", α = {alpha:g}" if "alpha" in encoder.options else ""
        encoders[name.replace("_", " ") + smoothed] = encoder
    return encoders


def target_statistics(
    ballots: Ballots,
    encoders: Mapping[str, AnnotationEncoder],
    agreement: Agreement = AGREEMENT,
) -> list[dict[str, Any]]:
    """Tell each encoder's targets' class balance and mean entropy, by kind of utterance.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    encoders : dict
        What to call it → encoder; all of the same classes.
    agreement : int, float or str
        The rule by which an utterance is clear.

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
    >>> rows = target_statistics(Ballots([[2, 1], [3, 0]], ["happy", "sad"]), encoders)
    >>> rows[0]["n"], round(rows[0]["entropy"], 4)
    (2, 0.3183)
    """
    rows = []
    for name, encoder in encoders.items():
        targets = encoder.encode_ballots(ballots)
        kinds = ballots.partition(encoder.classes, agreement)
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
