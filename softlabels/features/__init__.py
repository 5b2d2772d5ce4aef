"""Audio → features, computed once and stored."""

from softlabels.features.acoustic47 import Acoustic47
from softlabels.features.frontends import SAMPLE_RATE, feature_size, get_front_end
from softlabels.features.store import FeatureStore

__all__ = ["SAMPLE_RATE", "Acoustic47", "FeatureStore", "feature_size", "get_front_end"]
