"""The picture of distributions over the time of recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.errors import InputError
from softlabels.report.figures import COLOURS, new_figure

MOST = 20  # recordings in a picture
LONGEST_NAME = 80
HATCHES = ("", "///", "...", "xxx")  # where there are more classes than colours


def spans(
    windows: Sequence[tuple[float, float]], distributions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the mean distribution at each time, of the windows that hold it.

    Arguments
    ---------
    windows : sequence of (float, float)
        Start and end of each of W windows, in seconds; without gaps they may overlap.
    distributions : numpy.ndarray
        [W, K].

    Returns
    -------
    times : numpy.ndarray
        [S + 1], where spans begin, and the end.
    means : numpy.ndarray
        [S, K], of each span.

    Example
    -------
    >>> times, means = spans([(0, 40), (20, 60)], np.array([[1.0, 0.0], [0.0, 1.0]]))
    >>> times.tolist(), means.tolist()
    ([0.0, 20.0, 40.0, 60.0], [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    """
    starts, ends = np.array(windows, dtype=float).T
    times = np.unique([starts, ends])
    holds = (starts <= times[:-1, None]) & (ends >= times[1:, None])
    return times, holds @ distributions / holds.sum(axis=1, keepdims=True)


def draw_over_time(recordings: Mapping[str, Sequence[Any]], file: Path | Any) -> None:
    """Draw each recording's distribution over time, a panel a recording.

    Arguments
    ---------
    recordings : dict
        Name → windows; see `softlabels.inference.classifier.Window`.
    file : Path or file object
        The PNG to write.

    Raises
    ------
    InputError
        If there are more than 20 recordings.
    """
    if len(recordings) > MOST:
        raise InputError(f"a picture has at most {MOST} recordings; got {len(recordings)}")
    figure = new_figure((9, 0.9 + 2.1 * len(recordings)))
    panels = figure.subplots(len(recordings), 1, squeeze=False)[:, 0]
    for axes, (name, windows) in zip(panels, recordings.items(), strict=True):
        classes = list(windows[0].distribution)
        shares = np.array([[*window.distribution.values()] for window in windows])
        times, means = spans([(window.start, window.end) for window in windows], shares)
        tops = np.cumsum(means, axis=1)
        for index, label in enumerate(classes):
            axes.stairs(
                tops[:, index],
                times,
                baseline=tops[:, index] - means[:, index],
                fill=True,
                facecolor=COLOURS[index % len(COLOURS)],
                hatch=HATCHES[index // len(COLOURS) % len(HATCHES)],
                edgecolor="white",
                linewidth=0.8,
                label=label,
            )
        axes.set_xlim(times[0], times[-1])
        axes.set_ylim(0, 1)
        axes.set_ylabel("probability")
        shown = name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
        axes.set_title(shown, fontsize="medium", parse_math=False)
    panels[-1].set_xlabel("seconds (where windows overlap: their mean)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", reverse=True)
    figure.savefig(file, dpi=130, format="png")
