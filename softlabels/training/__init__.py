"""From a manifest to a trained model in a results folder."""

from softlabels.lazy import lazy_names

_MODULE_OF = {
    "CompleteCheckpointer": "softlabels.training.checkpoints",
    "SoftLabelBrain": "softlabels.training.brain",
    "results_folder": "softlabels.training.identity",
}

__all__ = list(_MODULE_OF)
__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF)
