"""Shares of votes, smoothed by the Dirichlet prior that the training votes have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.votes.ballots import Ballots
from softlabels.votes.patterns import training_patterns


@register_encoder("dirichlet")
@dataclass
class DirichletEncoder(AnnotationEncoder):
    """Shares of votes, smoothed by a Dirichlet prior that is fitted to the training votes.

    ``q(c_k) = (n_k + a_k) / (N + Σ_j a_j)``, where n_k are an utterance's votes for the
    class k, N all its votes for classes. `modified_soft` is the case that every a_k is α.

    T. Minka, "Estimating a Dirichlet distribution", 2000.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.

    Example
    -------
    >>> ballots = Ballots([[3, 0], [3, 0], [2, 1], [1, 2]], ["happy", "sad"])
    >>> DirichletEncoder(["happy", "sad"]).fit(ballots).encode([["sad"]]).round(3)
    array([0.652, 0.348], dtype=float32)
    """

    def fit(self, ballots: Ballots) -> Self:
        from softlabels.encoders.dirichlet_multinomial import fit_dirichlet

        patterns = training_patterns(ballots, self.classes, self.classes)
        self.concentrations_ = fit_dirichlet(patterns)
        return self

    def targets(self, ballots: Ballots) -> NDArray[np.float64]:
        shares = ballots.of(self.classes) + self.concentrations_
        return shares / shares.sum(axis=1, keepdims=True)
