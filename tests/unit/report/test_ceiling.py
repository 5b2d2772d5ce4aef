"""The annotators' own scores, by hand."""

import pytest

from softlabels.report.ceiling import human_ceiling

CLASSES = ["happy", "sad"]


def test_the_human_ceiling_by_hand():
    votes = [
        [["happy"], ["happy"], ["happy"]],  # three pairs, all right
        [["sad"], ["sad"], ["other"]],  # clear for the one who said other only: wrong
        [["sad"], ["sad"], ["sad", "happy"]],  # the third is half right; the others' rest is sad
        [["other"], ["other"], ["sad"]],  # the others agree on no target class
    ]
    scores = human_ceiling(votes, CLASSES)
    # others of u3's first annotator: sad, and sad + happy: sad by two
    assert scores["n"] == 3 + 1 + 3
    assert scores["WA"] == pytest.approx((3 + 0 + 2.5) / 7)
    assert scores["recall"] == {"happy": 1.0, "sad": pytest.approx(2.5 / 4)}
    assert scores["UA"] == pytest.approx((1 + 2.5 / 4) / 2)


def test_an_annotator_without_labels_did_not_vote():
    voted = [["sad"], ["sad"], ["happy"]]
    assert human_ceiling([[*voted, []]], CLASSES) == human_ceiling([voted], CLASSES)
    assert human_ceiling([[["sad"], ["sad"], []]], CLASSES)["n"] == 0


def test_annotators_who_agree_are_at_no_distance():
    scores = human_ceiling([[["happy"], ["happy"], ["happy"]]], CLASSES)
    assert (scores["JS"], scores["TV"]) == (0, 0)


def test_one_annotator_alone_has_no_ceiling():
    assert human_ceiling([[["happy"]]], CLASSES)["WA"] is None
