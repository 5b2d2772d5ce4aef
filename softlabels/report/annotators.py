"""Each annotator against the others: how often they agree, and what they confuse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from softlabels.report.audit import MOST, most_voted
from softlabels.votes import Ballots

LEAST_ITEMS = 20  # of an annotator who is listed
LISTED = 20  # annotators at most
OTHER = "other labels"


@dataclass(frozen=True, eq=False)
class Annotators:
    """Annotators compared with the others on the items that they voted on.

    Arguments
    ---------
    table : pandas.DataFrame
        Indexed by annotator, the least reliable first: ``items`` with another annotator's vote;
        ``agreement``: the share of the others who gave the same label, mean over items;
        ``others``: the same of the others among themselves, on the same items, where there are
        at least two; ``difference`` of the two and its ``standard_error`` over items.
    labels : tuple of str
        The M labels of the confusions.
    confusions : numpy.ndarray
        [annotators, M, M] in the table's order: votes by the label that the others gave (a row,
        by their share) and the annotator's own (a column).
    """

    table: pd.DataFrame
    labels: tuple[str, ...]
    confusions: NDArray[np.float64]

    def least_reliable(self) -> list[int]:
        """Return the places of `LISTED` annotators at most, who have `LEAST_ITEMS`.

        All count where nobody has so many.
        """
        enough = np.flatnonzero(self.table["items"] >= LEAST_ITEMS)
        places = enough if len(enough) else np.arange(len(self.table))
        return [int(place) for place in places[:LISTED]]

    def most_confused(self, place: int) -> tuple[str, str, float] | None:
        """Return the others' label, the annotator's own, and the share of the former.

        It is the pair of different labels with most votes; None where there is none.
        """
        confusion = self.confusions[place].copy()
        totals = confusion.sum(axis=1)
        np.fill_diagonal(confusion, 0)
        row, column = np.unravel_index(int(confusion.argmax()), confusion.shape)
        if confusion[row, column] == 0:
            return None
        share = float(confusion[row, column] / totals[row])
        return self.labels[row], self.labels[column], share

    def as_csv(self) -> str:
        """Write the table with the confusions: 'others X, own Y' are votes."""
        cells = {
            f"others {row}, own {column}": self.confusions[:, i, j].round(3)
            for i, row in enumerate(self.labels)
            for j, column in enumerate(self.labels)
        }
        of_labels = pd.DataFrame(cells, index=self.table.index)
        return pd.concat([self.table.round(6), of_labels], axis=1).to_csv(lineterminator="\n")


def compare_annotators(ballots: Ballots, first: Sequence[str] = ()) -> Annotators | None:
    """Compare each annotator with the others; None where it isn't known who voted.

    An annotator is known by their votes on items that somebody else voted on, too.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    first : sequence of str
        Labels that come first in the confusions. Of many, the most voted are kept and the
        others are one.

    Example
    -------
    >>> votes = [[["happy"], ["happy"], ["sad"]]] * 2
    >>> compared = compare_annotators(Ballots.from_votes(votes, annotators=[["a", "b", "c"]] * 2))
    >>> compared.table[["items", "agreement", "others"]].T
    annotator    c    a    b
    items      2.0  2.0  2.0
    agreement  0.0  0.5  0.5
    others     1.0  0.0  0.0
    """
    if ballots.who is None or not len(ballots.who):
        return None
    items, people, labels = ballots.who.T
    counts, voters = ballots.counts, ballots.number_of_voters()
    new = np.ones(len(items), dtype=bool)
    new[1:] = (items[1:] != items[:-1]) | (people[1:] != people[:-1])
    pair = np.cumsum(new) - 1  # of an item and an annotator
    own = np.bincount(pair).astype(float)
    item, person = items[new], people[new]
    others = voters[item] - 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        same = counts[items, labels] - 1.0  # others who gave this label
        agreement = np.bincount(pair, same / others[pair]) / own
        left = counts.sum(axis=1)[item] - own
        agreeing = (counts * (counts - 1.0)).sum(axis=1)[item] - np.bincount(pair, 2 * same)
        among = np.where(others > 1, agreeing / (others - 1) / left, np.nan)
    known = others > 0
    table = _table(person[known], agreement[known], among[known], len(ballots.annotators))
    if not table["items"].any():
        return None
    table.index = pd.Index(ballots.annotators, name="annotator")
    shown, names = _kept_labels(ballots, first)
    confusions = _confusions(ballots, pair, known, own, left, shown, len(names))
    order = _least_reliable_first(table)
    return Annotators(table.iloc[order], names, confusions[order])


def _table(
    person: NDArray[np.int64],
    agreement: NDArray[np.float64],
    among: NDArray[np.float64],
    people: int,
) -> pd.DataFrame:
    """Average over each annotator's items."""

    def total(values: NDArray[np.float64], where: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.bincount(person[where], values[where], minlength=people).astype(float)

    every, several = np.ones(len(person), dtype=bool), ~np.isnan(among)
    difference = agreement - among
    with np.errstate(divide="ignore", invalid="ignore"):
        n, m = (np.bincount(person[where], minlength=people) for where in (every, several))
        mean = total(difference, several) / m
        variance = total((difference - mean[person]) ** 2, several) / (m - 1)
        return pd.DataFrame(
            {
                "items": n,
                "agreement": total(agreement, every) / n,
                "others": total(among, several) / m,
                "difference": mean,
                "standard_error": np.sqrt(np.where(m > 1, variance / m, np.nan)),
            }
        )


def _least_reliable_first(table: pd.DataFrame) -> NDArray[np.int64]:
    """By the difference to the others; by agreement where nobody has one; those without last."""
    by = "difference" if table["difference"].notna().any() else "agreement"
    return np.argsort(table[by].fillna(np.inf).to_numpy(), kind="stable")


def _kept_labels(
    ballots: Ballots, first: Sequence[str]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return each label's place in the confusions [L], and the names of those."""
    kept = most_voted(ballots.counts.sum(axis=0))
    order = {name: place for place, name in enumerate(first)}
    kept.sort(key=lambda column: (order.get(ballots.labels[column], len(order)), column))
    places = np.full(len(ballots.labels), len(kept), dtype=np.int64)
    places[kept] = np.arange(len(kept))
    names = [ballots.labels[column] for column in kept]
    return places, tuple(names + [OTHER] * (len(ballots.labels) > MOST))


def _confusions(
    ballots: Ballots,
    pair: NDArray[np.int64],
    known: NDArray[np.bool_],
    own: NDArray[np.float64],
    left: NDArray[np.float64],
    places: NDArray[np.int64],
    size: int,
) -> NDArray[np.float64]:
    """Count the votes of each annotator by the others' label and their own, [A, M, M]."""
    assert ballots.who is not None
    items, people, labels = ballots.who[known[pair]].T
    pair, column = pair[known[pair]], places[labels]
    counts = np.zeros((len(ballots.annotators), size, size))
    cells = people * size + column
    for row in range(size):
        theirs = ballots.counts[:, places == row].sum(axis=1)
        mine = np.bincount(pair, column == row, minlength=len(own))
        others = (theirs[items] - mine[pair]) / left[pair] / own[pair]
        of_row = np.bincount(cells, others, minlength=len(counts) * size)
        counts[:, row] = of_row.reshape(-1, size)
    return counts
