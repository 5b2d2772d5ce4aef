"""Which label dominates an item's votes: the rule, and its application to counts."""

from __future__ import annotations

from numbers import Integral, Real

import numpy as np
from numpy.typing import NDArray

from softlabels.errors import InputError

AGREEMENT = 2
"""At least two annotators: the rule if none is given."""

Agreement = int | float | str
RULES = (
    "a whole number of annotators from 1, 'plurality', 'majority', or a share of the annotators "
    "between 0 and 1"
)


def check_agreement(agreement: Agreement) -> Agreement:
    """Return the rule of dominance, checked.

    A label dominates if more annotators gave it than any other label, and

    * ``2``, a whole number: at least so many gave it;
    * ``"plurality"``: nothing else, however few they are;
    * ``"majority"``: more than half of the annotators gave it;
    * ``0.6``, a share between 0 and 1: at least that share of the annotators gave it.

    Where it is unknown how many annotators voted, the number of votes takes their place.

    Raises
    ------
    ValueError
        If it is none of these.

    Example
    -------
    >>> check_agreement(2), check_agreement("majority"), check_agreement(0.6)
    (2, 'majority', 0.6)
    """
    if isinstance(agreement, str) and agreement in ("plurality", "majority"):
        return agreement
    if isinstance(agreement, Real) and not isinstance(agreement, (bool, np.bool_)):
        if isinstance(agreement, Integral) and agreement >= 1:
            return int(agreement)
        if 0 < agreement < 1:
            return float(agreement)
    raise InputError(f"agreement must be {RULES}; got {agreement!r}")


def dominant_columns(
    counts: NDArray[np.number], voters: NDArray[np.number], agreement: Agreement = AGREEMENT
) -> NDArray[np.int64]:
    """Find each row's dominant label.

    Arguments
    ---------
    counts : numpy.ndarray
        [N, L], annotators behind each label, with a column for every label, target or not.
    voters : numpy.ndarray
        [N], annotators who voted; shares and majorities are of these.
    agreement : int, float or str
        See `check_agreement`.

    Returns
    -------
    columns : numpy.ndarray
        [N], int64: the dominant label's column, −1 where no label dominates.

    Example
    -------
    >>> counts = np.array([[2, 1, 1], [1, 1, 0], [1, 0, 0]])
    >>> dominant_columns(counts, counts.sum(axis=1))
    array([ 0, -1, -1])
    >>> dominant_columns(counts, counts.sum(axis=1), "majority")
    array([-1, -1,  0])
    """
    agreement = check_agreement(agreement)
    if not counts.size:
        return np.full(len(counts), -1, dtype=np.int64)
    top = counts.max(axis=1)
    dominates = ((counts == top[:, None]).sum(axis=1) == 1) & (top > 0)
    if agreement == "majority":
        dominates &= 2 * top > voters
    elif isinstance(agreement, float):
        dominates &= top >= agreement * voters * (1 - 1e-12)  # 0.28 · 25 is above 7 in floats
    elif isinstance(agreement, int):
        dominates &= top >= agreement
    return np.where(dominates, counts.argmax(axis=1), -1)
