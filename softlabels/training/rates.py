"""Learning rates: parts of a network with one of their own, and their warm-up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

WARM_UP = "0, a share of all updates below 1, or a whole number of updates"


def split_parts(
    parameters: Iterable[nn.Parameter], modules: nn.ModuleDict, parts: Iterable[str]
) -> dict[str, nn.ParameterList]:
    """Split parameters into those of parts of some modules and the rest.

    Arguments
    ---------
    parameters : iterable of torch.nn.Parameter
        What is split.
    modules : torch.nn.ModuleDict
        The modules that they are of, by whose names of parameters parts are known.
    parts : iterable of str
        The beginnings of the names of the parts' parameters.

    Returns
    -------
    split : dict
        "" → what is of no part; then each part → its parameters.

    Raises
    ------
    ValueError
        If there is no such part.

    Example
    -------
    >>> modules = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
    >>> split = split_parts(modules.parameters(), modules, ["b.weight"])
    >>> {part: len(each) for part, each in split.items()}
    {'': 3, 'b.weight': 1}
    """
    names = {id(each): name for name, each in modules.named_parameters()}
    split: dict[str, list[nn.Parameter]] = {"": [], **{part: [] for part in parts}}
    for parameter in parameters:
        name = names.get(id(parameter), "")
        split[next((part for part in split if part and name.startswith(part)), "")].append(
            parameter
        )
    if missing := [part for part, each in split.items() if part and not each]:
        raise ValueError(f"lr_factors: no parameter's name begins with {missing[0]!r}")
    return {part: nn.ParameterList(each) for part, each in split.items()}


def check_warmup(warmup: Any) -> float:
    """Return how long learning rates rise at first, or raise a ValueError.

    Example
    -------
    >>> check_warmup(0.1), check_warmup(500)
    (0.1, 500)
    """
    number = isinstance(warmup, (int, float)) and not isinstance(warmup, bool)
    if not number or not (0 <= warmup < 1 or float(warmup).is_integer()) or warmup < 0:
        raise ValueError(f"warmup must be {WARM_UP}; got {warmup!r:.80}")
    return float(warmup) if warmup < 1 else int(warmup)


def warmup_updates(warmup: float, updates: int) -> int:
    """Return the number of updates over which learning rates rise.

    Arguments
    ---------
    warmup : float
        Below 1: a share of the updates; else their number.
    updates : int
        Of the whole training.

    Example
    -------
    >>> warmup_updates(0.1, 220), warmup_updates(500, 220)
    (22, 500)
    """
    return round(warmup * updates) if warmup < 1 else int(warmup)


def warmed(update: int, updates: int) -> float:
    """Return the share of the learning rate in an update, from 0, of a warm-up of so many.

    Example
    -------
    >>> [warmed(update, 4) for update in range(6)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """
    return min(1.0, (update + 1) / updates) if updates else 1.0


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters of an optimizer."""
    for group in optimizer.param_groups:
        group["lr"] = rate
