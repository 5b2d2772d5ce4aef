"""Numbers and tables of strings as text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from softlabels.report.comparison import Difference

GAP = "–"


def percent(mean: float | None, deviation: float | None = None) -> str:
    """Write a fraction in percent, with its deviation if there is one.

    Example
    -------
    >>> percent(0.6366, 0.021), percent(None)
    ('63.7 ± 2.1', '–')
    """
    if mean is None or np.isnan(mean):
        return GAP
    text = f"{100 * mean:.1f}"
    return text if deviation is None or np.isnan(deviation) else f"{text} ± {100 * deviation:.1f}"


def number(value: float | None, form: str = ".3f") -> str:
    """Write a number, with a true minus sign; a gap for None and NaN.

    Example
    -------
    >>> number(-0.25), number(0.5, "+.1f"), number(None)
    ('−0.250', '+0.5', '–')
    """
    if value is None or np.isnan(value):
        return GAP
    text = f"{value:{form}}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


def format_difference(difference: Difference | None, scale: float = 100, form: str = "+.1f") -> str:
    """Write a difference with its interval and p-value; alone where there is no evidence.

    Example
    -------
    >>> format_difference(Difference(0.06, -0.02, 0.1, 0.0004, units=10, trainings=15))
    '+6.0 [−2.0, +10.0], p < 0.001'
    >>> format_difference(Difference(0.06, None, None, None, units=10, trainings=1))
    '+6.0'
    """
    if difference is None:
        return GAP
    value = number(scale * difference.value, form)
    if difference.p is None or difference.low is None or difference.high is None:
        return value
    p = "< 0.001" if difference.p < 0.001 else f"= {difference.p:.3f}"
    low, high = (number(scale * end, form) for end in (difference.low, difference.high))
    return f"{value} [{low}, {high}], p {p}"


def markdown(table: pd.DataFrame) -> str:
    """Write a table of strings as Markdown.

    Example
    -------
    >>> print(markdown(pd.DataFrame({"a": ["1"], "b": ["2"]})))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    rows = [list(table.columns), *table.to_numpy().tolist()]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * table.shape[1], *lines[1:]])


def aligned(table: pd.DataFrame) -> str:
    """Write a table of strings in columns, for a terminal: numbers to the right.

    Example
    -------
    >>> print(aligned(pd.DataFrame({"": ["items", "votes"], "value": ["7", "21"]})))
           value
    items      7
    votes     21
    """
    columns = [[str(name), *table[name].astype(str)] for name in table.columns]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for cells in zip(*columns, strict=True):
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join([first, *others]).rstrip())
    return "\n".join(lines)
