"""The group of each item, from a column of the votes: what is held out together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from softlabels.errors import InputError


class Groups:
    """Collects items' groups while votes are read.

    Arguments
    ---------
    column : str
        The column, or the key of a manifest's entries.

    Example
    -------
    >>> groups = Groups("speaker")
    >>> groups.add(["u1", "u1", "u2"], ["ann", "ann", "bob"])
    >>> groups.of(["u2", "u1"])
    ['bob', 'ann']
    """

    def __init__(self, column: str) -> None:
        self.column = column
        self._of: dict[Any, Any] = {}

    def add(self, items: Iterable[Any], groups: Iterable[Any]) -> None:
        """Add items' groups.

        Raises
        ------
        InputError
            If an item has no group, or two.
        """
        for item, group in set(zip(items, groups, strict=True)):
            if not group:
                raise InputError(f"item {item!r} has no {self.column!r}")
            if self._of.setdefault(item, group) != group:
                raise InputError(
                    f"item {item!r} has several {self.column!r}: {self._of[item]!r} and {group!r}"
                )

    def of(self, items: Sequence[Any]) -> list[Any]:
        """Return these items' groups."""
        return [self._of[item] for item in items]
