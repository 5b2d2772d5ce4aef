"""The plug-in point: annotation encoders turn votes into targets."""

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import (
    available_encoders,
    encoder_from_settings,
    get_encoder,
    register_encoder,
)
from softlabels.encoders.hard import HardEncoder
from softlabels.encoders.modified_soft import ModifiedSoftEncoder
from softlabels.encoders.soft import SoftEncoder

__all__ = [
    "AnnotationEncoder",
    "HardEncoder",
    "ModifiedSoftEncoder",
    "SoftEncoder",
    "available_encoders",
    "encoder_from_settings",
    "get_encoder",
    "register_encoder",
]
