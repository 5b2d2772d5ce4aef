"""What a page shows of annotators."""

from __future__ import annotations

from typing import Any

import numpy as np

from softlabels.report.annotators import LEAST_ITEMS, Annotators
from softlabels.report.formats import number
from softlabels.report.names import ANNOTATORS_FILE
from softlabels.report.numbers import Number, confusion_cells, exact_number


def show_annotators(annotators: Annotators | None) -> dict[str, Any] | None:
    """Return what the macro `people` of the templates shows; None where nobody is known."""
    if annotators is None:
        return None
    places, everyone = annotators.least_reliable(), len(annotators.table)
    enough = int((annotators.table["items"] >= LEAST_ITEMS).sum())
    if not enough:
        lead = f"{everyone} annotators, none with {LEAST_ITEMS} items or more: read with care."
    elif enough == everyone:
        lead = f"{everyone} annotators."
    else:
        lead = f"{everyone} annotators, {enough} of them with {LEAST_ITEMS} items or more."
    if len(places) < (enough or everyone):
        lead += f" The {len(places)} who differ most from the others are shown."
    return {
        "lead": f"{lead} Those who differ most come first.",
        "meaning": "Agreement: the share of the others who gave the same label, mean over the "
        "annotator's items. The others with each other: the same among the others, on the same "
        "items, so that hard items count against nobody. Where the difference is far below 0, "
        "compared with its standard error, look at this annotator's votes.",
        "labels": annotators.labels,
        "csv": ANNOTATORS_FILE,
        "rows": [_annotator(annotators, place) for place in places],
    }


def _annotator(annotators: Annotators, place: int) -> dict[str, Any]:
    row = annotators.table.iloc[place]
    difference = exact_number(row["difference"], "+.3f")
    if not np.isnan(row["standard_error"]):
        shown = f"{difference.text} ± {number(row['standard_error'])}"
        difference = Number(shown, difference.exact)
    confused = annotators.most_confused(place)
    words = "nothing"
    if confused:
        theirs, own, share = confused
        words = f"{own} where the others say {theirs} ({100 * share:.0f}\u00a0%)"
    return {
        "name": str(annotators.table.index[place]),
        "n": f"{row['items']:.0f}",
        "agreement": exact_number(row["agreement"], ".3f"),
        "others": exact_number(row["others"], ".3f"),
        "difference": difference,
        "confused": words,
        "confusion": confusion_cells(annotators.confusions[place]),
    }
