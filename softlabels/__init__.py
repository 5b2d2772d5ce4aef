"""Soft labels for SpeechBrain: train on every annotator's vote.

================  ==============================================================
`votes`           annotators' votes: ballots, partitions, tables, agreement
`encoders`        votes → targets, one encoder a file
`losses`          outputs and targets → loss
`corpora`         a release → a manifest with every vote → train, valid, test; the built-in corpus
`features`        audio → features, computed once and stored
`models`          features → log-probabilities
`training`        a manifest → a trained model in a results folder
`inference`       a model folder → distributions over the classes
`sweep`           many trainings
`report`          a sweep's folder → tables, pictures, a page
`metrics`         WA, UA, macro-F1, distances to the annotators
`cli`             the command ``softlabels``
================  ==============================================================

Every name is imported when it is first used, so that this import stays cheap.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

from softlabels.lazy import lazy_names

if TYPE_CHECKING:
    from softlabels.encoders import (
        AnnotationEncoder,
        available_encoders,
        encoder_from_settings,
        get_encoder,
        left_out_votes,
        register_encoder,
    )
    from softlabels.votes import Ballots, partition
    from softlabels.votes.tables import votes_from_counts, votes_from_manifest, votes_from_table

__version__ = "0.1.0"

_MODULE_OF = {
    "AnnotationEncoder": "softlabels.encoders",
    "Ballots": "softlabels.votes",
    "available_encoders": "softlabels.encoders",
    "encoder_from_settings": "softlabels.encoders",
    "get_encoder": "softlabels.encoders",
    "left_out_votes": "softlabels.encoders",
    "partition": "softlabels.votes",
    "register_encoder": "softlabels.encoders",
    "votes_from_counts": "softlabels.votes.tables",
    "votes_from_manifest": "softlabels.votes.tables",
    "votes_from_table": "softlabels.votes.tables",
}
__all__ = list(_MODULE_OF)
_lazy, _names = lazy_names(__name__, _MODULE_OF)


def __getattr__(name: str) -> Any:
    if name in _submodules():
        return importlib.import_module(f"softlabels.{name}")
    return _lazy(name)


def __dir__() -> list[str]:
    return sorted({*_names(), *_submodules()})


def _submodules() -> set[str]:
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return {name for name in names if not name.startswith("_")}
