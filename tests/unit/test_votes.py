"""Votes: counting, dominance and the partition."""

import pytest

from softlabels import Ballots, partition

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


def test_the_agreement_moves_the_partition():
    votes = [["happy"], ["happy"], ["sad"]]
    assert partition([["happy"]], CLASSES, agreement=1) == "clear"
    assert partition(votes, CLASSES, agreement=3) == "ambiguous"


@pytest.mark.parametrize("rule", [0, -1, 1.5, 1.0, 0.0, "2", "most", True, None, float("nan")])
def test_a_bad_agreement_is_named(rule):
    with pytest.raises(ValueError, match=r"agreement must be a whole number .*; got"):
        partition([["happy"]], CLASSES, agreement=rule)


def test_counts_have_a_column_for_every_label():
    ballots = Ballots.from_votes([[["b"], ["a", "a"]], [["c"]]], labels=["z"])
    assert ballots.labels == ("z", "a", "b", "c")
    assert ballots.counts.tolist() == [[0, 1, 1, 0], [0, 0, 0, 1]]


def test_an_empty_batch_gives_no_rows():
    assert Ballots.from_votes([], labels=["a"]).counts.shape == (0, 1)


def test_the_dominant_label_may_be_no_target():
    assert Ballots([[2, 1], [1, 1]], ["other", "happy"]).dominant().tolist() == [0, -1]
    assert Ballots([[1, 3, 3], [0, 0, 2]], ["a", "b", "c"]).dominant().tolist() == [-1, 2]


def test_repeated_labels_of_columns_are_refused():
    with pytest.raises(ValueError, match=r"labels repeats \['a'\]"):
        Ballots([[1, 2]], ["a", "a"])
