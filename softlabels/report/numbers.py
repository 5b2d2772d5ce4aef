"""Numbers on a page: as shown, and exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from softlabels.report.formats import number


@dataclass(frozen=True)
class Number:
    """A number as shown, and exactly."""

    text: str
    exact: str


def exact_number(value: float | None, form: str = ".2f") -> Number:
    """Write a number for a page; a gap for None and NaN.

    Example
    -------
    >>> exact_number(0.12345), exact_number(None)
    (Number(text='0.12', exact='0.12345'), Number(text='–', exact=''))
    """
    if value is None or np.isnan(value):
        return Number(number(None), "")
    return Number(number(value, form), f"{value:.6g}")


def confusion_cells(counts: Any) -> list[list[dict[str, str]]]:
    """Return a confusion's cells: the share of each row, shaded, and the count on hovering.

    Example
    -------
    >>> confusion_cells([[3, 1]])[0][1]
    {'share': '0.2500', 'text': '25 %', 'exact': '1 of 4'}
    """
    rows = np.asarray(counts, dtype=float)
    totals = rows.sum(axis=1, keepdims=True)
    shares = rows / np.where(totals > 0, totals, 1)
    return [
        [
            {
                "share": f"{share:.4f}",
                "text": f"{100 * share:.0f} %" if total else number(None),
                "exact": f"{count:.4g} of {total:.4g}",
            }
            for count, share in zip(row, of_row, strict=True)
        ]
        for row, of_row, (total,) in zip(rows, shares, totals, strict=True)
    ]
