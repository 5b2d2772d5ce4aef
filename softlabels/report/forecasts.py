"""Which target to take: each encoder, fitted on some groups' votes, forecasts others' votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders import AnnotationEncoder, LeftOutVotes, get_encoder, left_out_votes
from softlabels.errors import InputError
from softlabels.report.audit import installed_encoders
from softlabels.report.comparison import ratio_interval
from softlabels.report.folds import deal_folds, number_groups
from softlabels.report.formats import number
from softlabels.votes import AGREEMENT, Ballots

PAPER = 0.75  # the paper's best α
ALPHAS = (0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
BEST = "modified soft, best α"


@dataclass(frozen=True)
class Forecast:
    """How well one target forecasts votes that were left out.

    Arguments
    ---------
    target : str
        What to call it.
    encoder : str
        The encoder's name.
    options : dict
        Its options; those that each fold chose for itself are lists.
    score : float
        Mean logarithm of the left-out vote's probability, in nats.
    votes : int
        Votes that it forecast; for the others it made no target.
    gain, low, high : float
        The difference of its score to that of the paper's target on the same votes, and the
        95 % interval; NaN for the paper's own.
    """

    target: str
    encoder: str
    options: dict[str, Any]
    score: float
    votes: int
    gain: float
    low: float
    high: float

    def command(self) -> str:
        """Return the options by which a command makes this target."""
        alpha = self.options.get("alpha")
        if alpha is None:
            return f"--encoder {self.encoder}"
        return f"--encoder {self.encoder} --alpha {np.median(alpha):g}"


@dataclass(frozen=True)
class AnnotatorForecast:
    """How well the targets that others' votes make forecast one annotator's.

    Arguments
    ---------
    annotator : str
        The name.
    votes : int
        Votes that were left out.
    scores : dict
        Target → mean logarithm of the probability of these votes, in nats; NaN where it
        forecast none of them.
    """

    annotator: str
    votes: int
    scores: dict[str, float]


@dataclass(frozen=True)
class Forecasts:
    """All targets' forecasts of the same votes.

    Arguments
    ---------
    rows : tuple of Forecast
        The best first; those that do not forecast every vote come last.
    votes, clusters, folds : int
        Votes that were left out, groups (or items) that they are of, and folds.
    alphas : dict
        α → the score of `modified_soft` with it.
    by_annotator : tuple of AnnotatorForecast
        Those with most votes first; nobody where it is not known who voted.
    left_out : tuple of str
        Encoders that could not be compared, and why.
    """

    rows: tuple[Forecast, ...]
    votes: int
    clusters: int
    folds: int
    alphas: dict[float, float]
    by_annotator: tuple[AnnotatorForecast, ...]
    left_out: tuple[str, ...]

    def advice(self) -> str:
        """Return a sentence that recommends a target."""
        paper = next(row for row in self.rows if row.target == paper_target())
        best = self.rows[0]
        if best is paper:
            return f"Take {paper.target}: no other target forecasts a left-out vote better."
        if not best.low > 0:
            return (
                f"Take {paper.target}: {best.target} forecasts left-out votes better by "
                f"{best.gain:.3f} nats a vote, which may be chance (95 % interval "
                f"{number(best.low, '+.3f')} to {number(best.high, '+.3f')})."
            )
        return (
            f"Take {best.target} ({best.command()}): it gives a left-out vote "
            f"{np.exp(best.gain):.2f} times the probability that the paper's target "
            f"({paper.target}) gives it, {best.gain:+.3f} nats a vote (95 % interval "
            f"{best.low:+.3f} to {best.high:+.3f})."
        )


def paper_target() -> str:
    """Return what the paper's target is called."""
    return f"modified soft, α = {PAPER:g}"


