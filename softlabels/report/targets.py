"""What encoders make of votes, before anything is trained."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders import AnnotationEncoder, LeftOutVotes, get_encoder, left_out_votes
from softlabels.metrics import entropy
from softlabels.report.folds import deal_folds, number_groups
from softlabels.votes import AGREEMENT, Ballots
from softlabels.votes.dominance import Agreement

RULE = "agreement"  # the corpus' rule is the same for all of a sweep's encoders


def row_encoders(
    rows: Iterable[Mapping[str, Any]], classes: Sequence[str], ballots: Ballots
) -> dict[str, AnnotationEncoder]:
    """Build the encoders of a sweep's rows, each once: display name → encoder.

    One that learns is fitted on the given ballots: it shows what the encoder does on a corpus,
    while each training fits its own on its training utterances.

    Arguments
    ---------
    rows : iterable of dict
        Each with ``encoder``: its ``name`` and ``options``.
    classes : sequence of str
        The K target classes.
    ballots : Ballots
        The corpus' votes.

    Example
    -------
    >>> soft = {"encoder": {"name": "soft", "options": {}}}
    >>> modified = {"encoder": {"name": "modified_soft", "options": {"alpha": 0.75}}}
    >>> ballots = Ballots([[2, 1]], ["happy", "sad"])
    >>> list(row_encoders([soft, modified, soft], ["happy", "sad"], ballots))
    ['soft', 'modified soft, α = 0.75']
    """
    encoders = {}
    for row in rows:
        encoder = get_encoder(row["encoder"]["name"], classes, **row["encoder"]["options"])
        encoders[display_name(encoder)] = encoder.fit(ballots)
    return encoders


def display_name(encoder: AnnotationEncoder) -> str:
    """Return an encoder's name and options as a reader sees them.

    Example
    -------
    >>> display_name(get_encoder("modified_soft", ["happy", "sad"], alpha=1))
    'modified soft, α = 1'
    """
    options = {name: value for name, value in encoder.options.items() if name != RULE}
    shown = [
        f"{'α' if name == 'alpha' else name} = {value:g}"
        if isinstance(value, float)
        else f"{name} = {value}"
        for name, value in options.items()
    ]
    return ", ".join([encoder.name.replace("_", " "), *shown])


def target_statistics(
    ballots: Ballots,
    encoders: Mapping[str, AnnotationEncoder],
    agreement: Agreement = AGREEMENT,
) -> list[dict[str, Any]]:
    """Return each encoder's targets' class balance and mean entropy, by kind of utterance.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    encoders : dict
        Display name → encoder; all of the same classes.
    agreement : int, float or str
        The rule by which an utterance is clear.

    Returns
    -------
    rows : list of dict
        For each encoder and each of clear, ambiguous and clear + ambiguous:
        ``encoder``, ``subset``, ``n`` utterances that get a target, ``balance``: the mean
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
        encoded = ~np.isnan(targets).any(axis=1)
        for subset in (("clear",), ("ambiguous",), ("clear", "ambiguous")):
            chosen = targets[encoded & np.isin(kinds, subset)]
            if len(chosen):
                rows.append(
                    {
                        "encoder": name,
                        "subset": " + ".join(subset),
                        "n": len(chosen),
                        "balance": chosen.mean(axis=0).tolist(),
                        "entropy": float(entropy(chosen).mean()),
                    }
                )
    return rows


def left_out_scores(
    ballots: Ballots,
    encoders: Mapping[str, AnnotationEncoder],
    groups: Sequence[Any],
    folds: int = 5,
) -> dict[str, tuple[float, float]]:
    """Score encoders' targets as forecasts of votes left out, fitted on other groups' votes.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    encoders : dict
        Display name → encoder; all of the same classes. They aren't changed.
    groups : sequence
        [N], each item's group: held out together.
    folds : int
        At most the number of groups are used.

    Returns
    -------
    scores : dict
        Display name → mean logarithm of a left-out vote's probability, in nats (see
        `softlabels.left_out_votes`), and the share of votes for which there was a target, without
        which scores don't compare. Empty where there are no two groups.

    Example
    -------
    >>> ballots = Ballots([[2, 1], [3, 0]] * 2, ["happy", "sad"])
    >>> encoders = {"α = 1": get_encoder("modified_soft", ["happy", "sad"], alpha=1)}
    >>> scores = left_out_scores(ballots, encoders, ["a", "a", "b", "b"])
    >>> score, share = scores["α = 1"]
    >>> round(score, 3), share  # (2 log 1/2 + log 1/4 + 3 log 3/4) / 6
    (-0.606, 1.0)
    """
    if len({*groups}) < 2:
        return {}
    classes = next(iter(encoders.values())).classes
    fold = deal_folds(ballots, classes, number_groups(ballots, groups), True, folds)
    parts: dict[str, list[LeftOutVotes]] = {name: [] for name in encoders}
    for number in range(fold.max() + 1):
        training = ballots.take(np.flatnonzero(fold != number))
        test = ballots.take(np.flatnonzero(fold == number))
        for name, encoder in encoders.items():
            fitted = copy.deepcopy(encoder).fit(training)
            parts[name].append(left_out_votes(fitted, test, per_vote=True))
    joined = {name: LeftOutVotes.join(each) for name, each in parts.items()}
    return {name: (each.mean(), _scored(each)) for name, each in joined.items()}


def _scored(votes: LeftOutVotes) -> float:
    all_votes = votes.times.sum()
    return float(votes.times[~np.isnan(votes.score)].sum() / all_votes) if all_votes else 0.0


def commonest_patterns(
    counts: NDArray[np.int64], most: int = 8
) -> list[tuple[NDArray[np.int64], int]]:
    """Find the vote patterns that occur most often, whichever annotator gave which vote.

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


def pattern_text(pattern: NDArray[np.int64], labels: Sequence[str], between: str) -> str:
    """Write a pattern of votes in words, the label with most votes first.

    Example
    -------
    >>> pattern_text(np.array([1, 2]), ["happy", "sad"], ", ")
    '2 × sad, 1 × happy'
    """
    given = [k for k in np.argsort(-pattern, kind="stable") if pattern[k]]
    return between.join(f"{pattern[k]} × {labels[k]}" for k in given)
