"""Pretrained speech encoders: a checkpoint's folder → layers of a clip."""

from softlabels.lazy import lazy_names

_MODULE_OF = {
    "PretrainedFrontEnd": "softlabels.features.pretrained.frontend",
    "label": "softlabels.features.pretrained.frontend",
    "open_checkpoint": "softlabels.features.pretrained.checkpoint",
}

__all__ = list(_MODULE_OF)
__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
