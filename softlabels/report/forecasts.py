"""Which target to take: each encoder, fitted on some groups' votes, forecasts others' votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders import AnnotationEncoder, LeftOutVotes, get_encoder, left_out_votes
from softlabels.errors import InputError
from softlabels.report.audit import installed_encoders
from softlabels.report.comparison import ratio_interval
from softlabels.votes import AGREEMENT, Ballots
from softlabels.votes.patterns import count_patterns

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
    left_out : tuple of str
        Encoders that could not be compared, and why.
    """

    rows: tuple[Forecast, ...]
    votes: int
    clusters: int
    folds: int
    alphas: dict[float, float]
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
                f"{best.gain:.3f} nats a vote, which may be chance (95 % interval {best.low:+.3f} "
                f"to {best.high:+.3f})."
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

    Returns
    -------
    forecasts : Forecasts
        The comparison.

    Raises
    ------
    InputError
        If there is nothing to compare: one group, or no item with two votes for classes.

    Example
    -------
    >>> votes = [[3, 0], [3, 0], [3, 0], [0, 3], [0, 3], [2, 1]] * 20
    >>> found = compare_forecasts(Ballots(votes, ["happy", "sad"]), ["happy", "sad"])
    >>> found.votes, found.clusters, {row.target for row in found.rows} >= {"dirichlet", "soft"}
    (360, 120, True)
    """
    cluster = _clusters(ballots, groups)
    fold = _folds(ballots, classes, cluster, groups is not None, folds)
    encoders = installed_encoders(classes, PAPER, AGREEMENT)
    left_out = []
    if ballots.who is None:
        for target in [each for each, encoder in encoders.items() if encoder.needs_annotators]:
            del encoders[target]
            left_out.append(f"{target}: it needs to know who voted")
    smoothed = {alpha: get_encoder("modified_soft", classes, alpha=alpha) for alpha in ALPHAS}
    parts: dict[Any, list[LeftOutVotes]] = {name: [] for name in [*encoders, *smoothed]}
    items = []
    for number in range(fold.max() + 1):
        held_out = np.flatnonzero(fold == number)
        training, test = ballots.take(np.flatnonzero(fold != number)), ballots.take(held_out)
        for key, encoder in (*encoders.items(), *smoothed.items()):
            parts[key].append(left_out_votes(encoder.fit(training), test, per_vote=True))
        items.append(held_out[parts[paper_target()][-1].item])
    chosen = [_best_alpha(parts, number) for number in range(len(items))]
    parts[BEST] = [parts[alpha][number] for number, alpha in enumerate(chosen)]
    encoders[BEST] = smoothed[PAPER]
    times = np.concatenate([part.times for part in parts[BEST]])
    unit = cluster[np.concatenate(items)]
    scores = {name: np.concatenate([part.score for part in each]) for name, each in parts.items()}
    if len(np.unique(unit)) < 2:
        raise InputError(
            "there must be items of at least two groups with two votes for the classes "
            f"{list(classes)}: no vote can be left out"
        )
    rows = []
    for name, encoder in encoders.items():
        options = {"alpha": chosen} if name == BEST else encoder.options
        rows.append(_row(name, encoder, options, scores[name], scores[paper_target()], times, unit))
    votes = int(times.sum())
    rows.sort(key=lambda row: (row.votes < votes, -row.score))
    alphas = {alpha: _mean(scores[alpha], times) for alpha in ALPHAS}
    clusters = len(np.unique(unit))
    return Forecasts(tuple(rows), votes, clusters, len(items), alphas, tuple(left_out))


def _clusters(ballots: Ballots, groups: Sequence[Any] | None) -> NDArray[np.int64]:
    if groups is None:
        return np.arange(len(ballots))
    if len(groups) != len(ballots):
        raise InputError(f"there are {len(ballots)} items and {len(groups)} groups of items")
    _, cluster = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    return cluster


def _folds(
    ballots: Ballots, classes: Sequence[str], cluster: NDArray[np.int64], grouped: bool, folds: int
) -> NDArray[np.int64]:
    """Deal groups out to folds, large ones first, each to the smallest fold so far."""
    number = int(cluster.max(initial=-1)) + 1
    if folds < 2 or number < 2:
        raise InputError(f"{number} groups can't be dealt out to {folds} folds: both must be 2")
    if not grouped:  # every fold gets the same patterns
        order = np.argsort(count_patterns(ballots.counts).of, kind="stable")
        fold = np.empty(len(ballots), dtype=np.int64)
        fold[order] = np.arange(len(ballots)) % folds
        return fold
    votes = np.bincount(cluster, ballots.of(classes).sum(axis=1))
    sizes = np.zeros(min(folds, number))
    of_group = np.empty(number, dtype=np.int64)
    for group in np.argsort(-votes, kind="stable"):
        of_group[group] = np.argmin(sizes)
        sizes[of_group[group]] += votes[group] + 1e-9  # groups without votes are dealt out too
    return of_group[cluster]


def _best_alpha(parts: dict[Any, list[LeftOutVotes]], held_out: int) -> float:
    """Choose α on the other folds."""

    def score(alpha: float) -> float:
        others = [part for number, part in enumerate(parts[alpha]) if number != held_out]
        return sum(float(part.score @ part.times) for part in others)

    return max(ALPHAS, key=score)


def _row(
    name: str,
    encoder: AnnotationEncoder,
    options: dict[str, Any],
    score: NDArray[np.float64],
    paper: NDArray[np.float64],
    times: NDArray[np.int64],
    unit: NDArray[np.int64],
) -> Forecast:
    some = ~np.isnan(score)
    votes = int(times[some].sum())
    gain = (np.nan, np.nan, np.nan)
    if name != paper_target():
        gain = ratio_interval((score - paper)[some] * times[some], times[some], unit[some])
    return Forecast(name, encoder.name, options, _mean(score, times), votes, *gain)


def _mean(score: NDArray[np.float64], times: NDArray[np.int64]) -> float:
    some = ~np.isnan(score)
    votes = times[some].sum()
    return float((score[some] * times[some]).sum() / votes) if votes else float("nan")
