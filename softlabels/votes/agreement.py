"""Agreement of annotators over a corpus."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def krippendorff_alpha(counts: ArrayLike) -> float | None:
    """Compute Krippendorff's α for labels without order.

    ``α = 1 − D_o / D_e``: the disagreement that is observed within items over the one
    expected if labels were dealt out by chance. 1 is perfect agreement, 0 chance.
    Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).

    Arguments
    ---------
    counts : array_like
        [N, L], annotators behind each label; items with fewer than two votes don't
        count. Several labels of one annotator count as one vote each.

    Returns
    -------
    alpha : float or None
        Up to 1; None where nothing can disagree: no item has two votes, or all
        votes are for one label.

    Example
    -------
    >>> krippendorff_alpha([[2, 0], [0, 2]])
    1.0
    """
    matrix = np.asarray(counts, dtype=np.float64)
    votes = matrix.sum(axis=1)
    paired = votes >= 2
    matrix, votes = matrix[paired], votes[paired]
    totals = matrix.sum(axis=0)
    n = totals.sum()
    expected = (totals * (n - totals)).sum()
    if expected == 0:
        return None
    observed = ((matrix * (votes[:, None] - matrix)).sum(axis=1) / (votes - 1)).sum()
    return float(1 - (n - 1) * observed / expected)
