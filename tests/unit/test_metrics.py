"""WA, UA, macro-F1 and distances against scikit-learn and scipy."""

import math

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from softlabels.metrics import distances, majority_class, mean_distances, recognition

CLASSES = ["a", "b", "c"]


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
