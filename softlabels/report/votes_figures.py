"""Pictures of votes, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import FigureBase
from numpy.typing import NDArray
from scipy.special import entr

from softlabels.encoders import AnnotationEncoder
from softlabels.report.figures import COLOURS, colours, new_figure
from softlabels.report.teachers import described
from softlabels.votes import PARTITIONS, Ballots

MOST_CLASSES = 10  # that fit beside each other
Patterns = Sequence[tuple[NDArray[np.int64], int]]


def draw_teachers(
    patterns: Patterns,
    labels: Sequence[str],
    encoders: Mapping[str, AnnotationEncoder],
    file: Path,
) -> None:
    """Draw what each encoder makes of vote patterns: a row a pattern, a column an encoder.

    Arguments
    ---------
    patterns : sequence of (numpy.ndarray, int)
        Counts [L] of the votes, and how many items have them.
    labels : sequence of str
        The L labels.
    encoders : dict
        What to call it → encoder; all of the same classes. Of many, those with most
        votes in the patterns are drawn.
    file : Path
        The PNG to write.
    """
    figure = new_figure(_grid_size(patterns, encoders))
    _draw_grid(figure, patterns, labels, encoders)
    figure.savefig(file, dpi=130)


def draw_audit(
    ballots: Ballots,
    kinds: NDArray[np.str_],
    agreement: float | None,
    patterns: Patterns,
    encoders: Mapping[str, AnnotationEncoder],
    file: Path,
) -> None:
    """Draw how far annotators agree, and below it what `draw_teachers` draws.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    kinds : numpy.ndarray
        [N], 'clear', 'ambiguous' or 'discarded'.
    agreement : float or None
        Krippendorff's α, where it is defined.
    patterns : sequence of (numpy.ndarray, int)
        See `draw_teachers`; none is drawn where there is none.
    encoders : dict
        See `draw_teachers`.
    file : Path
        What to write: a PNG, PDF or SVG, as its name says.
    """
    width, height = _grid_size(patterns, encoders) if patterns else (9.0, 0.0)
    figure = new_figure((width, height + 3.4))
    ratios = [3.4, height] if patterns else [3.4]
    parts = figure.subfigures(len(ratios), height_ratios=ratios, squeeze=False)[:, 0]
    _draw_agreement(parts[0], ballots.counts, kinds, agreement)
    if patterns:
        _draw_grid(parts[1], patterns, ballots.labels, encoders)
    figure.savefig(file, dpi=130, format=file.suffix.lstrip(".") or "png")


def _draw_agreement(
    figure: FigureBase,
    counts: NDArray[np.int64],
    kinds: NDArray[np.str_],
    agreement: float | None,
) -> None:
    told = "" if agreement is None else f"; Krippendorff's α = {agreement:.3f}"
    figure.suptitle(f"{len(counts):,} items, {counts.sum():,} votes{told}", fontsize="medium")
    partition, flatness = figure.subplots(1, 2, width_ratios=[1, 1.4])
    found = [int((kinds == kind).sum()) for kind in PARTITIONS]
    bars = partition.barh(range(len(PARTITIONS)), found, color=COLOURS[: len(PARTITIONS)])
    shares = [f" {n:,} ({n / max(len(kinds), 1):.1%})" for n in found]
    partition.bar_label(bars, shares, fontsize=8)
    partition.set_yticks(range(len(PARTITIONS)), PARTITIONS)
    partition.invert_yaxis()
    partition.set_xlim(0, 1.6 * max(*found, 1))
    partition.set_xlabel("items")
    voted = counts.sum(axis=1) > 0
    given = counts[voted]
    entropy = entr(given / given.sum(axis=1, keepdims=True)).sum(axis=1)
    edges = np.linspace(0, max(entropy.max(initial=0), 0.1), 25)
    of_kind = [entropy[kinds[voted] == kind] for kind in PARTITIONS]
    flatness.hist(of_kind, edges, stacked=True, color=COLOURS[: len(PARTITIONS)], label=PARTITIONS)
    flatness.set_xlabel("entropy of an item's votes, nats (0: all agree)")
    flatness.set_ylabel("items")
    flatness.legend(fontsize="small")


def _grid_size(
    patterns: Patterns, encoders: Mapping[str, AnnotationEncoder]
) -> tuple[float, float]:
    """Inches."""
    return 2.6 + 2.1 * len(encoders), 0.6 + 0.95 * len(patterns)


def _draw_grid(
    figure: FigureBase,
    patterns: Patterns,
    labels: Sequence[str],
    encoders: Mapping[str, AnnotationEncoder],
) -> None:
    classes = next(iter(encoders.values())).classes
    ballots = Ballots(np.stack([counts for counts, _ in patterns]), tuple(labels))
    votes = ballots.of(classes).sum(axis=0)
    shown = np.sort(np.argsort(-votes, kind="stable")[:MOST_CLASSES])
    targets = [encoder.encode_ballots(ballots) for encoder in encoders.values()]
    grid = figure.subplots(len(patterns), len(encoders), squeeze=False, sharex=True, sharey=True)
    for row, (counts, items) in enumerate(patterns):
        for column, name in enumerate(encoders):
            axes = grid[row, column]
            target = targets[column][row][shown]
            if np.isnan(target).any():
                axes.text(0.5, 0.5, "no target", transform=axes.transAxes, ha="center", va="center")
            else:
                bars = axes.bar(range(len(shown)), target, color=colours(len(shown)))
                axes.bar_label(bars, [f"{x:.2f}" for x in target], fontsize=6.5, padding=1)
            axes.set_ylim(0, 1.25)
            axes.set_yticks([0, 1])
            names = [classes[k] for k in shown]
            axes.set_xticks(range(len(shown)), names, rotation=30, ha="right", fontsize=8)
            if row == 0:
                axes.set_title(name, fontsize="medium")
        said = described(counts, labels, "\n")
        grid[row, 0].set_ylabel(
            f"{said}\n(n = {items})", rotation=0, ha="right", va="center", fontsize=8
        )
    part = f": {len(shown)} of {len(classes)} classes" if len(shown) < len(classes) else ""
    figure.supxlabel(f"the target that each encoder gives{part}", fontsize="medium")
