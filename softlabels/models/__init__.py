"""Features → log-probabilities: normalisation, networks and classifiers that a YAML can name."""

from softlabels.models.blstm import BLSTMAttention, Classifier
from softlabels.models.ecapa import ECAPA
from softlabels.models.normalization import (
    FeatureNormalization,
    NoNormalization,
    UtteranceNormalization,
)
from softlabels.models.pretrained import LayersEmbedding

__all__ = [
    "ECAPA",
    "BLSTMAttention",
    "Classifier",
    "FeatureNormalization",
    "LayersEmbedding",
    "NoNormalization",
    "UtteranceNormalization",
]
