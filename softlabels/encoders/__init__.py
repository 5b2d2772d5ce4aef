"""The plug-in point: annotation encoders turn votes into targets."""

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.class_prior import ClassPriorEncoder
from softlabels.encoders.dawid_skene import DawidSkeneEncoder
from softlabels.encoders.dirichlet import DirichletEncoder
from softlabels.encoders.dirichlet_mixture import DirichletMixtureEncoder
from softlabels.encoders.factory import (
    available_encoders,
    encoder_from_settings,
    get_encoder,
    register_encoder,
)
from softlabels.encoders.hard import HardEncoder
from softlabels.encoders.left_out import LeftOutVotes, left_out_votes
from softlabels.encoders.modified_soft import ModifiedSoftEncoder
from softlabels.encoders.soft import SoftEncoder

__all__ = [
    "AnnotationEncoder",
    "ClassPriorEncoder",
    "DawidSkeneEncoder",
    "DirichletEncoder",
    "DirichletMixtureEncoder",
    "HardEncoder",
    "LeftOutVotes",
    "ModifiedSoftEncoder",
    "SoftEncoder",
    "available_encoders",
    "encoder_from_settings",
    "get_encoder",
    "left_out_votes",
    "register_encoder",
]
