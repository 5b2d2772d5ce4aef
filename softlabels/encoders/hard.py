"""Hard targets: one-hot of the dominant emotion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.votes.ballots import Ballots
from softlabels.votes.dominance import AGREEMENT, Agreement, check_agreement


@register_encoder("hard")
@dataclass
class HardEncoder(AnnotationEncoder):
    """One-hot of the dominant emotion; takes clear utterances only.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.
    agreement : int, float or str
        What makes a label dominant: see `softlabels.votes.dominance.check_agreement`.

    Example
    -------
    >>> HardEncoder(["happy", "sad"]).encode([["happy"], ["happy"], ["other"]])
    array([1., 0.], dtype=float32)
    """

    takes = ("clear",)

    agreement: Agreement = AGREEMENT

    def __post_init__(self) -> None:
        super().__post_init__()
        self.agreement = check_agreement(self.agreement)

    def targets(self, ballots: Ballots) -> NDArray[np.float32]:
        column = {label: index for index, label in enumerate(ballots.labels)}
        columns = np.array([column.get(name, -2) for name in self.classes])
        targets = (ballots.dominant(self.agreement)[:, None] == columns).astype(np.float32)
        targets[~targets.any(axis=1)] = np.nan
        return targets
