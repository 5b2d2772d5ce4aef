"""Losses on counts and calibration in whole trainings: results, and the model that they leave."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from iemocap_prepare import IEMOCAP
from scipy.special import log_softmax
from speechbrain.inference.classifiers import EncoderClassifier

from softlabels.errors import InputError
from softlabels.inference import SoftLabelClassifier
from softlabels.inference.abstention import entropy
from softlabels.training.main import load, main

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"
CLASSES = ["Neutral", "Happiness", "Sadness", "Anger"]
DIRICHLET = ["--loss", "dirichlet_multinomial"]


def arguments(release, folder, *more):
    small = ["--hidden_size=16", "--lstm_size=8", "--noprogressbar", "--number_of_epochs=2"]
    places = ["--data_folder", str(release), "--output_folder", str(folder)]
    return [str(RECIPE / "hparams/soft.yaml"), *places, *small, *more]


def run(release, folder, *more):
    main(IEMOCAP, arguments(release, folder, *more))
    metrics = json.loads((folder / "metrics.json").read_text())
    with open(folder / "predictions.csv", encoding="utf-8", newline="") as file:
        return metrics, list(csv.DictReader(file))


def probabilities(rows):
    return np.array([[float(row[f"p_{name}"]) for name in CLASSES] for row in rows])


def clips(rows, release):
    files = {file.stem: file for file in release.rglob("*.wav")}
    return [str(files[row["utterance"]]) for row in rows]


@pytest.fixture(scope="module")
def runs(everyday_release, tmp_path_factory):
    """Results of one training before and after calibration, of either output."""
    folder = tmp_path_factory.mktemp("losses")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTLABELS_CACHE", str(folder / "cache"))
        patch.setattr(sys, "excepthook", sys.excepthook)
        found = {}
        for output, words in {"softmax": [], "dirichlet": DIRICHLET}.items():
            for calibrated in (False, True):
                more = [*words, "--calibration", "temperature" if calibrated else "null"]
                place = folder / f"{output}{calibrated}"
                found[output, calibrated] = (place, *run(everyday_release, place, *more))
    return found


def test_vote_likelihood_and_kl_dirichlet_train(everyday_release, tmp_path):
    metrics, rows = run(everyday_release, tmp_path / "a", "--loss", "vote_likelihood")
    assert metrics["run"]["settings"]["loss"] == "vote_likelihood"
    assert "precision" not in rows[0]
    words = ["--loss", "kl_dirichlet", "--class_weighting", "true"]
    metrics, rows = run(everyday_release, tmp_path / "b", *words)
    assert np.isfinite(metrics["test"]["all"]["KL"])
    assert all(float(row["precision"]) > 0 for row in rows)


def test_a_dirichlets_predictions_are_its_mean_with_its_precision(runs, everyday_release):
    folder, metrics, rows = runs["dirichlet", False]
    assert np.allclose(probabilities(rows).sum(axis=1), 1)
    assert 0 <= metrics["test"]["all"]["precision_AUPRC"] <= 1
    found = SoftLabelClassifier.from_folder(folder / "model").classify_files(
        clips(rows, everyday_release)
    )
    for row, p, each in zip(rows, probabilities(rows), found, strict=True):
        assert np.allclose(list(each.distribution.values()), p, atol=1e-5)
        assert each.precision == pytest.approx(float(row["precision"]), rel=1e-4)
    assert "precision" not in runs["softmax", False][2][0]
    assert "precision_AUPRC" not in runs["softmax", False][1]["test"]["all"]


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize("output", ["softmax", "dirichlet"])
def test_both_classes_load_the_model_and_say_what_the_test_said(
    runs, everyday_release, tmp_path, output, calibrated
):
    folder, metrics, rows = runs[output, calibrated]
    theirs = EncoderClassifier.from_hparams(source=str(folder / "model"), savedir=str(tmp_path))
    ours = SoftLabelClassifier.from_folder(folder / "model")
    assert ours.settings.output == output
    assert ours.settings.temperature == metrics.get("temperature", 1.0)
    for row, p, file in zip(rows, probabilities(rows), clips(rows, everyday_release), strict=True):
        log_p, _, _, text = theirs.classify_file(file)
        assert np.allclose(log_p[0].exp(), p, atol=1e-5)
        assert np.allclose(list(ours.classify_file(file).distribution.values()), p, atol=1e-5)
        assert text == [row["predicted"]]


@pytest.mark.parametrize("output", ["softmax", "dirichlet"])
def test_calibration_changes_distributions_and_no_decision(runs, output):
    _, before, rows = runs[output, False]
    folder, after, calibrated = runs[output, True]
    assert after["temperature"] != 1
    log_p = log_softmax(np.log(probabilities(rows)) / after["temperature"], axis=1)
    assert np.allclose(np.log(probabilities(calibrated)), log_p, atol=1e-6)
    assert [row["predicted"] for row in calibrated] == [row["predicted"] for row in rows]
    assert after["uncalibrated"] == before["test"]
    for name in ("WA", "UA", "recall", "confusion"):
        assert after["test"]["clear"][name] == before["test"]["clear"][name]
    assert "temperature" not in before
    assert "at temperature" in (folder / "log.txt").read_text()


def test_the_threshold_of_abstention_is_of_calibrated_distributions(runs):
    settings = {
        calibrated: json.loads((runs["softmax", calibrated][0] / "model/settings.json").read_text())
        for calibrated in (False, True)
    }
    assert settings[False]["temperature"] == 1
    assert settings[True]["abstain_above"] != settings[False]["abstain_above"]
    hottest = entropy(np.full((1, 4), -np.log(4)))
    assert settings[True]["abstain_above"] <= hottest


def test_the_weights_are_those_of_the_uncalibrated_model(runs):
    from safetensors.torch import load_file

    first, second = (
        load_file(runs["dirichlet", calibrated][0] / "model/model.safetensors")
        for calibrated in (False, True)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--loss", "kl_dirichlet", "--output", "softmax"], "needs output: dirichlet; got softmax"),
        (["--output", "dirichlet"], "leaves the precision of output: dirichlet untrained"),
        (["--loss", "mse"], "loss: mse; give one of dirichlet_multinomial, kl_dirichlet"),
        (["--output", "logits"], "output: logits; give one of softmax, dirichlet"),
        (["--calibration", "none"], "calibration: none; give one of temperature, or null"),
    ],
)
def test_what_does_not_go_together_is_refused_before_anything_is_read(tmp_path, words, message):
    with pytest.raises(InputError, match=message):
        load(IEMOCAP, arguments(tmp_path / "none", tmp_path / "run", *words))
