"""The yardstick of targets: how well they forecast a vote that was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots
from softlabels.votes.left_out import CELLS, check_whole, left_out_scores, log_probability
from softlabels.votes.patterns import count_patterns


@dataclass(frozen=True, eq=False)
class LeftOutVotes:
    """Forecasts of votes for target classes, each made without that vote.

    Arguments
    ---------
    item, label : numpy.ndarray
        [M], int64: whose vote was left out, for which class.
    annotator : numpy.ndarray or None
        [M], int64: by whom, where that is known.
    score : numpy.ndarray
        [M], ln of the probability that the vote got, in nats; NaN where there was no target.
    times : numpy.ndarray
        [M], int64: how many votes this is.
    annotators : tuple of str
        The names that ``annotator`` numbers.
    """

    item: NDArray[np.int64]
    label: NDArray[np.int64]
    annotator: NDArray[np.int64] | None
    score: NDArray[np.float64]
    times: NDArray[np.int64]
    annotators: tuple[str, ...] = ()

    @classmethod
    def join(cls, parts: Sequence[LeftOutVotes]) -> LeftOutVotes:
        """Put forecasts of different items of the same ballots together."""
        known = parts[0].annotator is not None
        return cls(
            np.concatenate([part.item for part in parts]),
            np.concatenate([part.label for part in parts]),
            np.concatenate([part.annotator for part in parts]) if known else None,
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.times for part in parts]),
            parts[0].annotators,
        )

    def mean(self) -> float:
        """Return the mean score over the votes that were forecast; NaN if none was."""
        some = ~np.isnan(self.score)
        votes = int(self.times[some].sum())
        return float(self.score[some] @ self.times[some]) / votes if votes else float("nan")

    def by_annotator(self) -> dict[str, float]:
        """Return the mean score of each annotator's votes.

        Raises
        ------
        InputError
            If it is not known who voted.
        """
        if self.annotator is None:
            raise InputError("it is not known who gave the votes: give ballots with annotators")
        some = ~np.isnan(self.score)
        size = len(self.annotators)
        votes = np.bincount(self.annotator[some], minlength=size)
        sums = np.bincount(self.annotator[some], self.score[some], minlength=size)
        return {
            name: float(sums[index] / votes[index])
            for index, name in enumerate(self.annotators)
            if votes[index]
        }


@overload
def left_out_votes(
    encoder: AnnotationEncoder, ballots: Ballots, per_vote: Literal[False] = False
) -> float: ...
@overload
def left_out_votes(
    encoder: AnnotationEncoder, ballots: Ballots, per_vote: Literal[True]
) -> LeftOutVotes: ...
def left_out_votes(
    encoder: AnnotationEncoder, ballots: Ballots, per_vote: bool = False
) -> float | LeftOutVotes:
    """Score an encoder's targets as forecasts of votes that were left out.

    One vote for a target class is taken away, a target is made of those that remain, at least
    one of them for a target class, and the score is the logarithm of the probability that
    it gives to the vote that was taken; a probability under 0.001 counts as 0.001. The mean
    is over all such votes. No encoder gains by being flat or sharp.

    Arguments
    ---------
    encoder : AnnotationEncoder
        An encoder; one that learns was fitted to other speakers' votes.
    ballots : Ballots
        Votes that it has not learned from.
    per_vote : bool
        Whether to return the parts in place of their mean.

    Returns
    -------
    score : float or LeftOutVotes
        Nats a vote, at most 0; NaN if no vote could be forecast.

    Raises
    ------
    InputError
        If votes are no whole numbers, or the encoder needs to know who voted and nobody does.

    Example
    -------
    >>> from softlabels import Ballots, get_encoder
    >>> ballots = Ballots([[2, 1]], ["happy", "sad"])
    >>> encoder = get_encoder("modified_soft", ["happy", "sad"], alpha=1.0)
    >>> round(left_out_votes(encoder, ballots), 4)  # (2 ln 1/2 + ln 1/4) / 3
    -0.9242
    """
    check_whole(ballots.counts)
    parts = (_one_by_one if encoder.needs_annotators else _by_pattern)(encoder, ballots)
    return parts if per_vote else parts.mean()


def _by_pattern(encoder: AnnotationEncoder, ballots: Ballots) -> LeftOutVotes:
    """Make targets once for all items with the same votes, whoever gave them."""
    patterns = count_patterns(ballots.counts)
    given = [name for name in encoder.classes if name in ballots.labels]
    columns = np.array([ballots.labels.index(name) for name in given], dtype=np.int64)
    place = np.array([encoder.classes.index(name) for name in given], dtype=np.int64)

    def targets(counts: NDArray[Any]) -> NDArray[np.float32]:
        return encoder.encode_ballots(Ballots(counts, ballots.labels))[:, place]

    scores = left_out_scores(patterns.counts, columns, targets)
    others = patterns.counts[:, columns]
    possible = (others > 0) & (others.sum(axis=1, keepdims=True) > 1)
    if ballots.who is None:
        item, k = np.nonzero(possible[patterns.of])
        annotator = None
        times = ballots.counts[item, columns[k]]
    else:
        k_of = np.full(len(ballots.labels), -1)
        k_of[columns] = np.arange(len(columns))
        item, annotator, label = ballots.who.T
        k = k_of[label]
        some = (k >= 0) & possible[patterns.of[item], k]
        item, annotator, k = item[some], annotator[some], k[some]
        times = np.ones(len(item), dtype=np.int64)
    score = scores[patterns.of[item], k]
    return LeftOutVotes(item, place[k], annotator, score, times, ballots.annotators)


def _one_by_one(encoder: AnnotationEncoder, ballots: Ballots) -> LeftOutVotes:
    """Make a target for each vote: it matters whose is left out."""
    if ballots.who is None:
        encoder.encode_ballots(ballots)  # raises why
        raise AssertionError(f"{encoder!r} needs no annotators")
    class_of = {name: k for k, name in enumerate(encoder.classes)}
    k_of = np.array([class_of.get(label, -1) for label in ballots.labels], dtype=np.int64)
    others = ballots.of(encoder.classes).sum(axis=1)
    item, annotator, label = ballots.who.T
    some = np.flatnonzero((k_of[label] >= 0) & (others[item] > 1))
    score = np.empty(len(some))
    width = len(ballots.labels) + 3 * int(ballots.counts.sum(axis=1).max(initial=0))
    for part in _parts(len(some), CELLS // width):
        votes = some[part]
        rest = _without(ballots, votes)
        chosen = encoder.encode_ballots(rest)[np.arange(len(votes)), k_of[label[votes]]]
        score[part] = log_probability(chosen)
    times = np.ones(len(some), dtype=np.int64)
    return LeftOutVotes(
        item[some], k_of[label[some]], annotator[some], score, times, ballots.annotators
    )


def _parts(size: int, step: int) -> Iterator[slice]:
    for start in range(0, size, max(step, 1)):
        yield slice(start, start + step)


def _without(ballots: Ballots, votes: NDArray[np.int64]) -> Ballots:
    """Return the ballots of these votes' items, each without that vote."""
    assert ballots.who is not None
    item, annotator, label = ballots.who[votes].T
    taken = ballots.take(item)
    assert taken.who is not None
    counts = taken.counts.copy()
    counts[np.arange(len(votes)), label] -= 1
    left = (taken.who[:, 1] != annotator[taken.who[:, 0]]) | (
        taken.who[:, 2] != label[taken.who[:, 0]]
    )
    return Ballots(counts, ballots.labels, taken.who[left], ballots.annotators)
