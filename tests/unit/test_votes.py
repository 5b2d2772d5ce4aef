"""Votes: counting, dominance and the partition."""

import pytest

from softlabels import count_votes, partition
from softlabels.votes.counts import dominant_counts, partition_counts

CLASSES = ["happy", "sad"]


@pytest.mark.parametrize(
    ("votes", "wanted"),
    [
        ([["happy"], ["happy"], ["sad"]], "clear"),
        ([["happy"], ["sad"], ["other"]], "ambiguous"),  # a tie of single votes
        ([["happy"], ["other"], ["other"]], "ambiguous"),  # a non-target dominates
        ([["happy", "other"], ["happy", "other"]], "ambiguous"),  # a tie with a non-target
        ([["happy", "other"], ["happy"]], "clear"),
        ([["happy"]], "ambiguous"),  # one annotator is no agreement
        ([["happy", "happy"]], "ambiguous"),  # nor is one who says it twice
        ([["other"], ["fear"]], "discarded"),
        ([[], []], "discarded"),
    ],
)
def test_partition_follows_the_definition(votes, wanted):
    assert partition(votes, CLASSES) == wanted


def test_the_minimum_agreement_moves_the_partition():
    votes = [["happy"], ["happy"], ["sad"]]
    assert partition([["happy"]], CLASSES, minimum_agreement=1) == "clear"
    assert partition(votes, CLASSES, minimum_agreement=3) == "ambiguous"


@pytest.mark.parametrize("least", [0, -1, 1.5, "2", True])
def test_a_bad_minimum_agreement_is_named(least):
    with pytest.raises(ValueError, match="minimum_agreement must be a whole number"):
        partition([["happy"]], CLASSES, minimum_agreement=least)


def test_counts_have_a_column_for_every_label():
    counts, labels = count_votes([[["b"], ["a", "a"]], [["c"]]], labels=["z"])
    assert labels == ("z", "a", "b", "c")
    assert counts.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]


def test_an_empty_batch_gives_no_rows():
    assert count_votes([], labels=["a"])[0].shape == (0, 1)


def test_the_dominant_label_may_be_no_target():
    assert dominant_counts([[2, 1], [1, 1]], ["other", "happy"]).tolist() == [0, -1]
    assert dominant_counts([[1, 3, 3], [0, 0, 2]], ["a", "b", "c"]).tolist() == [-1, 2]


def test_repeated_labels_of_columns_are_refused():
    with pytest.raises(ValueError, match=r"labels repeats \['a'\]"):
        partition_counts([[1, 2]], ["a", "a"], ["a"])
