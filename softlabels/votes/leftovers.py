"""Votes for labels that are no class: how many, and which may be meant for one."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence

from softlabels.votes.ballots import Ballots

MOST = 3  # labels and hints in the message
SEPARATORS = ";,/|"


def leftover_votes(ballots: Ballots, classes: Sequence[str]) -> str | None:
    """Return one line on the votes that count for no class; None if all count.

    It states how many they are and the commonest of their labels, and points at labels that
    may be meant for a class, or be one label: those that differ in case, Unicode form or
    invisible characters, and those that hold several labels between separators.

    Example
    -------
    >>> ballots = Ballots([[5, 2, 1, 1]], ["happy", "Happy", "happy;sad", "other"])
    >>> print(leftover_votes(ballots, ["happy", "sad"]))
    4 of 9 votes go to no class: Happy (2), happy;sad (1), other (1). \
'Happy' and 'happy' differ in case alone; 'happy;sad' holds several labels
    """
    total = ballots.counts.sum(axis=0)
    left = [k for k, label in enumerate(ballots.labels) if label not in classes and total[k]]
    if not left:
        return None
    left.sort(key=lambda k: -total[k])  # stable: then in the labels' order
    shown = ", ".join(f"{ballots.labels[k]} ({total[k]:g})" for k in left[:MOST])
    more = f" and {len(left) - MOST} more labels" if len(left) > MOST else ""
    message = f"{total[left].sum():g} of {total.sum():g} votes go to no class: {shown}{more}"
    given = [label for label, votes in zip(ballots.labels, total, strict=True) if votes]
    hints = [*_alike([*classes, *given]), *_compound(ballots.labels[k] for k in left)]
    if not hints:
        return message
    more = f"; {len(hints) - MOST} more such" if len(hints) > MOST else ""
    return f"{message}. {'; '.join(hints[:MOST])}{more}"


def _alike(labels: Iterable[str]) -> Iterable[str]:
    """Yield hints at labels that look alike."""
    groups = defaultdict(list)
    for label in dict.fromkeys(labels):
        groups[_plain(label).casefold()].append(label)
    for group in groups.values():
        for other in group[1:]:
            first = group[0]
            form = (
                "case" if _plain(other) != _plain(first) else "Unicode form or invisible characters"
            )
            # ascii: what can't be seen is shown by its number
            names = [ascii(name) if form != "case" else repr(name) for name in (other, first)]
            yield f"{names[0]} and {names[1]} differ in {form} alone"


def _compound(left: Iterable[str]) -> Iterable[str]:
    """Yield hints at labels that are several, as one cell of a table may hold them."""
    for label in left:
        parts = label
        for separator in SEPARATORS:
            parts = parts.replace(separator, SEPARATORS[0])
        if sum(bool(part.strip()) for part in parts.split(SEPARATORS[0])) > 1:
            yield f"{label!r} holds several labels"


def _plain(label: str) -> str:
    """The label in one Unicode form, with plain blanks, and without what can't be seen."""
    text = unicodedata.normalize("NFKC", label)
    seen = (character for character in text if unicodedata.category(character) not in ("Cf", "Cc"))
    return " ".join("".join(seen).split())
