"""What a training learns, and what it learns from."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from iemocap_prepare import IEMOCAP
from speechbrain import Stage

from softlabels import get_encoder
from softlabels.corpora import prepare
from softlabels.corpora.simulated import cached_corpus
from softlabels.features.frontends import get_front_end
from softlabels.features.store import FeatureStore
from softlabels.training.brain import SoftLabelBrain
from softlabels.training.data import speaker_statistics
from softlabels.training.main import main

YAML = Path(__file__).parents[2] / "recipes/IEMOCAP/hparams/modified_soft.yaml"
CLASSES = ["happy", "sad"]


def recall(corpus, folder):
    """Train five epochs; return the unweighted average recall of the test speakers' clips."""
    words = ["--data_folder", str(corpus), "--output_folder", str(folder), "--noprogressbar"]
    words += ["--number_of_epochs=5", "--hidden_size=32", "--lstm_size=16", "--lr=0.01"]
    main(IEMOCAP, [str(YAML), *words])
    return json.loads((folder / "metrics.json").read_text())["test"]["clear"]["UA"]


def test_it_learns_what_one_feature_tells(everyday_release, tmp_path):
    assert recall(everyday_release, tmp_path / "run") > 0.9


def test_it_learns_on_the_built_in_corpus(tmp_path):
    assert recall(cached_corpus(progressbar=False), tmp_path / "run") > 0.4  # chance: 0.25


def test_class_weights_change_the_loss_in_training_and_nothing_in_validation():
    outputs = torch.tensor([[0.5, 0.5], [0.8, 0.2]]).log()
    counts = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    targets = counts / counts.sum(dim=1, keepdim=True)
    votes = {"target": SimpleNamespace(data=targets), "counts": SimpleNamespace(data=counts)}
    batch = SimpleNamespace(id=["u1", "u2"], emotion=["happy", "sad"], **votes)
    weights = torch.tensor([0.5, 2.0])
    losses = {}
    for name, more in {"plain": {}, "weighted": {"class_weights": weights}}.items():
        hparams = {"annotation_encoder": get_encoder("soft", CLASSES), "seed": 1, **more}
        brain = SoftLabelBrain({"linear": torch.nn.Linear(1, 1)}, hparams=hparams)
        losses[name] = [
            brain.compute_objectives(outputs, batch, stage).item()
            for stage in (Stage.TRAIN, Stage.VALID)
        ]
    by_torch = torch.nn.functional.cross_entropy(outputs, targets, weight=weights)
    assert losses["weighted"][0] == pytest.approx(by_torch.item())
    assert losses["weighted"][0] != pytest.approx(losses["plain"][0], rel=0.01)
    assert losses["weighted"][1] == losses["plain"][1]


def test_a_speakers_statistics_need_no_label_and_no_other_speaker(everyday_release, tmp_path):
    prepared = prepare(IEMOCAP, everyday_release)
    store = FeatureStore(get_front_end("mfcc"), tmp_path)
    store.extract([entry["wav"] for entry in prepared.all.values()], False)
    found = speaker_statistics(prepared.all, store)
    (tested, *_) = {entry["speaker"] for entry in prepared.splits["test"].values()}
    alone = {
        name: {"wav": entry["wav"], "speaker": tested}
        for name, entry in prepared.all.items()
        if entry["speaker"] == tested
    }
    for whole, part in zip(found[tested], speaker_statistics(alone, store)[tested], strict=True):
        assert torch.equal(whole, part)
