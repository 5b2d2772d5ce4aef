"""Who voted: votes as numbers [V, 3], counted, and checked against counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.errors import InputError


def count_cells(
    items: NDArray[np.integer], labels: NDArray[np.integer], shape: tuple[int, int]
) -> NDArray[np.int64]:
    """Count the votes in each cell, [N, L]."""
    if not shape[0] * shape[1]:
        return np.zeros(shape, dtype=np.int64)
    cells = items * np.int64(shape[1])
    cells += labels
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def check_who(who: ArrayLike, sizes: tuple[int, int, int]) -> NDArray[np.int64]:
    """Return the votes in order of items, annotators and labels, each of them once.

    Arguments
    ---------
    who : array_like
        [V, 3]: item, annotator, label of each vote.
    sizes : tuple of int
        How many items, annotators and labels there are.
    """
    votes = np.asarray(who)
    if votes.ndim != 2 or votes.shape[1] != 3 or (votes.size and votes.dtype.kind not in "iu"):
        raise InputError(
            "who must be [V, 3], whole numbers: item, annotator and label of each vote; "
            f"got {votes.dtype} {list(votes.shape)}"
        )
    votes = votes.astype(np.int64, copy=False)
    for column, (kind, size) in enumerate(zip(("item", "annotator", "label"), sizes, strict=True)):
        numbers = votes[:, column]
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < size):
            wrong = numbers[(numbers < 0) | (numbers >= size)][0]
            raise InputError(f"who has {kind} {wrong}; there are {size}, the first is 0")
    keys = votes[:, 0] * np.int64(sizes[1])
    keys += votes[:, 1]
    keys *= sizes[2]
    keys += votes[:, 2]
    if not (keys[1:] > keys[:-1]).all():
        order = np.argsort(keys, kind="stable")
        votes, keys = votes[order], keys[order]
        if (twice := keys[1:] == keys[:-1]).any():
            item, annotator, label = votes[int(np.argmax(twice))].tolist()
            raise InputError(
                f"who has the vote of annotator {annotator} for label {label} on item {item} "
                "more than once"
            )
    return votes


def check_agree(votes: NDArray[np.int64], counts: NDArray[Any], labels: tuple[str, ...]) -> None:
    """Raise unless the counts [N, L] are those of the votes."""
    counted = count_cells(votes[:, 0], votes[:, 2], counts.shape)
    if (differs := counted != counts).any():
        item, label = np.argwhere(differs)[0]
        raise InputError(
            f"counts have {counts[item, label]} for {labels[label]!r} on item {item}, who has "
            f"{counted[item, label]}"
        )


def check_voters(voters: ArrayLike, counts: NDArray[Any], who: bool) -> NDArray[Any]:
    """Return the numbers of annotators, if so many can have given these counts."""
    numbers = np.asarray(voters)
    if who:
        raise InputError("voters are known from who: give one of the two")
    if numbers.shape != (len(counts),):
        raise InputError(f"voters must be [{len(counts)}]; got shape {list(numbers.shape)}")
    wrong = (numbers < counts.max(axis=1, initial=0)) | (numbers > counts.sum(axis=1))
    if wrong.any():
        item = int(np.argmax(wrong))
        raise InputError(
            f"{numbers[item]} annotators can't have given item {item} the counts "
            f"{counts[item].tolist()}"
        )
    return numbers
