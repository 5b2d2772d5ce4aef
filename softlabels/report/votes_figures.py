"""Pictures of votes, before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from softlabels.encoders import AnnotationEncoder
from softlabels.metrics import entropy
from softlabels.report.audit import Audit
from softlabels.report.canvas import new_figure, save_figure
from softlabels.report.figures import colours
from softlabels.report.targets import pattern_text
from softlabels.votes import Ballots

MOST_CLASSES = 10  # that fit beside each other
# of the partition: colours are the classes'
GREYS = {"clear": "#d0d0d0", "ambiguous": "#8a8a8a", "discarded": "#3c3c3c"}
Patterns = Sequence[tuple[NDArray[np.int64], int]]


def draw_targets(
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
        Display name → encoder; all of the same classes. Of many, those with most
        votes in the patterns are drawn.
    file : Path
        The PNG to write.
    """
    figure = new_figure(_grid_size(patterns, encoders))
    _draw_grid(figure, patterns, labels, encoders)
    save_figure(figure, file)


def draw_audit(audit: Audit, file: Path) -> None:
    """Draw how far annotators agree, and below it what `draw_targets` draws.

    Arguments
    ---------
    audit : Audit
        As `softlabels.report.audit.audit_votes` returns it.
    file : Path
        The PNG, PDF or SVG to write, by its suffix.
    """
    patterns, encoders = audit.patterns, audit.encoders
    width, height = _grid_size(patterns, encoders) if patterns else (9.0, 0.0)
    figure = new_figure((width, height + 3.4))
    ratios = [3.4, height] if patterns else [3.4]
    parts = figure.subfigures(len(ratios), height_ratios=ratios, squeeze=False)[:, 0]
    _draw_agreement(parts[0], audit)
    if patterns:
        _draw_grid(parts[1], patterns, audit.ballots.labels, encoders)
    save_figure(figure, file)


def _draw_agreement(figure: FigureBase, audit: Audit) -> None:
    alpha = "" if audit.alpha is None else f"; Krippendorff's α = {audit.alpha:.3f}"
    counts, kinds = audit.ballots.counts, audit.partition
    figure.suptitle(f"{len(counts):,} items, {counts.sum():,} votes{alpha}", fontsize="medium")
    partition, flatness = figure.subplots(1, 2, width_ratios=[1, 1.4])
    bars = partition.barh(range(len(kinds)), [*kinds.values()], color=[*GREYS.values()])
    shares = [f" {n:,} ({n / max(len(counts), 1):.1%})" for n in kinds.values()]
    partition.bar_label(bars, shares, fontsize=8)
    partition.set_yticks(range(len(kinds)), [*kinds])
    partition.invert_yaxis()
    partition.set_xlim(0, 1.6 * max(*kinds.values(), 1))
    partition.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    partition.set_xlabel("items")
    voted = counts.sum(axis=1) > 0
    given = counts[voted]
    values = entropy(given / given.sum(axis=1, keepdims=True))
    edges = np.linspace(0, max(values.max(initial=0), 0.1), 25)
    of_kind = [values[audit.kinds[voted] == kind] for kind in GREYS]
    flatness.hist(of_kind, edges, stacked=True, color=[*GREYS.values()], label=[*GREYS])
    flatness.yaxis.set_major_locator(MaxNLocator(5, integer=True))
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
                axes.bar_label(bars, [_share(x) for x in target], fontsize=6.5, padding=1)
            axes.set_ylim(0, 1.25)
            axes.set_yticks([0, 1])
            names = [classes[k] for k in shown]
            axes.set_xticks(range(len(shown)), names, rotation=30, ha="right", fontsize=8)
            if row == 0:
                axes.set_title(name.replace(", ", ",\n"), fontsize="medium")
        votes = pattern_text(counts, labels, "\n")
        grid[row, 0].set_ylabel(
            f"{votes}\n(n = {items:,})", rotation=0, ha="right", va="center", fontsize=8
        )
    part = f": {len(shown)} of {len(classes)} classes" if len(shown) < len(classes) else ""
    figure.supxlabel(f"the target that each encoder gives{part}", fontsize="medium")


def _share(value: float) -> str:
    """Write a share; nothing for 0, and '<.01' for what would be rounded to it."""
    return "" if value == 0 else "<.01" if value < 0.005 else f"{value:.2f}"
