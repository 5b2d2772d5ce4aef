"""Folds in which a group's items are held out together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.errors import InputError
from softlabels.votes import Ballots
from softlabels.votes.patterns import count_patterns


def number_groups(ballots: Ballots, groups: Sequence[Any] | None) -> NDArray[np.int64]:
    """Return the number of each item's group, [N]; without groups each item is its own.

    Raises
    ------
    InputError
        If there aren't as many groups as items.
    """
    if groups is None:
        return np.arange(len(ballots))
    if len(groups) != len(ballots):
        raise InputError(f"there are {len(ballots)} items and {len(groups)} groups of items")
    _, cluster = np.unique(np.asarray(groups).astype(str), return_inverse=True)
    return cluster


def deal_folds(
    ballots: Ballots, classes: Sequence[str], cluster: NDArray[np.int64], grouped: bool, folds: int
) -> NDArray[np.int64]:
    """Deal groups out to folds, large ones first, each to the smallest fold so far.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    classes : sequence of str
        The target classes, whose votes are a group's size.
    cluster : numpy.ndarray
        [N], as `number_groups` returns it.
    grouped : bool
        False: each item is its own group, and every fold gets the same patterns of votes.
    folds : int
        At least 2; at most the number of groups are used.

    Returns
    -------
    fold : numpy.ndarray
        [N], from 0.

    Raises
    ------
    InputError
        If there are fewer than two groups or folds.
    """
    number = int(cluster.max(initial=-1)) + 1
    if folds < 2 or number < 2:
        raise InputError(f"{number} groups can't be dealt out to {folds} folds: both must be 2")
    if not grouped:
        order = np.argsort(count_patterns(ballots.counts).of, kind="stable")
        fold = np.empty(len(ballots), dtype=np.int64)
        fold[order] = np.arange(len(ballots)) % folds
        return fold
    votes = np.bincount(cluster, ballots.of(classes).sum(axis=1))
    sizes = np.zeros(min(folds, number))
    of_group = np.empty(number, dtype=np.int64)
    for group in np.argsort(-votes, kind="stable"):
        of_group[group] = np.argmin(sizes)
        sizes[of_group[group]] += votes[group] + 1e-9  # groups without votes are dealt out too
    return of_group[cluster]
