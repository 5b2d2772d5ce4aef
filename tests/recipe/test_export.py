"""A run's model folder, with SpeechBrain's own class and ours as its clients."""

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from iemocap_prepare import IEMOCAP
from speechbrain.inference.classifiers import EncoderClassifier

from softlabels.corpora import prepare
from softlabels.inference import SoftLabelClassifier, UnsafeModelError
from softlabels.inference.abstention import entropy
from softlabels.training.main import main

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"
CLASSES = ["Neutral", "Happiness", "Sadness", "Anger"]
FILES = {
    *("hyperparams.yaml", "settings.json", "model.safetensors", "label_encoder.ckpt"),
    "digests.json",
    *("mean_var_norm.ckpt", "embedding_model.ckpt", "classifier.ckpt"),
}


def run(release, folder, *more):
    small = ["--hidden_size=16", "--lstm_size=8", "--noprogressbar", "--number_of_epochs=2"]
    places = ["--data_folder", str(release), "--output_folder", str(folder)]
    main(IEMOCAP, [str(RECIPE / "hparams/modified_soft.yaml"), *places, *small, *more])
    return folder / "model"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """An empty working directory, which stays empty; and SpeechBrain's hook is taken back."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    place = tmp_path / "elsewhere"
    place.mkdir()
    monkeypatch.chdir(place)
    yield
    assert not list(place.iterdir())


@pytest.fixture(scope="module")
def model(everyday_release, tmp_path_factory):
    os.environ["SOFTLABELS_CACHE"] = str(tmp_path_factory.getbasetemp() / "cache")
    return run(everyday_release, tmp_path_factory.mktemp("export") / "run")


def said_in_the_test(model, release):
    """Of each test utterance its file and the probabilities in predictions.csv."""
    files = {file.stem: file for file in release.rglob("*.wav")}
    with open(model.parent / "predictions.csv", encoding="utf-8", newline="") as file:
        return [
            (files[row["utterance"]], row["predicted"], [float(row[f"p_{c}"]) for c in CLASSES])
            for row in csv.DictReader(file)
        ]


def test_speechbrains_class_says_what_the_test_said(model, everyday_release):
    classifier = EncoderClassifier.from_hparams(source=str(model))
    for file, label, probabilities in said_in_the_test(model, everyday_release):
        log_p, score, index, text = classifier.classify_file(str(file))
        assert np.allclose(log_p[0].exp(), probabilities, atol=1e-5)
        assert text == [label] == [CLASSES[index]]
        assert score == log_p.max()


def test_speechbrains_class_takes_batches_and_a_savedir(model, tmp_path):
    classifier = EncoderClassifier.from_hparams(source=str(model), savedir=str(tmp_path / "saved"))
    wavs, lengths = torch.randn(3, 8000) / 10, torch.tensor([1.0, 0.5, 0.8])
    log_p, _, _, labels = classifier.classify_batch(wavs, lengths)
    assert torch.allclose(log_p.exp().sum(dim=1), torch.ones(3))
    assert set(labels) <= set(CLASSES)
    assert classifier.encode_batch(wavs, lengths).shape == (3, 16)


def test_ours_says_what_the_test_said_alone_and_in_batches(model, everyday_release):
    classifier = SoftLabelClassifier.from_folder(model)
    table = said_in_the_test(model, everyday_release)
    together = classifier.classify_files([file for file, _, _ in table], batch_size=4)
    for (file, label, probabilities), found in zip(table, together, strict=True):
        alone = classifier.classify_file(file)
        for each in (alone, found):
            assert list(each.distribution) == CLASSES
            assert np.allclose(list(each.distribution.values()), probabilities, atol=1e-5)
            assert each.label == label
            assert each.entropy == pytest.approx(entropy(np.log([probabilities]))[0], abs=1e-4)


def test_the_exported_epoch_is_the_tested_one(model):
    metrics = json.loads((model.parent / "metrics.json").read_text())
    settings = json.loads((model / "settings.json").read_text())
    assert settings["epoch"] == metrics["valid"]["epoch"]
    counted = {
        int(file.with_name("counter.ckpt").read_text()): file
        for file in model.parent.glob("save/checkpoints/*/embedding_model.ckpt")
    }
    tested = torch.load(counted[settings["epoch"]])
    exported = torch.load(model / "embedding_model.ckpt")
    assert all(torch.equal(exported[key], tested[key]) for key in tested)


def keeps_nine_in_ten(model, everyday_release):
    """Whether the threshold is that of what the classifier says of the validation utterances."""
    settings = json.loads((model.parent / "save/partition.json").read_text())["settings"]
    settings.pop("manifest")
    valid = prepare(IEMOCAP, everyday_release, **settings).valid
    files = [entry["wav"] for entry in valid.values()]
    found = SoftLabelClassifier.from_folder(model).classify_files(files)
    told = json.loads((model / "settings.json").read_text())["abstain_above"]
    ordered = sorted(each.entropy for each in found)
    return told == pytest.approx(ordered[-(-9 * len(ordered) // 10) - 1], abs=1e-5)


def test_the_threshold_keeps_nine_in_ten_of_the_validation_utterances(model, everyday_release):
    assert keeps_nine_in_ten(model, everyday_release)


@pytest.mark.parametrize("name", ["settings.json", "model.safetensors"])
def test_a_changed_bit_in_a_model_folder_is_refused(model, tmp_path, name):
    folder = Path(shutil.copytree(model, tmp_path / "model"))
    data = bytearray((folder / name).read_bytes())
    data[-len(data) // 3] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(UnsafeModelError, match=name):
        SoftLabelClassifier.from_folder(folder)


def test_a_finished_run_makes_its_model_again_and_nothing_else_is_left(model, everyday_release):
    whole = {file.name: file.read_bytes() for file in model.iterdir()}
    assert set(whole) == FILES
    shutil.rmtree(model)
    killed = f".model.{socket.gethostname()}-4194305-00000000.partial"  # no process has that id
    (model.parent / killed).mkdir()
    run(everyday_release, model.parent)
    again = {file.name: file.read_bytes() for file in model.iterdir()}
    assert set(again) == FILES
    for name in ("hyperparams.yaml", "settings.json", "model.safetensors", "label_encoder.ckpt"):
        assert again[name] == whole[name]
    assert not list(model.parent.glob(".model*"))


def test_a_model_normalised_by_speaker_hears_each_clip_by_itself(everyday_release, tmp_path):
    model = run(everyday_release, tmp_path / "run", "--normalization", "speaker")
    file = str(next(everyday_release.rglob("*.wav")))
    theirs = EncoderClassifier.from_hparams(source=str(model)).classify_file(file)[0][0].exp()
    classifier = SoftLabelClassifier.from_folder(model)
    ours = classifier.classify_file(file)
    assert np.allclose(theirs, list(ours.distribution.values()), atol=1e-5)
    assert keeps_nine_in_ten(model, everyday_release)
    assert "the run's test figures don't hold" in classifier.settings.notice


def test_a_network_beyond_what_a_folder_may_tell_loads_by_speechbrains_class(
    everyday_release, tmp_path, monkeypatch
):
    monkeypatch.setattr("softlabels.inference.settings.LONGEST_TEXT", 3)  # of a class's name
    model = run(everyday_release, tmp_path / "run")
    assert (model.parent / "metrics.json").exists()
    assert not (model / "settings.json").exists()
    EncoderClassifier.from_hparams(source=str(model))


def test_another_process_needs_neither_the_recipe_nor_its_working_directory(model, tmp_path):
    code = (
        "import sys, numpy\n"
        "from softlabels.inference.classifier import SoftLabelClassifier\n"
        "classifier = SoftLabelClassifier.from_folder(sys.argv[1])\n"
        "said = classifier.classify_file(numpy.zeros(800), 8000)\n"
        "assert abs(sum(said.distribution.values()) - 1) < 1e-6\n"
    )
    subprocess.run([sys.executable, "-c", code, str(model)], check=True, cwd=tmp_path)


def test_the_documents_snippets_run(model, python, everyday_release, tmp_path):
    root = RECIPE.parents[1]
    texts = [(root / name).read_text("utf-8") for name in ("docs/model.md", "README.md")]
    model_page, readme = (re.findall(r"^```python\n(.*?)^```", each, re.M | re.S) for each in texts)
    (of_readme,) = (each for each in readme if "SoftLabelClassifier" in each)
    ours = [each for each in model_page if "onnxruntime" not in each]  # tests/unit/test_onnx.py
    code = "\n".join([*ours, of_readme])
    (tmp_path / "model").symlink_to(model)
    shutil.copy(next(everyday_release.rglob("*.wav")), tmp_path / "clip.wav")
    python(["-c", code], cwd=tmp_path, check=True)
    assert {file.name for file in tmp_path.iterdir()} == {"model", "clip.wav", "elsewhere"}
