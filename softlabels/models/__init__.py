"""Normalisation, networks, and classifiers that give log-probabilities or concentrations."""

from softlabels.models.blstm import BLSTMAttention, Classifier
from softlabels.models.ecapa import ECAPA
from softlabels.models.heads import Concentrations, get_classifier
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
    "Concentrations",
    "FeatureNormalization",
    "LayersEmbedding",
    "NoNormalization",
    "UtteranceNormalization",
    "get_classifier",
]
