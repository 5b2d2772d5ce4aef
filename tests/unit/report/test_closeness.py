"""Distances, calibration and the annotators' own scores, by hand and against scipy."""

import math

import numpy as np
import pytest
from scipy.stats import pearsonr

from softlabels.report.ceiling import human_ceiling
from softlabels.report.closeness import calibration, closeness, total_variation
from softlabels.report.teachers import commonest_patterns

CLASSES = ["happy", "sad"]


def test_total_variation_by_hand():
    assert total_variation([[0.2, 0.3, 0.5]], [[0.5, 0.3, 0.2]]).tolist() == pytest.approx([0.3])


def test_calibration_by_hand():
    # bin (0.5, 0.6]: confidences .6 .6, right 1 of 2: gap .1; bin (0.9, 1]: 1.0, right: gap 0
    found = calibration([[0.6, 0.4], [0.4, 0.6], [1.0, 0.0]], [1, 0, 1])
    assert found["error"] == pytest.approx(0.1 * 2 / 3)
    assert found["n"] == [2, 1]
    assert found["confidence"] == pytest.approx([0.6, 1.0])
    assert found["right"] == pytest.approx([0.5, 1.0])


def test_the_calibration_error_is_that_of_torchmetrics():
    random = np.random.default_rng(7)
    p, true = random.dirichlet([0.5] * 4, 300), random.integers(4, size=300)
    # 1.9.0: multiclass_calibration_error(p, true, 4, n_bins=10, norm="l1"); it knows no shares
    assert calibration(p, p.argmax(axis=1) == true)["error"] == pytest.approx(0.31444925, abs=1e-7)


def test_a_model_that_predicts_the_shares_of_votes_is_softly_calibrated():
    shares = np.array([[2 / 3, 1 / 3], [1.0, 0.0], [0.5, 0.5]])
    scores = closeness(shares, shares)
    assert scores["soft_ECE"] == pytest.approx(0)
    assert scores["TV"] == scores["JS"] == 0
    assert scores["KL"] == pytest.approx(0)
    assert scores["entropy_correlation"] == pytest.approx(1)


def test_entropy_correlation_is_pearsons():
    random = np.random.default_rng(0)
    p, q = random.dirichlet([1, 1, 1], 20), random.dirichlet([1, 1, 1], 20)
    entropies = [-(x * np.log(x)).sum(axis=1) for x in (p, q)]
    wanted = pearsonr(*entropies).statistic
    assert closeness(p, q)["entropy_correlation"] == pytest.approx(wanted)


def test_any_vote_counts_a_predicted_class_with_one_vote():
    scores = closeness([[0.9, 0.1], [0.9, 0.1]], [[1 / 3, 2 / 3], [0.0, 1.0]])
    assert scores["any_vote"] == 0.5


def test_of_nothing_there_is_no_score():
    assert set(closeness(np.zeros((0, 2)), np.zeros((0, 2))).values()) == {None}
    assert math.isclose(calibration(np.zeros((0, 2)), [])["error"], 0)


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


def test_the_commonest_pattern_comes_first():
    counts = np.array([[0, 3], [2, 1], [3, 0], [2, 1]])
    patterns = [(row.tolist(), number) for row, number in commonest_patterns(counts, most=3)]
    assert patterns == [([2, 1], 2), ([3, 0], 1), ([0, 3], 1)]
