"""Hard targets: one-hot of the dominant emotion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.votes.checks import check_minimum_agreement
from softlabels.votes.counts import MINIMUM_AGREEMENT, dominant_counts


@register_encoder("hard")
class HardEncoder(AnnotationEncoder):
    """One-hot of the dominant emotion; takes clear utterances only.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.
    minimum_agreement : int
        The least number of annotators that a dominant emotion needs.

    Example
    -------
    >>> HardEncoder(["happy", "sad"]).encode([["happy"], ["happy"], ["other"]])
    array([1., 0.], dtype=float32)
    """

    takes = ("clear",)

    def __init__(self, classes: Iterable[str], minimum_agreement: int = MINIMUM_AGREEMENT) -> None:
        super().__init__(classes)
        self.minimum_agreement = check_minimum_agreement(minimum_agreement)

    def encode_counts(self, counts: ArrayLike, labels: Sequence[str]) -> NDArray[np.float32]:
        labels = tuple(labels)
        dominant = dominant_counts(counts, labels, self.minimum_agreement)
        column = {label: index for index, label in enumerate(labels)}
        wanted = np.array([column.get(name, -2) for name in self.classes])
        targets = (dominant[:, None] == wanted).astype(np.float32)
        targets[targets.sum(axis=1) == 0] = np.nan
        return targets
