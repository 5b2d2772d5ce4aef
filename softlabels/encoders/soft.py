"""Soft targets: the share of votes that each target class got."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.encoders.modified_soft import smoothed_shares
from softlabels.votes.ballots import Ballots


@register_encoder("soft")
@dataclass
class SoftEncoder(AnnotationEncoder):
    """Shares of votes: the maximum-likelihood estimate of the true distribution.

    ``q(c_k) = Σ_n h_k / Σ_k Σ_n h_k``, over the target classes alone.

    Fayek, Lech and Cavedon, "Modeling subjectiveness in emotion recognition with
    deep neural networks: ensembles vs soft labels", IJCNN 2016.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.

    Example
    -------
    >>> SoftEncoder(["happy", "sad"]).encode([["happy"], ["sad"], ["sad"], ["sad"]])
    array([0.25, 0.75], dtype=float32)
    """

    def targets(self, ballots: Ballots) -> NDArray[np.float64]:
        return smoothed_shares(ballots.of(self.classes), alpha=0.0)
