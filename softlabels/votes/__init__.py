"""Annotators' votes: `Ballots`, partitions, agreement. Needs numpy alone.

``tables.py`` reads votes from tables and needs pandas; it is imported by its own name.
"""

from softlabels.votes.agreement import krippendorff_alpha
from softlabels.votes.ballots import PARTITIONS, Ballots, partition
from softlabels.votes.dominance import AGREEMENT, check_agreement
from softlabels.votes.leftovers import leftover_votes

__all__ = [
    "AGREEMENT",
    "PARTITIONS",
    "Ballots",
    "check_agreement",
    "krippendorff_alpha",
    "leftover_votes",
    "partition",
]
