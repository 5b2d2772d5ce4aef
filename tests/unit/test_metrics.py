"""WA, UA, macro-F1 and distances against scikit-learn and scipy."""

import math

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.spatial.distance import cityblock, jensenshannon
from scipy.stats import entropy, pearsonr

from softlabels.metrics import (
    ambiguity_AUPRC,
    calibration,
    closeness,
    distances,
    majority_class,
    mean_distances,
    presence_F1,
    recognition,
)

CLASSES = ["a", "b", "c"]


def log(p):
    """Logarithms, −∞ for 0."""
    with np.errstate(divide="ignore"):
        return np.log(p)


@pytest.mark.parametrize("seed", range(5))
def test_recognition_equals_scikit_learns(seed):
    random = np.random.default_rng(seed)
    true, predicted = random.integers(0, 3, 40), random.integers(0, 3, 40)
    scores = recognition(true, predicted, CLASSES)
    assert scores["WA"] == pytest.approx(sk.accuracy_score(true, predicted))
    assert scores["UA"] == pytest.approx(sk.balanced_accuracy_score(true, predicted))
    assert scores["macro_F1"] == pytest.approx(sk.f1_score(true, predicted, average="macro"))
    assert scores["confusion"] == sk.confusion_matrix(true, predicted).tolist()


def test_wa_and_ua_by_hand():
    # 3 of 4 right; class a 2/3, class b 1/1, class c absent
    scores = recognition([0, 0, 0, 1], [0, 0, 1, 1], CLASSES)
    assert scores["WA"] == 0.75
    assert scores["UA"] == pytest.approx(5 / 6)
    assert scores["recall"] == {"a": pytest.approx(2 / 3), "b": 1.0, "c": None}


def test_the_set_counts_as_a_whole_not_by_batches():
    true, predicted = np.array([0] * 9 + [1]), np.array([0] * 10)
    assert recognition(true, predicted, CLASSES)["UA"] == 0.5


def test_an_empty_set_has_no_score():
    scores = recognition([], [], CLASSES)
    assert (scores["n"], scores["WA"], scores["UA"]) == (0, None, None)
    assert mean_distances([], [])["KL"] is None


def test_distances_equal_scipys():
    random = np.random.default_rng(0)
    p, q = random.dirichlet(np.ones(4), 20), random.dirichlet(np.ones(4), 20)
    found = distances(np.log(p), q)
    assert found["KL"] == pytest.approx(entropy(q, p, axis=1))
    assert found["JS"] == pytest.approx(jensenshannon(p, q, axis=1) ** 2)
    assert found["cross_entropy"] == pytest.approx(entropy(q, axis=1) + entropy(q, p, axis=1))


def test_distances_at_the_edges_are_finite():
    # A certain and right prediction is at no distance; certain and wrong, JS is log 2.
    found = distances([[0.0, -np.inf], [0.0, -1000.0]], [[1.0, 0.0], [0.0, 1.0]])
    assert found["KL"].tolist() == [0, 1000]
    assert found["JS"].tolist() == pytest.approx([0, math.log(2)])


def test_the_majority_baseline_is_the_papers():
    # The paper's test set and training counts: WA 40.8 %, UA 25 %.
    true = [0] * 384 + [1] * 135 + [2] * 194 + [3] * 229
    scores = majority_class(true, [1324, 460, 890, 874], ["N", "H", "S", "A"])
    assert scores["class"] == "N"
    assert round(100 * scores["WA"], 1) == 40.8
    assert scores["UA"] == 0.25


def test_known_answers_of_the_fields_scores():
    found = {name: d[0] for name, d in distances(np.log([[0.2, 0.8]]), [[0.6, 0.4]]).items()}
    assert found["soft_accuracy"] == pytest.approx(0.6)
    assert found["one_minus_JSD"] == pytest.approx(0.8754887502, abs=1e-10)
    assert found["manhattan"] == pytest.approx(0.8)
    assert found["TV"] == pytest.approx(0.4)


def test_manhattan_and_jsd_equal_scipys():
    random = np.random.default_rng(3)
    p, q = random.dirichlet(np.ones(5), 30), random.dirichlet(np.ones(5), 30)
    found = distances(np.log(p), q)
    assert found["one_minus_JSD"] == pytest.approx(1 - jensenshannon(p, q, base=2, axis=1) ** 2)
    assert found["manhattan"] == pytest.approx(
        [cityblock(*rows) for rows in zip(p, q, strict=True)]
    )
    assert found["soft_accuracy"] == pytest.approx(1 - found["manhattan"] / 2)


def test_presence_f1_by_hand():
    # above 1/2: predictions a, a, b; targets a, b, b: F1 of a 2/3, of b 2/3
    p, q = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [[1, 0], [0.25, 0.75], [0, 1]]
    assert presence_F1(np.log(p), q) == pytest.approx(2 / 3)


