"""Losses on targets and on counts of votes, and their registry.

``loss(outputs, targets, length=None, weight=None, reduction="mean", *, counts=None)``: outputs
[B, K] are log-probabilities, or logarithms of a Dirichlet's concentrations for the losses that are
registered so; counts [B, K] are the annotators behind each class.
"""

from softlabels.losses.cross_entropy import soft_cross_entropy
from softlabels.losses.dirichlet import kl_dirichlet
from softlabels.losses.multinomial import vote_likelihood
from softlabels.losses.polya import dirichlet_multinomial
from softlabels.losses.registry import (
    LOSSES,
    OUTPUTS,
    choose_loss,
    get_loss,
    register_loss,
    takes_counts,
)

__all__ = [
    "LOSSES",
    "OUTPUTS",
    "choose_loss",
    "dirichlet_multinomial",
    "get_loss",
    "kl_dirichlet",
    "register_loss",
    "soft_cross_entropy",
    "takes_counts",
    "vote_likelihood",
]
