"""A release → one manifest with every vote → train, valid and test."""

from softlabels.corpora.corpus import Corpus
from softlabels.corpora.manifest import CorpusError, Manifest, Problems
from softlabels.corpora.prepare import Prepared, partition_table, prepare

__all__ = [
    "Corpus",
    "CorpusError",
    "Manifest",
    "Prepared",
    "Problems",
    "partition_table",
    "prepare",
]
