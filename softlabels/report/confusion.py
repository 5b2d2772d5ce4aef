"""Confusion matrices as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from softlabels.report.canvas import new_figure, save_figure

COLUMNS = 3


def draw_confusions(
    confusions: Mapping[str, Sequence[Sequence[int]]],
    classes: Sequence[str],
    file: Path | BinaryIO,
    title: str = "",
) -> None:
    """Draw confusion matrices side by side: shares of each true class, with counts.

    Arguments
    ---------
    confusions : dict
        Title → [K, K] counts, a row for each true class.
    classes : sequence of str
        The K classes' names.
    file : Path
        The PNG to write.
    title : str
        Of the whole picture.
    """
    columns = min(COLUMNS, len(confusions))
    rows = -(-len(confusions) // columns)
    size = 1.7 + 0.75 * len(classes)
    figure = new_figure((columns * size + 1.2, rows * size + 0.3))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, (name, confusion) in zip(grid.flat, confusions.items(), strict=False):
        image = _draw(axes, np.asarray(confusion), [str(each) for each in classes])
        axes.set_title(name, fontsize="medium", wrap=True)
    for axes in grid.flat[len(confusions) :]:
        axes.set_axis_off()
    figure.supxlabel("predicted", fontsize="medium")
    figure.supylabel("true (utterances)", fontsize="medium")
    if title:
        figure.suptitle(title, fontsize="medium")
    figure.colorbar(image, ax=grid, label="share of the true class", shrink=0.8, aspect=30)
    save_figure(figure, file, dpi=120)


def _draw(axes: Axes, counts: np.ndarray, classes: list[str]) -> AxesImage:
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(classes))
    axes.set_xticks(places, classes, rotation=30, ha="right", fontsize="small")
    names = [f"{name}\n({n})" for name, n in zip(classes, totals[:, 0], strict=True)]
    axes.set_yticks(places, names, fontsize="small")
    for row, column in np.ndindex(*counts.shape):
        share = shares[row, column]
        axes.text(
            column,
            row,
            f"{share:.0%}\n{counts[row, column]}",
            ha="center",
            va="center",
            color="white" if share > 0.5 else "black",
            fontsize="small",
        )
    return image
