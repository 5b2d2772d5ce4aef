"""A trained model's folder and its use; no code from the folder is run."""

from softlabels.inference.classifier import Classification, SoftLabelClassifier, Window
from softlabels.inference.loading import UnsafeModelError

__all__ = ["Classification", "SoftLabelClassifier", "UnsafeModelError", "Window"]