def test_presence_is_above_1_over_k_so_that_an_even_distribution_has_no_class():
    assert presence_F1(np.log([[0.25] * 4]), [[0.25] * 4]) is None
    # c and d are present nowhere, and don't count; a: 1, b: in the target alone
    assert presence_F1(np.log([[0.7, 0.1, 0.1, 0.1]]), [[0.5, 0.5, 0, 0]]) == pytest.approx(0.5)


def test_presence_f1_is_over_the_whole_set_and_equals_scikit_learns():
    random = np.random.default_rng(4)
    p, q = random.dirichlet(np.ones(4), 50), random.dirichlet(np.ones(4), 50)
    expected = sk.f1_score(q > 0.25, p > 0.25, average="macro")
    assert presence_F1(np.log(p), q) == pytest.approx(expected)


def test_the_annotator_error_is_the_mean_over_single_votes():
    votes = [["a", "a", "b"], ["c", "b", "b"]]
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])  # a, c
    shares = [[each.count(name) / 3 for name in CLASSES] for each in votes]
    wrong = [np.mean([vote != "a" for vote in votes[0]]), np.mean([v != "c" for v in votes[1]])]
    assert closeness(np.log(p), shares)["annotator_error"] == pytest.approx(np.mean(wrong))


def test_the_area_for_ambiguous_utterances_by_hand_and_of_scikit_learn():
    p = np.array([[0.5, 0.5], [0.6, 0.4], [0.7, 0.3], [0.9, 0.1]])  # ever less entropy
    # ambiguous are first and third: precision 1/1 at recall 1/2, 2/3 at recall 1
    area = ambiguity_AUPRC(np.log(p), [True, False, True, False])
    assert area == pytest.approx((1 + 2 / 3) / 2)
    random = np.random.default_rng(5)
    p, kinds = random.dirichlet(np.ones(4), 60), random.random(60) < 0.4
    expected = sk.average_precision_score(kinds, entropy(p, axis=1))
    assert ambiguity_AUPRC(np.log(p), kinds) == pytest.approx(expected)


def test_where_all_are_ambiguous_or_none_there_is_no_area():
    assert ambiguity_AUPRC(np.log([[0.5, 0.5]]), [True]) is None
    assert ambiguity_AUPRC(np.log([[0.5, 0.5]]), [False]) is None


def test_total_variation_by_hand():
    found = distances(np.log([[0.2, 0.3, 0.5]]), [[0.5, 0.3, 0.2]])
    assert found["TV"].tolist() == pytest.approx([0.3])


def test_calibration_by_hand():
    # bin (0.5, 0.6]: confidences .6 .6, right 1 of 2: gap .1; bin (0.9, 1]: 1.0, right: gap 0
    found = calibration(log([[0.6, 0.4], [0.4, 0.6], [1.0, 0.0]]), [1, 0, 1])
    assert found["error"] == pytest.approx(0.1 * 2 / 3)
    assert found["n"] == [2, 1]
    assert found["confidence"] == pytest.approx([0.6, 1.0])
    assert found["right"] == pytest.approx([0.5, 1.0])


def test_the_calibration_error_is_that_of_torchmetrics():
    random = np.random.default_rng(7)
    p, true = random.dirichlet([0.5] * 4, 300), random.integers(4, size=300)
    # 1.9.0: multiclass_calibration_error(p, true, 4, n_bins=10, norm="l1"); it knows no shares
    assert calibration(np.log(p), p.argmax(axis=1) == true)["error"] == pytest.approx(
        0.31444925, abs=1e-7
    )


def test_a_model_that_predicts_the_shares_of_votes_is_softly_calibrated():
    shares = np.array([[2 / 3, 1 / 3], [1.0, 0.0], [0.5, 0.5]])
    scores = closeness(log(shares), shares)
    assert scores["soft_ECE"] == pytest.approx(0)
    assert scores["TV"] == scores["JS"] == 0
    assert scores["KL"] == pytest.approx(0)
    assert scores["entropy_correlation"] == pytest.approx(1)


def test_entropy_correlation_is_pearsons():
    random = np.random.default_rng(0)
    p, q = random.dirichlet([1, 1, 1], 20), random.dirichlet([1, 1, 1], 20)
    entropies = [-(x * np.log(x)).sum(axis=1) for x in (p, q)]
    expected = pearsonr(*entropies).statistic
    assert closeness(np.log(p), q)["entropy_correlation"] == pytest.approx(expected)


def test_any_vote_counts_a_predicted_class_with_one_vote():
    scores = closeness(np.log([[0.9, 0.1], [0.9, 0.1]]), [[1 / 3, 2 / 3], [0.0, 1.0]])
    assert scores["any_vote"] == 0.5


def test_of_nothing_there_is_no_score():
    scores = closeness(np.zeros((0, 2)), np.zeros((0, 2)))
    assert scores.pop("n") == 0
    assert set(scores.values()) == {None}
    assert calibration(np.zeros((0, 2)), [])["error"] == 0
