"""Which clips are doubtful: by their annotators, and by a model against them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softlabels.metrics import distances, entropy
from softlabels.votes import Ballots

LISTED = 20  # clips of each list
SURE = 0.5  # the least probability of a class that a model is sure of
VOTES, MODEL, AGAINST = "annotators disagree", "model disagrees", "model sure against all"


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips with their votes and, where there are any, targets and predictions.

    Arguments
    ---------
    names : sequence of str
        The clips.
    ballots : Ballots
        Their votes.
    classes : sequence of str
        The K target classes.
    wavs : sequence of str
        Their audio files; "" where unknown.
    targets : numpy.ndarray, optional
        [N, K]; NaN where a clip has none.
    predictions : numpy.ndarray, optional
        [N, K] probabilities.
    """

    names: Sequence[str]
    ballots: Ballots
    classes: Sequence[str]
    wavs: Sequence[str]
    targets: NDArray[np.float64] | None = None
    predictions: NDArray[np.float64] | None = None

    @property
    def vote_entropy(self) -> NDArray[np.float64]:
        """Entropy of each clip's votes over all labels, nats; 0 without votes."""
        counts = self.ballots.counts
        return entropy(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))

    @property
    def distance(self) -> NDArray[np.float64] | None:
        """JS between the prediction and the share of votes, nats; NaN without a class' vote."""
        if self.predictions is None:
            return None
        votes = self.ballots.of(self.classes)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = votes / votes.sum(axis=1, keepdims=True)
            return distances(np.log(self.predictions), shares)["JS"]


@dataclass(frozen=True)
class Doubtful:
    """A doubtful clip.

    Arguments
    ---------
    place : int
        Its place among the clips.
    lists : tuple of str
        Why it is doubtful: of `VOTES`, `MODEL` and `AGAINST`.
    vote_entropy : float
        Of its votes, nats.
    distance : float or None
        JS between prediction and share of votes, nats.
    predicted : int or None
        The most probable class.
    """

    place: int
    lists: tuple[str, ...]
    vote_entropy: float
    distance: float | None = None
    predicted: int | None = None


def find_doubtful(clips: Clips, most: int = LISTED) -> list[Doubtful]:
    """Find the most doubtful clips: those of the first list, then what the others add.

    * `VOTES`: the votes' entropy is highest; of equal ones, those with more annotators come
      first, then those that the model is farther from.
    * `MODEL`: JS between prediction and share of votes is highest.
    * `AGAINST`: the predicted class has a probability of at least `SURE` and nobody's vote; the
      highest come first.

    Arguments
    ---------
    clips : Clips
        The clips.
    most : int
        Clips of each list, at most.

    Example
    -------
    >>> ballots = Ballots([[2, 0], [1, 1]], ["happy", "sad"])
    >>> clips = Clips(["u1", "u2"], ballots, ballots.labels, ["", ""], None, np.eye(2)[[1, 0]])
    >>> [(clips.names[each.place], each.lists) for each in find_doubtful(clips)]
    [('u2', ('annotators disagree', 'model disagrees')), \
('u1', ('model disagrees', 'model sure against all'))]
    """
    spread, distance = clips.vote_entropy.round(9), clips.distance
    voters = clips.ballots.number_of_voters()
    far = np.zeros(len(spread)) if distance is None else np.nan_to_num(distance, nan=-1)
    ranked = {VOTES: _first(most, spread > 0, -spread, -voters, -far)}
    if clips.predictions is not None:
        votes, predicted = clips.ballots.of(clips.classes), clips.predictions.argmax(axis=1)
        everyone = np.arange(len(predicted))
        highest, behind = clips.predictions[everyone, predicted], votes[everyone, predicted]
        against = (behind == 0) & (highest >= SURE) & (voters > 0)
        ranked[MODEL] = _first(most, far > 0, -far)
        ranked[AGAINST] = _first(most, against, -highest)
    lists: dict[int, list[str]] = {}
    for name, places in ranked.items():
        for place in places:
            lists.setdefault(place, []).append(name)
    return [
        Doubtful(
            place,
            tuple(names),
            float(spread[place]),
            None if distance is None or np.isnan(distance[place]) else float(distance[place]),
            None if clips.predictions is None else int(predicted[place]),
        )
        for place, names in lists.items()
    ]


def _first(most: int, among: NDArray[np.bool_], *keys: NDArray[np.float64]) -> list[int]:
    """Return the places of the lowest keys; of equal ones the first."""
    places = np.flatnonzero(among)
    order = np.lexsort([key[places] for key in reversed(keys)])
    return [int(place) for place in places[order[:most]]]


def doubtful_csv(clips: Clips, doubtful: Sequence[Doubtful]) -> str:
    """Write doubtful clips as a CSV, one a row.

    Returns
    -------
    text : str
        Columns item, lists, votes_<label>, target_<class> and p_<class> where there are any,
        predicted, vote_entropy, distance (JS; both in nats) and wav.

    Example
    -------
    >>> ballots = Ballots([[1, 1]], ["happy", "sad"])
    >>> clips = Clips(["u1"], ballots, ballots.labels, ["u1.wav"])
    >>> print(doubtful_csv(clips, find_doubtful(clips)).splitlines()[1])
    u1,annotators disagree,1,1,,0.693147,,u1.wav
    """
    parts = {"target": clips.targets, "p": clips.predictions}
    columns = [f"votes_{label}" for label in clips.ballots.labels]
    columns += [
        f"{name}_{each}" for name in parts if parts[name] is not None for each in clips.classes
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["item", "lists", *columns, "predicted", "vote_entropy", "distance", "wav"])
    for each in doubtful:
        numbers = [part[each.place] for part in parts.values() if part is not None]
        writer.writerow(
            [
                clips.names[each.place],
                "; ".join(each.lists),
                *clips.ballots.counts[each.place].tolist(),
                *("" if np.isnan(x) else round(float(x), 6) for row in numbers for x in row),
                "" if each.predicted is None else clips.classes[each.predicted],
                round(each.vote_entropy, 6),
                "" if each.distance is None else round(each.distance, 6),
                clips.wavs[each.place],
            ]
        )
    return out.getvalue()
