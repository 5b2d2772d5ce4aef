"""Pretrained speech encoders: a checkpoint's folder → layers of a clip."""

from softlabels.lazy import lazy_names

_MODULE_OF = {
    "PretrainedFrontEnd": "softlabels.pretrained.frontend",
    "embedding": "softlabels.pretrained.training",
    "front_end": "softlabels.pretrained.training",
    "label": "softlabels.pretrained.frontend",
    "learning_rates": "softlabels.pretrained.training",
    "normalization": "softlabels.pretrained.training",
    "open_checkpoint": "softlabels.pretrained.checkpoint",
}

__all__ = list(_MODULE_OF)
__getattr__ = lazy_names(__name__, _MODULE_OF)
