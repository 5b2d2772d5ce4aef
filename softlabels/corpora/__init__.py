"""A release → one manifest with every vote → train, valid and test."""

from softlabels.corpora.corpus import Corpus
from softlabels.corpora.manifest import NOTE, CorpusError, Manifest, Problems
from softlabels.corpora.prepare import Prepared, prepare
from softlabels.corpora.summary import partition_table
from softlabels.corpora.tables import csv_columns, csv_rows, first_file, listed

__all__ = [
    "NOTE",
    "Corpus",
    "CorpusError",
    "Manifest",
    "Prepared",
    "Problems",
    "csv_columns",
    "csv_rows",
    "first_file",
    "listed",
    "partition_table",
    "prepare",
]
