"""Convergence of expectation maximisation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Model = TypeVar("Model")


def converged(steps: Iterator[tuple[Model, float]], least_gain: float, most: int) -> Model:
    """Return the first model whose likelihood gains less than a threshold.

    Arguments
    ---------
    steps : iterator of (model, float)
        Models, each with the logarithm of its likelihood.
    least_gain : float
        What a step must gain to be followed by another.
    most : int
        The number of steps after which to stop in any case.

    Example
    -------
    >>> converged(iter([("a", -5.0), ("b", -2.0), ("c", -1.9), ("d", -1.8)]), 0.5, most=10)
    'c'
    """
    model, before = next(steps)
    for _ in range(most):
        model, likelihood = next(steps)
        if likelihood - before < least_gain:
            break
        before = likelihood
    return model


def normalised(
    joint: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn ln p(i, m) into p(m | i) [N, M] and ln p(i) [N], in the memory of the first.

    Example
    -------
    >>> shares, evidence = normalised(np.log([[0.1, 0.3]]))
    >>> shares, np.exp(evidence)
    (array([[0.25, 0.75]]), array([0.4]))
    """
    top = joint.max(axis=1, keepdims=True)
    joint -= top
    np.exp(joint, out=joint)
    total = joint.sum(axis=1, keepdims=True)
    joint /= total
    return joint, (top + np.log(total))[:, 0]
