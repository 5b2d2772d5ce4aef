"""The report's pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's palette: told apart by colour-blind readers too
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
        What stands above.
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
    trials = f"{most}" if fewest == most else f"{fewest} to {most}"
    axes.set_ylabel(f"% (mean ± standard deviation of {trials} trials)")
    axes.set_title(title, fontsize="medium")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=130)


def draw_recall(
    recalls: Mapping[str, pd.DataFrame], ceiling: Mapping[str, float | None], file: Path
) -> None:
    """Draw each class's recall under each teacher, with the annotators' own.

    Arguments
    ---------
    recalls : dict
        row → a trial a row, a class a column; fractions.
    ceiling : dict
        class → the annotators' recall.
    file : Path
        The PNG to write.
    """
    classes = list(ceiling)
    figure = new_figure((2.5 + 1.6 * len(classes), 4.4))
    axes = figure.subplots()
    width = 0.8 / max(len(recalls), 1)
    for index, (row, table) in enumerate(recalls.items()):
        places = np.arange(len(classes)) - 0.4 + (index + 0.5) * width
        axes.bar(
            places,
            100 * table[classes].mean(),
            width,
            yerr=100 * table[classes].std(ddof=1).fillna(0),
            error_kw={"elinewidth": 1, "alpha": 0.6},
            color=COLOURS[index % len(COLOURS)],
            label=f"{row} ({len(table)} trials)",
        )
    for index, name in enumerate(classes):
        if (value := ceiling[name]) is not None:
            axes.hlines(100 * value, index - 0.42, index + 0.42, colors="black", linestyles="--")
    axes.plot([], [], "k--", label="annotators against the others")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_ylabel("recall, % (mean ± standard deviation)")
    axes.set_ylim(0, 100)
    figure.legend(loc="outside lower center", fontsize="small", ncols=2)
    figure.savefig(file, dpi=130)


def draw_learning(learning: pd.DataFrame, file: Path) -> None:
    """Draw training loss and validation UA over epochs, a line a row of the table.

    Arguments
    ---------
    learning : pandas.DataFrame
        ``row, session, seed, epoch, loss, UA``, an epoch of a trial a row.
    file : Path
        The PNG to write.
    """
    figure = new_figure((9, 4.2))
    both = figure.subplots(1, 2)
    quantities = (
        ("loss", "training loss, nats (own targets)", 1),
        ("UA", "validation UA, % (mean of trials)", 100),
    )
    for axes, (name, label, scale) in zip(both, quantities, strict=True):
        for index, (row, of_row) in enumerate(learning.groupby("row", sort=False)):
            mean = of_row.groupby("epoch")[name].mean() * scale
            trials = len(of_row[["session", "seed"]].drop_duplicates())
            axes.plot(
                mean.index,
                mean,
                color=COLOURS[index % len(COLOURS)],
                marker=MARKERS[index % len(MARKERS)],
                markersize=3,
                label=f"{row} ({trials} trials)",
            )
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    handles = both[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, fontsize="small")
    figure.savefig(file, dpi=130)


def draw_reliability(bins: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Draw how often confidence is borne out on clear utterances, a line a row of the table.

    Arguments
    ---------
    bins : dict
        row → what `softlabels.report.closeness.calibration` returns, and its ``trials``.
    file : Path
        The PNG to write.
    """
    figure = new_figure((6, 6))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", label="calibrated")
    for index, (row, found) in enumerate(bins.items()):
        enough = [place for place, n in enumerate(found["n"]) if n >= FEWEST]
        axes.plot(
            [found["confidence"][place] for place in enough],
            [found["right"][place] for place in enough],
            color=COLOURS[index % len(COLOURS)],
            marker=MARKERS[index % len(MARKERS)],
            markersize=4,
            label=f"{row} (ECE {found['error']:.3f}, {found['trials']} trials)",
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("confidence: probability of the predicted class")
    axes.set_ylabel("share of clear utterances that are right")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside lower center", fontsize="small")
    figure.savefig(file, dpi=130)


def new_figure(size: tuple[float, float]) -> Figure:
    """Make a figure of so many inches, on no screen."""
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def colours(number: int) -> list[str]:
    """Take so many of the palette's colours, from the beginning again where it ends."""
    return [COLOURS[index % len(COLOURS)] for index in range(number)]
