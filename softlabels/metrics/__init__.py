"""How well classes are recognised, and how near predictions come to the annotators.

Weighted accuracy (WA) is the share of utterances that are right, unweighted
accuracy (UA) the mean of the classes' recalls. Distances compare a predicted
distribution with the unsmoothed share of votes, whatever the encoder was.

``recognition.py`` scores decisions, ``distances.py`` each utterance's distribution,
``closeness.py`` a whole set's, ``calibration.py`` confidences. Predictions are
log-probabilities, as networks give them; shares are probabilities.
"""

from softlabels.metrics.calibration import calibration
from softlabels.metrics.closeness import ambiguity_AUPRC, closeness, presence_F1
from softlabels.metrics.distances import distances, entropy, mean_distances
from softlabels.metrics.recognition import majority_class, recognition

__all__ = [
    "ambiguity_AUPRC",
    "calibration",
    "closeness",
    "distances",
    "entropy",
    "majority_class",
    "mean_distances",
    "presence_F1",
    "recognition",
]
