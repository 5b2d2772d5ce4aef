"""The report's pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from softlabels.report.canvas import new_figure, save_figure

# Okabe and Ito's palette: colour-blind readers can distinguish its colours
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#000000")
MARKERS = "os^DvPX"
FEWEST = 10  # predictions that a point of the reliability curve rests on


def draw_curve(table: pd.DataFrame, title: str, file: Path) -> None:
    """Draw WA and UA over α.

    Arguments
    ---------
    table : pandas.DataFrame
        Indexed by α: ``trials``; ``WA_mean, WA_sd, UA_mean, UA_sd`` as fractions.
    title : str
        Title.
    file : Path
        The PNG to write.
    """
    figure = new_figure((6.4, 4))
    axes = figure.subplots()
    for index, name in enumerate(("WA", "UA")):
        mean, deviation = 100 * table[f"{name}_mean"], 100 * table[f"{name}_sd"].fillna(0)
        shift = 0.008 * (2 * index - 1) * max(float(table.index.max()), 1)  # bars side by side
        axes.errorbar(
            table.index + shift,
            mean,
            deviation,
            label=name,
            color=COLOURS[index],
            marker=MARKERS[index],
            capsize=3,
        )
    axes.set_xticks(table.index, [f"{alpha:g}" for alpha in table.index])
    axes.set_xlabel("α: votes added to each class (0: soft targets)")
    fewest, most = int(table["trials"].min()), int(table["trials"].max())
    number = trials(most) if fewest == most else f"{fewest} to {trials(most)}"
    axes.set_ylabel(f"% (mean ± standard deviation of {number})")
    axes.set_title(title, fontsize="medium")
    axes.grid(alpha=0.3)
    axes.legend()
    save_figure(figure, file)


def draw_recall(
    recalls: Mapping[str, pd.DataFrame], ceiling: Mapping[str, float | None], file: Path
) -> None:
    """Draw each class's recall in each row, with the annotators' own.

    Every trial is a small dot, so that a recall of 0 is seen and nothing lies beyond 100 %;
    their mean is the large mark.

    Arguments
    ---------
    recalls : dict
        Row → a trial a row, a class a column; fractions.
    ceiling : dict
        Class → the annotators' recall.
    file : Path
        The PNG to write.
    """
    classes = list(ceiling)
    figure = new_figure((2.5 + 1.6 * len(classes), 4.6))
    axes = figure.subplots()
    width = 0.8 / max(len(recalls), 1)
    for index, (row, table) in enumerate(recalls.items()):
        colour = COLOURS[index % len(COLOURS)]
        places = np.arange(len(classes)) - 0.4 + (index + 0.5) * width
        values = 100 * table[classes].to_numpy(dtype=float)
        axes.plot(places, values.T, ".", color=colour, alpha=0.35, markersize=5)
        axes.plot(
            places,
            np.nanmean(values, axis=0) if len(values) else [],
            MARKERS[index % len(MARKERS)],
            color=colour,
            markeredgecolor="black",
            markeredgewidth=0.6,
            label=f"{row} ({trials(len(table))})",
        )
    for index, name in enumerate(classes):
        if index:
            axes.axvline(index - 0.5, color="grey", linewidth=0.5)
        if (value := ceiling[name]) is not None:
            axes.hlines(100 * value, index - 0.42, index + 0.42, colors="black", linestyles="--")
    axes.plot([], [], "k--", label="annotators against the others")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_xlim(-0.5, len(classes) - 0.5)
    axes.set_ylabel("recall, % (mean, and each trial)")
    axes.set_ylim(-4, 104)
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", fontsize="small", ncols=2)
    save_figure(figure, file)


def draw_learning(learning: pd.DataFrame, file: Path) -> None:
    """Draw training loss and validation UA over epochs, a line a row of the table.

    Arguments
    ---------
    learning : pandas.DataFrame
        ``row, group, seed, epoch, loss, UA``, an epoch of a trial a row.
    file : Path
        The PNG to write.
    """
    figure = new_figure((9, 4.2))
    both = figure.subplots(1, 2)
    quantities = (
        ("loss", "training loss, nats (to the row's own targets)", 1),
        ("UA", "validation UA, % (mean of trials)", 100),
    )
    for axes, (name, label, scale) in zip(both, quantities, strict=True):
        for index, (row, of_row) in enumerate(learning.groupby("row", sort=False)):
            mean = of_row.groupby("epoch")[name].mean() * scale
            number = len(of_row[["group", "seed"]].drop_duplicates())
            axes.plot(
                mean.index,
                mean,
                color=COLOURS[index % len(COLOURS)],
                marker=MARKERS[index % len(MARKERS)],
                markersize=3,
                label=f"{row} ({trials(number)})",
            )
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    handles = both[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, fontsize="small")
    save_figure(figure, file)


def draw_reliability(
    bins: Mapping[str, Mapping[str, Any]], file: Path, fewest: int = FEWEST
) -> None:
    """Draw the share of right predictions by confidence, a panel a row of the table.

    A point's area shows how many predictions it rests on; the largest is labelled with it.

    Arguments
    ---------
    bins : dict
        Row → what `softlabels.metrics.calibration` returns, and its ``trials``.
    file : Path
        The PNG to write.
    fewest : int
        Predictions that a point rests on, at least; bins of fewer are left out.
    """
    columns = min(3, max(len(bins), 1))
    rows = -(-max(len(bins), 1) // columns)
    figure = new_figure((3.3 * columns + 0.3, 3.4 * rows + 0.3))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    most = max((max(curve["n"], default=1) for curve in bins.values()), default=1)
    for axes, (index, (row, curve)) in zip(grid.flat, enumerate(bins.items()), strict=False):
        axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
        points = [place for place, n in enumerate(curve["n"]) if n >= fewest]
        x, y, n = ([curve[key][place] for place in points] for key in ("confidence", "right", "n"))
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(x, y, color=colour, linewidth=1, alpha=0.6)
        axes.scatter(x, y, [20 + 180 * each / most for each in n], color=colour, alpha=0.75)
        for place, each in enumerate(n):
            below = y[place] > 0.85
            axes.annotate(
                f"{each}",
                (x[place], y[place]),
                xytext=(0, -9 if below else 9),
                textcoords="offset points",
                ha="center",
                va="top" if below else "bottom",
                fontsize=7,
            )
        if not points:
            text = f"fewer than {fewest}\npredictions in each bin"
            axes.text(0.5, 0.5, text, ha="center", va="center", fontsize="small")
        axes.set_title(
            f"{row}\nECE {curve['error']:.3f}, {trials(curve['trials'])}", fontsize="small"
        )
        axes.grid(alpha=0.3)
    for axes in grid.flat[len(bins) :]:
        axes.set_axis_off()
    grid[0, 0].set_xlim(0, 1)
    grid[0, 0].set_ylim(-0.05, 1.05)
    figure.supxlabel("confidence: probability of the predicted class", fontsize="medium")
    figure.supylabel("share of clear utterances that are right", fontsize="medium")
    save_figure(figure, file)


def trials(number: int) -> str:
    """Write a number of trials.

    Example
    -------
    >>> trials(1), trials(2)
    ('1 trial', '2 trials')
    """
    return f"{number} trial" if number == 1 else f"{number} trials"


def colours(number: int) -> list[str]:
    """Return this number of colours of the palette, repeated where it ends."""
    return [COLOURS[index % len(COLOURS)] for index in range(number)]
