"""The registry of losses, and which output of a network each is of."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch

from softlabels.errors import InputError
from softlabels.registry import Registry

Loss = Callable[..., torch.Tensor]
LOSSES = Registry("loss", group="softlabels.losses")

# What a network gives for an utterance: log-probabilities, or logarithms of the concentrations of
# a Dirichlet distribution.
OUTPUTS = ("softmax", "dirichlet")


def register_loss(name: str, output: str = "softmax") -> Callable[[Loss], Loss]:
    """Return a decorator that makes a loss available under a name.

    Arguments
    ---------
    name : str
        A name that isn't taken.
    output : str
        Of which output the loss is: 'softmax', log-probabilities, or 'dirichlet', logarithms of
        concentrations.

    Returns
    -------
    decorator : callable
        Registers a function ``loss(outputs, targets, length=None, weight=None,
        reduction="mean", *, counts=None)`` and returns it.

    Example
    -------
    >>> def l1(log_probabilities, targets):
    ...     return (log_probabilities.exp() - targets).abs().mean()
    >>> with LOSSES.temporarily("l1", l1):  # for good: @register_loss("l1")
    ...     get_loss("l1") is l1
    True
    """
    if output not in OUTPUTS:
        raise InputError(f"a loss is of one of the outputs {list(OUTPUTS)}; got {output!r}")

    def decorator(loss: Loss) -> Loss:
        setattr(loss, "output", output)  # noqa: B010 - mypy refuses attributes of functions
        registered: Loss = LOSSES.register(name)(loss)
        return registered

    return decorator


def get_loss(name: str) -> Loss:
    """Return a registered loss by its name.

    Arguments
    ---------
    name : str
        A registered name, or one of the entry-point group ``softlabels.losses``.

    Returns
    -------
    loss : callable
        ``loss(outputs, targets, length=None, weight=None, reduction="mean", *, counts=None)``.

    Raises
    ------
    ValueError
        If the name is unknown.

    Example
    -------
    >>> get_loss("soft_cross_entropy").__name__
    'soft_cross_entropy'
    """
    loss: Loss = LOSSES.get(name)
    return loss


def choose_loss(name: str | None, own: Loss, output: str) -> Loss:
    """Return the loss to train with.

    Arguments
    ---------
    name : str or None
        A registered name. None: the encoder's own loss.
    own : callable
        The encoder's own loss.
    output : str
        What the network gives: 'softmax' or 'dirichlet'.

    Raises
    ------
    InputError
        If the loss is of another output. A loss of log-probabilities would leave a Dirichlet
        distribution's precision to chance.

    Example
    -------
    >>> choose_loss("dirichlet_multinomial", get_loss("soft_cross_entropy"), "softmax")
    Traceback (most recent call last):
    ...
    softlabels.errors.InputError: loss 'dirichlet_multinomial' needs output: dirichlet; got softmax
    """
    loss = own if name is None else get_loss(name)
    needed = _output_of(loss)
    if needed == output:
        return loss
    name = name or getattr(own, "__name__", repr(own))
    if needed == "dirichlet":
        raise InputError(f"loss {name!r} needs output: {needed}; got {output}")
    fitting = [each for each, loss in LOSSES.loaded().items() if _output_of(loss) == output]
    raise InputError(
        f"loss {name!r} is of probabilities alone, and leaves the precision of output: {output} "
        f"untrained; give loss: {' or '.join(sorted(fitting))}, or output: {needed}"
    )


def output_for(name: str | None) -> str:
    """Return what a network has to give for a loss; 'softmax' where none is named.

    Example
    -------
    >>> output_for("kl_dirichlet"), output_for("vote_likelihood"), output_for(None)
    ('dirichlet', 'softmax', 'softmax')
    """
    return "softmax" if name is None else _output_of(get_loss(name))


def _output_of(loss: Loss) -> str:
    return str(getattr(loss, "output", "softmax"))


def takes_counts(loss: Loss) -> bool:
    """Return whether a loss has the argument ``counts``.

    Example
    -------
    >>> takes_counts(get_loss("vote_likelihood")), takes_counts(lambda outputs, targets: 0)
    (True, False)
    """
    parameters: Any = inspect.signature(loss).parameters
    return "counts" in parameters
