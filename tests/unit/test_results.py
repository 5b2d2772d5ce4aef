"""What a run leaves: scores of each subset, and a table that a terminal shows."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as sk
from PIL import Image
from scipy.stats import entropy

from softlabels.report.confusion import draw_confusions
from softlabels.training.brain import Predictions
from softlabels.training.results import predictions_csv, result_table, score

CLASSES = ["happy", "sad"]


@pytest.fixture
def predictions():
    """Three clear utterances, and an ambiguous one."""
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
    shares = [[1.0, 0.0], [1 / 3, 2 / 3], [0.0, 1.0], [0.5, 0.5]]
    return Predictions(list("abcd"), ["happy", "sad", "sad", ""], np.log(p).tolist(), shares)


def test_each_subset_has_the_fields_scores(predictions):
    found = score(predictions, CLASSES)
    assert [found[name]["n"] for name in ("clear", "ambiguous", "all")] == [3, 1, 4]
    assert found["ambiguous"]["soft_accuracy"] == pytest.approx(1)
    p = np.exp(predictions.log_probabilities)
    assert found["all"]["KL"] == pytest.approx(entropy(predictions.shares, p, axis=1).mean())
    expected = sk.average_precision_score([0, 0, 0, 1], entropy(p, axis=1))
    assert found["all"]["ambiguity_AUPRC"] == pytest.approx(expected)
    json.dumps(found, allow_nan=False)


def test_an_empty_test_set_has_no_scores():
    found = score(Predictions(), CLASSES)
    assert found["all"]["n"] == 0
    assert {found["all"][name] for name in ("KL", "presence_F1", "ambiguity_AUPRC")} == {None}


def test_the_runs_table_shows_recognition_first_then_distances(predictions):
    test = score(predictions, CLASSES)
    text = result_table({"test": test, "majority": {"class": "sad", **test["clear"]}}, "title")
    lines = text.splitlines()
    assert lines[2].split() == ["WA", "%", "UA", "%", "F1", "%"]
    assert lines[4].split() == ["this", "model", "66.7", "75.0", "66.7"]
    (ambiguous,) = [line for line in lines if line.startswith("ambiguous  ")]
    assert ambiguous.split() == ["ambiguous", "1", "0.693", "0.000", "0.000", "1.000", "–", "–"]
    assert "AUPRC 1.000, by chance 0.250" in text
    assert max(map(len, lines)) <= 100


def test_a_clear_utterance_has_a_true_class_in_the_predictions(predictions):
    manifest = {name: {"votes": [["sad"]]} for name in "abcd"}
    lines = predictions_csv(predictions, manifest, CLASSES).splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["clear"] * 3 + ["ambiguous"]


def test_confusion_matrices_share_one_picture(tmp_path):
    matrix = [[3, 1], [0, 0]]  # a class that doesn't occur
    sizes = []
    for number in (1, 2, 5):
        file = tmp_path / f"{number}.png"
        draw_confusions({f"row {k}": matrix for k in range(number)}, CLASSES, file)
        sizes.append(Image.open(file).size)
    assert sizes[0][1] == sizes[1][1] < sizes[2][1]
    assert sizes[0][0] < sizes[1][0] < sizes[2][0]


def test_a_low_precision_finds_ambiguous_utterances_beside_entropy(predictions):
    said = replace(predictions, precisions=[9.0, 2.0, 9.0, 3.0])
    found = score(said, CLASSES)["all"]
    expected = sk.average_precision_score([0, 0, 0, 1], [-9, -2, -9, -3])
    assert found["precision_AUPRC"] == pytest.approx(expected)
    assert "precision_AUPRC" not in score(predictions, CLASSES)["all"]
    lines = predictions_csv(said, {name: {"votes": [["sad"]]} for name in "abcd"}, CLASSES)
    assert [line.rsplit(",", 1)[1] for line in lines.splitlines()] == (
        ["precision", "9.0", "2.0", "9.0", "3.0"]
    )


def test_a_calibrated_runs_table_shows_each_distance_before_and_after(predictions):
    before, after = score(predictions, CLASSES), score(predictions.at(2.0), CLASSES)
    majority = {"class": "sad", **after["clear"]}
    metrics = {"test": after, "majority": majority, "temperature": 2.0, "uncalibrated": before}
    lines = result_table(metrics, "title").splitlines()
    assert "at temperature 2" in lines[-7]
    for line, scores in ((lines[-2], before), (lines[-1], after)):
        assert line.split()[2:4] == [f"{scores['all'][key]:.3f}" for key in ("cross_entropy", "KL")]
    assert lines[-1].split()[-1] == "–"  # of all utterances there is no error to a true class
    assert max(map(len, lines)) <= 100
