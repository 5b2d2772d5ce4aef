"""Audio → features, computed once and stored."""

from softlabels.lazy import lazy_names

_MODULE_OF = {
    "Acoustic47": "softlabels.features.acoustic47",
    "FeatureStore": "softlabels.features.store",
    "SAMPLE_RATE": "softlabels.features.wav",
    "feature_size": "softlabels.features.frontends",
    "get_front_end": "softlabels.features.frontends",
    "register_front_end": "softlabels.features.frontends",
}

__all__ = list(_MODULE_OF)
__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
