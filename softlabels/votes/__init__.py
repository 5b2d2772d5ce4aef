"""What annotators said: votes → counts, partitions, agreement. Needs numpy alone.

``tables.py`` reads votes from tables and needs pandas; it is imported by its own name.
"""

from softlabels.votes.agreement import krippendorff_alpha
from softlabels.votes.counts import (
    MINIMUM_AGREEMENT,
    PARTITIONS,
    count_votes,
    dominant_counts,
    partition,
    partition_counts,
    target_counts,
)

__all__ = [
    "MINIMUM_AGREEMENT",
    "PARTITIONS",
    "count_votes",
    "dominant_counts",
    "krippendorff_alpha",
    "partition",
    "partition_counts",
    "target_counts",
]