def compare_forecasts(
    ballots: Ballots, classes: Sequence[str], groups: Sequence[Any] | None = None, folds: int = 5
) -> Forecasts:
    """Fit every encoder on other groups' votes, and score its forecasts of votes left out.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    classes : sequence of str
        The target classes.
    groups : sequence, optional
        [N], each item's group, as its speaker: held out together, and what the interval is
        clustered by. Without them each item is its own.
    folds : int
        At least 2; at most the number of groups are used.

    Raises
    ------
    InputError
        If there is nothing to compare: one group, or no item with two votes for classes.

    Example
    -------
    >>> votes = [[3, 0], [3, 0], [3, 0], [0, 3], [0, 3], [2, 1]] * 20
    >>> forecasts = compare_forecasts(Ballots(votes, ["happy", "sad"]), ["happy", "sad"])
    >>> forecasts.votes, forecasts.clusters, "dirichlet" in [row.target for row in forecasts.rows]
    (360, 120, True)
    """
    cluster = number_groups(ballots, groups)
    fold = deal_folds(ballots, classes, cluster, groups is not None, folds)
    encoders = installed_encoders(classes, PAPER, AGREEMENT)
    left_out = []
    if ballots.who is None:
        for target in [each for each, encoder in encoders.items() if encoder.needs_annotators]:
            del encoders[target]
            left_out.append(f"{target}: it needs to know who voted")
    smoothed = {alpha: get_encoder("modified_soft", classes, alpha=alpha) for alpha in ALPHAS}
    parts: dict[Any, list[LeftOutVotes]] = {name: [] for name in [*encoders, *smoothed]}
    for left in range(fold.max() + 1):
        held_out = np.flatnonzero(fold == left)
        training, test = ballots.take(np.flatnonzero(fold != left)), ballots.take(held_out)
        for key, encoder in (*encoders.items(), *smoothed.items()):
            part = left_out_votes(encoder.fit(training), test, per_vote=True)
            parts[key].append(replace(part, item=held_out[part.item]))
    chosen = _best_alphas({alpha: parts[alpha] for alpha in ALPHAS})
    parts[BEST] = [parts[alpha][place] for place, alpha in enumerate(chosen)]
    encoders[BEST] = smoothed[PAPER]
    forecasts = {key: LeftOutVotes.join(each) for key, each in parts.items()}
    paper = forecasts[paper_target()]
    unit = cluster[paper.item]
    clusters, votes = len(np.unique(unit)), int(paper.times.sum())
    if clusters < 2:
        raise InputError(
            "there must be items of at least two groups with two votes for the classes "
            f"{list(classes)}: no vote can be left out"
        )
    rows = []
    for name, encoder in encoders.items():
        options = {"alpha": chosen} if name == BEST else encoder.options
        rows.append(_row(name, encoder, options, forecasts[name], paper, unit))
    rows.sort(key=lambda row: (row.votes < votes, -row.score))
    alphas = {alpha: forecasts[alpha].mean() for alpha in ALPHAS}
    people = _by_annotator({row.target: forecasts[row.target] for row in rows})
    return Forecasts(tuple(rows), votes, clusters, len(chosen), alphas, people, tuple(left_out))


def _best_alphas(parts: dict[float, list[LeftOutVotes]]) -> list[float]:
    """Choose each fold's α on the other folds."""
    sums = np.array([[part.score @ part.times for part in each] for each in parts.values()])
    others = sums.sum(axis=1, keepdims=True) - sums
    return [list(parts)[best] for best in others.argmax(axis=0)]


def _row(
    name: str,
    encoder: AnnotationEncoder,
    options: dict[str, Any],
    forecast: LeftOutVotes,
    paper: LeftOutVotes,
    unit: NDArray[np.int64],
) -> Forecast:
    some = ~np.isnan(forecast.score)
    times = forecast.times[some]
    gain = (np.nan, np.nan, np.nan)
    if name != paper_target():
        gain = ratio_interval((forecast.score - paper.score)[some] * times, times, unit[some])
    return Forecast(name, encoder.name, options, forecast.mean(), int(times.sum()), *gain)


def _by_annotator(forecasts: dict[str, LeftOutVotes]) -> tuple[AnnotatorForecast, ...]:
    """Score each annotator's votes by each target; nobody where annotators are unknown."""
    whole = forecasts[paper_target()]
    if whole.annotator is None:
        return ()
    votes = np.bincount(whole.annotator, minlength=len(whole.annotators))
    scores = {target: each.by_annotator() for target, each in forecasts.items()}
    people = [
        AnnotatorForecast(
            name, int(votes[k]), {target: each.get(name, np.nan) for target, each in scores.items()}
        )
        for k, name in enumerate(whole.annotators)
        if votes[k]
    ]
    return tuple(sorted(people, key=lambda each: (-each.votes, each.annotator)))
