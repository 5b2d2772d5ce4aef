"""How many clear utterances the classes have, and what they weigh for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from softlabels.errors import InputError


def class_weights(manifest: Mapping[str, dict[str, Any]], classes: Sequence[str]) -> torch.Tensor:
    """Weigh classes by the inverse of their number among clear utterances.

    Arguments
    ---------
    manifest : dict
        The clear training utterances: id → entry with ``emotion``.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    weights : torch.Tensor
        [K], N / (K n_k): 1 for balanced classes.

    Raises
    ------
    ValueError
        If a class has no clear training utterance.

    Example
    -------
    >>> class_weights({1: {"emotion": "a"}, 2: {"emotion": "a"}, 3: {"emotion": "b"}}, ["a", "b"])
    tensor([0.7500, 1.5000])
    """
    counts = emotion_counts(manifest, classes)
    if not counts.all():
        empty = [name for name, count in zip(classes, counts, strict=True) if not count]
        raise InputError(
            f"class_weighting needs clear training utterances of every class; none of {empty}: "
            "give --class_weighting false, or leave them out of --classes"
        )
    return torch.tensor(counts.sum() / (len(classes) * counts), dtype=torch.float32)


def emotion_counts(manifest: Mapping[str, dict[str, Any]], classes: Sequence[str]) -> np.ndarray:
    """Count clear utterances by class → [K].

    Example
    -------
    >>> emotion_counts({"u1": {"emotion": "sad"}}, ["happy", "sad"])
    array([0, 1])
    """
    emotions = [entry["emotion"] for entry in manifest.values()]
    return np.array([emotions.count(name) for name in classes])
