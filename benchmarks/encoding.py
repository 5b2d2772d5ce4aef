#!/usr/bin/env python3
"""A million utterances' votes become targets faster than by majority vote elsewhere.

> python benchmarks/encoding.py

Votes are made up: three annotators an utterance, each with one of ten labels.
"""

import numpy as np
import pandas as pd
from crowdkit.aggregation import MajorityVote
from measuring import medians, report

import softlabels

UTTERANCES, ANNOTATORS = 1_000_000, 3
LABELS = np.array([f"label{i}" for i in range(10)])
CLASSES = LABELS[:4].tolist()


def main():
    drawn = np.random.default_rng(0).integers(len(LABELS), size=(UTTERANCES, ANNOTATORS))
    table = pd.DataFrame(
        {
            "task": np.repeat([f"utterance{i:07d}" for i in range(UTTERANCES)], ANNOTATORS),
            "worker": np.tile([f"annotator{i}" for i in range(ANNOTATORS)], UTTERANCES),
            "label": LABELS[drawn.ravel()],
        }
    )
    votes = (np.arange(UTTERANCES)[:, None] * len(LABELS) + drawn).ravel()
    matrix = np.bincount(votes, minlength=UTTERANCES * len(LABELS)).reshape(UTTERANCES, -1)
    encoder = softlabels.get_encoder("modified_soft", CLASSES)

    def from_table():
        _, ballots = softlabels.votes_from_table(table)
        encoder.encode_ballots(ballots)

    took = medians(
        {
            "table": from_table,
            "crowd-kit": lambda: MajorityVote().fit_predict_proba(table),
            "counts": lambda: encoder.encode_counts(matrix, LABELS.tolist()),
            "bincount": lambda: np.bincount(votes, minlength=matrix.size),
        }
    )
    rows = [
        ["crowd-kit's `MajorityVote().fit_predict_proba(table)`", took["crowd-kit"], "1"],
        [
            "`votes_from_table(table)`, `encode_ballots`",
            took["table"],
            f"{took['crowd-kit'] / took['table']:.1f} times as fast",
        ],
        ["`numpy.bincount` over the votes", took["bincount"], "1"],
        [
            "`encode_counts` of the count matrix",
            took["counts"],
            f"{took['counts'] / took['bincount']:.1f} times as long",
        ],
    ]
    rows = [[name, f"{second:.2f}", ratio] for name, second, ratio in rows]
    report(["1,000,000 utterances × 3 annotators", "s", ""], rows, ["pandas", "crowd-kit"])


if __name__ == "__main__":
    main()
