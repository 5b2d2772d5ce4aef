"""Soft labels for SpeechBrain: train on what every annotator said.

==========================  ====================================================
encoders                    votes → targets
`get_encoder`               an encoder by its name and its options
`encoder_from_settings`     the same from a YAML's settings: the one-word switch
`available_encoders`        the names there are
`register_encoder`          add one of your own
`AnnotationEncoder`         what an encoder of your own inherits
--------------------------  ----------------------------------------------------
votes                       what the annotators said
`partition`                 clear, ambiguous or discarded
`count_votes`               votes → counts
`votes_from_table`          the same from a long table; `votes_from_counts` from a wide
                            one, `votes_from_manifest` from a recipe's JSON
`agreement`                 Krippendorff's α
--------------------------  ----------------------------------------------------
`losses`                    `soft_cross_entropy`, and the registry of losses
`frontends`, `features`     what the network hears
`store`                     features computed once, shared by all runs
`data`, `batches`           manifests → targets → data sets → batches
`normalization`, `models`   BLSTM with attention
`checkpoints`, `brain`      train, validate, test
`metrics`, `results`        WA, UA, macro-F1, distances to the annotators; files
`runs`                      what made a results folder
`export`, `inference`       a trained model as a folder, and its use
`trials`, `holding`         runs in processes of their own; who holds a folder
`report`                    from trials to tables, statistics and pictures
`simulate`                  the built-in corpus
==========================  ====================================================

Every name is loaded when it is first used, so that this import stays cheap.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from softlabels.encoders import (
        AnnotationEncoder,
        available_encoders,
        encoder_from_settings,
        get_encoder,
        register_encoder,
    )
    from softlabels.tables import votes_from_counts, votes_from_manifest, votes_from_table
    from softlabels.votes import count_votes, partition

__version__ = "0.1.0"

__all__ = [
    "AnnotationEncoder",
    "available_encoders",
    "count_votes",
    "encoder_from_settings",
    "get_encoder",
    "partition",
    "register_encoder",
    "votes_from_counts",
    "votes_from_manifest",
    "votes_from_table",
]

_MODULE_OF = {
    "AnnotationEncoder": "softlabels.encoders",
    "available_encoders": "softlabels.encoders",
    "encoder_from_settings": "softlabels.encoders",
    "get_encoder": "softlabels.encoders",
    "register_encoder": "softlabels.encoders",
    "count_votes": "softlabels.votes",
    "partition": "softlabels.votes",
    "votes_from_counts": "softlabels.tables",
    "votes_from_manifest": "softlabels.tables",
    "votes_from_table": "softlabels.tables",
}


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(importlib.import_module(_MODULE_OF[name]), name)
    if name in _submodules():
        return importlib.import_module(f"softlabels.{name}")
    raise AttributeError(f"module 'softlabels' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF, *_submodules()])


def _submodules() -> set[str]:
    found = (module.name for module in pkgutil.iter_modules(__path__))
    return {name for name in found if not name.startswith("_")}
