"""`Ballots`: items' votes, counted by label, with who gave them where that is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.errors import InputError
from softlabels.votes.checks import Votes, check_classes, check_counts, check_votes
from softlabels.votes.dominance import AGREEMENT, Agreement, dominant_columns
from softlabels.votes.who import check_agree, check_voters, check_who, count_cells

PARTITIONS = ("clear", "ambiguous", "discarded")


@dataclass(frozen=True, eq=False)
class Ballots:
    """N items' votes: how many annotators gave each label and, where it is known, who.

    Everything is checked once, here.

    * *Dominant*: the one label, target or not, that most annotators gave, and enough of them
      (`softlabels.votes.dominance.check_agreement`), with no tie.
    * *Clear*: the dominant label is a target class.
    * *Ambiguous*: it is not, but at least one annotator gave a target class.
    * *Discarded*: nobody gave a target class.

    Arguments
    ---------
    counts : array_like
        [N, L], annotators behind each label, with a column for every label, target or not.
        Whole numbers are kept as int64, others, as weighted votes are, as float64.
    labels : sequence of str
        The L columns' labels, all different.
    who : array_like, optional
        [V, 3]: item, annotator, label of each vote, as numbers from 0; kept in this order,
        sorted. An annotator may give an item several labels, each once.
    annotators : sequence of str
        The names that the second column of ``who`` numbers.
    voters : array_like, optional
        [N], annotators who voted, where their number is known but not who they are.

    Raises
    ------
    TypeError, ValueError
        If the shapes disagree, a label stands twice, a count is negative or not finite, or
        ``who`` or ``voters`` contradicts the counts.

    Example
    -------
    >>> ballots = Ballots([[2, 1], [1, 2], [0, 3]], ["happy", "other"])
    >>> ballots.of(["sad", "happy"])
    array([[0., 2.],
           [0., 1.],
           [0., 0.]])
    >>> ballots.dominant(), ballots.partition(["happy"]).tolist()
    (array([0, 1, 1]), ['clear', 'ambiguous', 'discarded'])
    """

    counts: NDArray[Any]
    labels: tuple[str, ...]
    who: NDArray[np.int64] | None = None
    annotators: tuple[str, ...] = ()
    voters: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        counts, labels = check_counts(self.counts, self.labels)
        checked: dict[str, Any] = {"counts": counts, "labels": labels}
        checked["annotators"] = tuple(self.annotators)
        if self.annotators:
            check_classes(self.annotators, "annotators")
        if self.who is not None:
            sizes = (len(counts), len(self.annotators), len(labels))
            checked["who"] = check_who(self.who, sizes)
            check_agree(checked["who"], counts, labels)
        if self.voters is not None:
            checked["voters"] = check_voters(self.voters, counts, self.who is not None)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_who(
        cls, who: ArrayLike, items: int, labels: Sequence[str], annotators: Sequence[str]
    ) -> Ballots:
        """Count the votes of who gave which label to which of N items.

        Example
        -------
        >>> Ballots.from_who([[0, 0, 1], [0, 1, 1]], 1, ["happy", "sad"], ["ann", "bob"]).counts
        array([[0, 2]])
        """
        votes = check_who(who, (items, len(annotators), len(labels)))
        counts = count_cells(votes[:, 0], votes[:, 2], (items, len(labels)))
        ballots = cls(counts, tuple(labels), None, tuple(annotators))
        object.__setattr__(ballots, "who", votes)  # the counts are theirs: no need to compare
        return ballots

    @classmethod
    def from_votes(
        cls,
        batch: Iterable[Votes],
        labels: Iterable[str] = (),
        annotators: Iterable[Sequence[str]] | None = None,
    ) -> Ballots:
        """Count utterances' votes.

        Arguments
        ---------
        batch : iterable of votes
            N utterances' votes (see `softlabels.votes.checks.check_votes`).
        labels : iterable of str
            Labels that get the first columns, whether anyone gave them or not; all others
            follow in alphabetical order.
        annotators : iterable of sequences of str, optional
            For each utterance the names of its annotators, in the order of its votes.

        Raises
        ------
        TypeError, ValueError
            If an utterance's votes are malformed, or its annotators aren't theirs; the message
            names it.

        Example
        -------
        >>> ballots = Ballots.from_votes([[["happy"], ["other", "happy"]]], labels=["sad"])
        >>> ballots.counts, ballots.labels, ballots.voters
        (array([[0, 2, 1]]), ('sad', 'happy', 'other'), array([2]))
        >>> Ballots.from_votes([[["sad"]], [["sad"]]], annotators=[["bob"], ["ann"]]).who.tolist()
        [[0, 1, 0], [1, 0, 0]]
        """
        if isinstance(batch, (str, bytes)) or not isinstance(batch, Iterable):
            raise TypeError(f"a batch must be a list of utterances' votes; got {batch!r}")
        names = None if annotators is None else iter(annotators)
        rows: list[int] = []
        given: list[str] = []
        givers: list[str] = []
        voters: list[int] = []
        for number, votes in enumerate(batch):
            try:
                checked = check_votes(votes)
                theirs = None if names is None else _check_names(next(names, ()), checked)
            except (TypeError, ValueError) as error:
                raise type(error)(f"utterance {number} of the batch: {error}") from None
            for place, annotator in enumerate(checked):
                given.extend(annotator)
                rows.extend([number] * len(annotator))
                if theirs is not None:
                    givers.extend([theirs[place]] * len(annotator))
            voters.append(sum(map(bool, checked)))
        first = tuple(dict.fromkeys(labels))
        columns = first + tuple(sorted(set(given) - set(first)))
        column = {label: index for index, label in enumerate(columns)}
        items = np.asarray(rows, dtype=np.int64)
        cells = np.fromiter((column[label] for label in given), np.int64, len(given))
        if names is None:
            counts = count_cells(items, cells, (len(voters), len(columns)))
            return cls(counts, columns, voters=np.asarray(voters, dtype=np.int64))
        people = tuple(sorted(set(givers)))
        person = {name: index for index, name in enumerate(people)}
        numbers = np.fromiter((person[name] for name in givers), np.int64, len(givers))
        who = np.stack([items, numbers, cells], axis=1)
        return cls.from_who(who, len(voters), columns, people)

    def __len__(self) -> int:
        return len(self.counts)

    def of(self, classes: Sequence[str]) -> NDArray[np.float64]:
        """Pick the target classes' votes, [N, K]. A class without a column got none."""
        picked = np.zeros((len(classes), len(self))).T  # a column lies in one piece
        column = {label: index for index, label in enumerate(self.labels)}
        pairs = [(k, column[name]) for k, name in enumerate(classes) if name in column]
        for part in self._parts():
            counts = self.counts[part]
            for k, place in pairs:
                picked[part, k] = counts[:, place]
        return picked

    def voted(self, classes: Sequence[str]) -> NDArray[np.bool_]:
        """Return for which items somebody gave a target class, [N]."""
        some = np.zeros(len(self), dtype=bool)
        columns = [self.labels.index(name) for name in set(classes) & set(self.labels)]
        for part in self._parts():
            counts = self.counts[part]
            for place in columns:
                some[part] |= counts[:, place] > 0
        return some

    def _parts(self) -> Iterator[slice]:
        """Rows that fit a processor's cache together, as a column of all of them doesn't."""
        size = max(1, 65_536 // max(1, len(self.labels)))
        return (slice(start, start + size) for start in range(0, len(self), size))

    def number_of_voters(self) -> NDArray[Any]:
        """Return how many annotators voted on each item, [N].

        That is known from ``who`` or ``voters``; else each vote counts as an annotator.
        """
        if self.voters is not None:
            return self.voters
        if self.who is None:
            return self.counts.sum(axis=1)
        items, annotators = self.who[:, 0], self.who[:, 1]
        new = np.ones(len(items), dtype=bool)
        new[1:] = (items[1:] != items[:-1]) | (annotators[1:] != annotators[:-1])
        return np.bincount(items[new], minlength=len(self))

    def dominant(self, agreement: Agreement = AGREEMENT) -> NDArray[np.int64]:
        """Find each item's dominant label: its column, −1 where none dominates, [N]."""
        return dominant_columns(self.counts, self.number_of_voters(), agreement)

    def partition(
        self, classes: Sequence[str], agreement: Agreement = AGREEMENT
    ) -> NDArray[np.str_]:
        """Return which items are 'clear', 'ambiguous' and 'discarded', [N]."""
        classes = check_classes(classes)
        is_target = np.array([label in classes for label in self.labels] + [False])
        clear = is_target[self.dominant(agreement)]  # −1 picks the last entry, False
        return np.where(clear, "clear", np.where(self.voted(classes), "ambiguous", "discarded"))

    def take(self, indices: ArrayLike | slice) -> Ballots:
        """Return the ballots of some items: indices, a mask [N] or a slice.

        Labels and annotators stay; ``who`` numbers the items anew.

        Example
        -------
        >>> Ballots([[2, 0], [1, 1]], ["happy", "sad"]).take([1]).counts
        array([[1, 1]])
        """
        if not isinstance(indices, slice):
            indices = np.asarray(indices, dtype=None if np.size(indices) else np.int64)
        numbers = np.arange(len(self))[indices]
        who = None
        if self.who is not None:
            edges = np.searchsorted(self.who[:, 0], np.arange(len(self) + 1))
            size = np.diff(edges)[numbers]
            first = np.cumsum(size) - size  # of each item among the votes taken
            within = np.arange(size.sum()) - np.repeat(first, size)
            who = self.who[np.repeat(edges[:-1][numbers], size) + within]
            who[:, 0] = np.repeat(np.arange(len(numbers)), size)
        voters = None if self.voters is None else self.voters[numbers]
        return Ballots(self.counts[numbers], self.labels, who, self.annotators, voters)


def _check_names(names: Sequence[str], votes: Sequence[Sequence[str]]) -> Sequence[str]:
    if isinstance(names, str) or len(names) != len(votes):
        raise InputError(f"{len(votes)} annotators voted; their names are {names!r}")
    check_classes(names, "the names of the annotators")
    return names


def partition(votes: Votes, classes: Sequence[str], agreement: Agreement = AGREEMENT) -> str:
    """Return whether one utterance is 'clear', 'ambiguous' or 'discarded'.

    Arguments
    ---------
    votes : sequence of sequences of str
        Annotators, each with the labels that they gave.
    classes : sequence of str
        The target classes.
    agreement : int, float or str
        See `softlabels.votes.dominance.check_agreement`.

    Example
    -------
    >>> partition([["happy"], ["other"], ["other"]], classes=["happy", "sad"])
    'ambiguous'
    """
    ballots = Ballots.from_votes([check_votes(votes)], labels=check_classes(classes))
    return str(ballots.partition(classes, agreement)[0])
