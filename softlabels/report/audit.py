"""What votes show before anything is trained: agreement, partition, encoders' targets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders import AnnotationEncoder, available_encoders, get_encoder
from softlabels.encoders.base import ENCODERS
from softlabels.encoders.factory import encoder_options
from softlabels.metrics import entropy
from softlabels.report.targets import commonest_patterns, display_name, target_statistics
from softlabels.votes import PARTITIONS, Ballots
from softlabels.votes.agreement import krippendorff_alpha
from softlabels.votes.dominance import Agreement

logger = logging.getLogger(__name__)

FIRST = ("hard", "soft", "modified_soft")  # the paper's order, then all others'
MOST = 12  # labels or classes that are listed one by one


@dataclass(frozen=True)
class Audit:
    """Votes, summarised.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    classes : tuple of str
        The K target classes.
    kinds : numpy.ndarray
        [N], 'clear', 'ambiguous' or 'discarded'.
    alpha : float or None
        Krippendorff's α, where it is defined.
    entropy : float or None
        Mean entropy of an item's votes, nats.
    patterns : list of (numpy.ndarray, int)
        The commonest patterns of votes of items that aren't discarded.
    encoders : dict
        Display name → encoder.
    targets : list of dict
        As `softlabels.report.targets.target_statistics` returns them.
    """

    ballots: Ballots
    classes: tuple[str, ...]
    kinds: NDArray[np.str_]
    alpha: float | None
    entropy: float | None
    patterns: list[tuple[NDArray[np.int64], int]]
    encoders: Mapping[str, AnnotationEncoder]
    targets: list[dict[str, Any]]

    @property
    def partition(self) -> dict[str, int]:
        """How many items are clear, ambiguous and discarded."""
        return {kind: int((self.kinds == kind).sum()) for kind in PARTITIONS}

    @property
    def main_classes(self) -> list[int]:
        """The places of the classes with most votes, `MOST` at most, in their own order."""
        return most_voted(self.ballots.of(self.classes).sum(axis=0))

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as JSON's types."""
        counts, labels = self.ballots.counts, self.ballots.labels
        per_item = counts.sum(axis=1)
        return {
            "items": len(counts),
            "votes": int(counts.sum()),
            "votes_an_item": {
                "median": float(np.median(per_item)),
                "least": int(per_item.min()),
                "most": int(per_item.max()),
            },
            "krippendorff_alpha": self.alpha,
            "vote_entropy": self.entropy,
            "partition": self.partition,
            "labels": dict(zip(labels, counts.sum(axis=0).tolist(), strict=True)),
            "classes": list(self.classes),
            "patterns": [
                {
                    "votes": {name: int(n) for name, n in zip(labels, row, strict=True) if n},
                    "items": items,
                    "targets": {
                        name: _target(encoder, row, labels)
                        for name, encoder in self.encoders.items()
                    },
                }
                for row, items in self.patterns
            ],
            "targets": self.targets,
        }


def audit_votes(
    ballots: Ballots,
    classes: Sequence[str],
    *,
    alpha: float,
    agreement: Agreement,
    patterns: int,
) -> Audit:
    """Summarise votes.

    Arguments
    ---------
    ballots : Ballots
        N items' votes.
    classes : sequence of str
        The K target classes.
    alpha : float
        Of modified soft targets.
    agreement : int, float or str
        The rule by which an item is clear.
    patterns : int
        How many patterns of votes, at most.
    """
    counts = ballots.counts
    voted_for = ballots.voted(classes).any()  # else there is nothing to learn
    encoders = {
        name: encoder.fit(ballots)
        for name, encoder in installed_encoders(classes, alpha, agreement).items()
        # patterns don't have annotators
        if not encoder.needs_annotators and (voted_for or not encoder.learns())
    }
    kinds = ballots.partition(classes, agreement)
    voted = counts[counts.sum(axis=1) > 0]
    shares = voted / voted.sum(axis=1, keepdims=True)
    return Audit(
        ballots=ballots,
        classes=tuple(classes),
        kinds=kinds,
        alpha=krippendorff_alpha(counts),
        entropy=float(entropy(shares).mean()) if len(voted) else None,
        patterns=commonest_patterns(counts[kinds != "discarded"], patterns),
        encoders=encoders,
        targets=target_statistics(ballots, encoders, agreement),
    )


def installed_encoders(
    classes: Sequence[str], alpha: float, agreement: Agreement
) -> dict[str, AnnotationEncoder]:
    """Build every installed encoder: display name → encoder.

    One of another distribution that can't be built from these settings is left out,
    and the log has the reason.

    Example
    -------
    >>> list(installed_encoders(["happy", "sad"], alpha=0.75, agreement=2))[:3]
    ['hard', 'soft', 'modified soft, α = 0.75']
    """
    encoders: dict[str, AnnotationEncoder] = {}
    settings = {"alpha": alpha, "agreement": agreement}
    for name in (*FIRST, *(name for name in available_encoders() if name not in FIRST)):
        try:
            options = encoder_options(ENCODERS.get(name))
            known = {key: value for key, value in settings.items() if key in options}
            encoder = get_encoder(name, classes, **known)
        except (ImportError, TypeError, ValueError) as error:
            if name in FIRST:
                raise
            logger.warning("encoder %r is left out of the comparison: %s", name, error)
            continue
        encoders[display_name(encoder)] = encoder
    return encoders


def most_voted(votes: NDArray[Any]) -> list[int]:
    """Return the places of the labels with most votes, `MOST` at most, in their own order."""
    return sorted(int(place) for place in np.argsort(-votes, kind="stable")[:MOST])


def _target(
    encoder: AnnotationEncoder, row: NDArray[np.int64], labels: Sequence[str]
) -> list[float] | None:
    target = encoder.encode_counts(row[None], tuple(labels))[0]
    return None if np.isnan(target).any() else [float(x) for x in target]
