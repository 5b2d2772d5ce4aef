"""The picture of a comparison of targets."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes

from softlabels.report.canvas import new_figure, save_figure
from softlabels.report.figures import COLOURS
from softlabels.report.forecasts import PAPER, Forecasts, paper_target
from softlabels.report.formats import number

FARTHEST = 1.5  # to the left, of what there is to the right
LEAST_SPAN = 0.02  # nats


def draw_forecasts(forecasts: Forecasts, file: Path) -> None:
    """Draw each target's difference to the paper's with its interval, and the score over α.

    Arguments
    ---------
    forecasts : Forecasts
        The comparison.
    file : Path
        What to write: a PNG, PDF or SVG, by its suffix.
    """
    figure = new_figure((10, 1.8 + 0.42 * len(forecasts.rows)))
    differences, curve = figure.subplots(1, 2, width_ratios=[1.7, 1])
    _draw_differences(differences, forecasts)
    _draw_curve(curve, forecasts)
    figure.suptitle(
        f"How well targets forecast {forecasts.votes:,} votes that were left out", fontsize="medium"
    )
    save_figure(figure, file)


def _draw_differences(axes: Axes, forecasts: Forecasts) -> None:
    gains = [row.high for row in forecasts.rows if row.high == row.high]
    left = -FARTHEST * max(*gains, LEAST_SPAN)
    names = []
    for place, row in enumerate(forecasts.rows):
        paper = row.target == paper_target()
        gain, low, high = (0, 0, 0) if paper else (row.gain, row.low, row.high)
        axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=2)
        axes.plot(gain, place, "o", color=COLOURS[0], markersize=5)
        if gain < left:  # far off: a number in place of a scale on which nothing else differs
            axes.text(left, place, f"  ← {number(gain, '.2f')}", va="bottom", fontsize="small")
        part = (
            "" if row.votes == forecasts.votes else f" ({row.votes / forecasts.votes:.0%} of votes)"
        )
        names.append(f"{row.target}{part}\n{number(row.score)}")
    axes.axvline(0, color="grey", linestyle="--", linewidth=1)
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.invert_yaxis()
    axes.set_xlim(left=max(left, axes.get_xlim()[0]))
    axes.set_xlabel(f"nats a vote more than {paper_target()} (95 % interval)")
    axes.grid(axis="x", alpha=0.3)


def _draw_curve(axes: Axes, forecasts: Forecasts) -> None:
    alphas, scores = list(forecasts.alphas), list(forecasts.alphas.values())
    axes.plot(alphas, scores, "o-", color=COLOURS[1], markersize=4, label="modified soft")
    axes.plot(PAPER, forecasts.alphas[PAPER], "o", color=COLOURS[3], label="the paper's α")
    best = forecasts.rows[0]
    axes.axhline(best.score, color=COLOURS[0], linestyle="--", linewidth=1, label=best.target)
    axes.set_xscale("log")
    ticks = [0.05, 0.1, 0.25, 0.75, 2]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("α: votes added to each class")
    axes.set_ylabel("nats a vote")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
