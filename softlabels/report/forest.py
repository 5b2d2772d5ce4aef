"""The report's first picture: what each row gains over the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from softlabels.report.canvas import new_figure, save_figure
from softlabels.report.comparison import Difference
from softlabels.report.figures import COLOURS

# quantity → heading, unit on the axis, scale, and the side that is better
PANELS = {
    "UA": ("UA", "points", 100, 1),
    "WA": ("WA", "points", 100, 1),
    "JS": ("JS to the annotators", "nats", 1, -1),
}
BETTER, WORSE, UNDECIDED = COLOURS[0], COLOURS[3], "#4a4a4a"


def draw_forest(
    differences: Mapping[str, Mapping[str, Difference]],
    anchors: Mapping[str, Sequence[str]],
    title: str,
    file: Path,
) -> None:
    """Draw each row's difference to the baseline with its interval, a panel a quantity.

    Arguments
    ---------
    differences : dict
        Row → ``UA``, ``WA``, ``JS`` → `Difference`. One without an interval is an empty
        circle.
    anchors : dict
        ``UA``, ``WA``, ``JS`` → lines of text below its panel: what 0 is, and what to
        measure it by.
    title : str
        Title.
    file : Path
        The PNG to write.
    """
    rows = list(differences)
    figure = new_figure((11, 2.4 + 0.42 * len(rows)))
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (name, (heading, unit, scale, better)) in zip(panels, PANELS.items(), strict=True):
        axes.axvline(0, color="black", linewidth=0.8)
        for place, row in enumerate(rows):
            difference = differences[row][name]
            value = scale * difference.value
            if difference.low is None or difference.high is None:
                axes.plot(value, place, "o", color=UNDECIDED, fillstyle="none", markersize=5)
                continue
            colour = UNDECIDED
            if difference.decided:
                colour = BETTER if difference.value * better > 0 else WORSE
            axes.plot(
                [scale * difference.low, scale * difference.high], [place, place], color=colour
            )
            marker = "D" if difference.decided else "o"
            axes.plot(value, place, marker, color=colour, markersize=6)
        low, high = axes.get_xlim()
        reach = max(abs(low), abs(high))
        axes.set_xlim(-reach, reach)
        sides = ("worse", "better") if better > 0 else ("better", "worse")
        below = "\n".join([f"← {sides[0]}   {unit}   {sides[1]} →", *anchors[name]])
        axes.set_xlabel(below, fontsize="small")
        axes.set_title(heading, fontsize="medium")
        axes.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(rows)), rows)
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    figure.suptitle(title, fontsize="medium")
    save_figure(figure, file)
