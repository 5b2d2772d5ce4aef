"""Other networks by YAML alone: ECAPA-TDNN, and frozen pretrained encoders, tiny ones made here."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from iemocap_prepare import IEMOCAP
from pretrained_models import make_encoder
from speechbrain.inference.classifiers import EncoderClassifier

from softlabels.errors import InputError
from softlabels.features.pretrained import open_checkpoint
from softlabels.inference.classifier import SoftLabelClassifier
from softlabels.inference.loading import UnsafeModelError
from softlabels.models.ecapa import ECAPA
from softlabels.training.main import main

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Folders of tiny random pretrained encoders: name → folder."""
    parent = tmp_path_factory.mktemp("encoders")
    for name in ("whisper", "wavlm"):
        make_encoder(parent / name, name)
    return {name: parent / name for name in ("whisper", "wavlm")}


def run(network, release, folder, *more):
    places = ["--data_folder", str(release), "--output_folder", str(folder)]
    short = ["--noprogressbar", "--number_of_epochs=2", "--batch_size=8"]
    main(IEMOCAP, [str(RECIPE / f"hparams/{network}.yaml"), *places, *short, *more])
    return folder / "model"


def said_by_speechbrain(model, file):
    """A recording's distribution, of SpeechBrain's class."""
    classifier = EncoderClassifier.from_hparams(source=str(model))
    log_p, _, _, labels = classifier.classify_file(str(file))
    assert math.isclose(log_p.exp().sum(), 1, abs_tol=1e-5)
    assert labels[0] in ("Neutral", "Happiness", "Sadness", "Anger")
    return log_p[0].exp().tolist()


def test_ecapa_trains_by_yaml_alone_and_both_classes_say_the_same(everyday_release, tmp_path):
    small = ["--channels", "16", "--embedding_size", "8"]
    model = run("modified_soft_ecapa", everyday_release, tmp_path / "run", *small)
    files = sorted(everyday_release.rglob("*.wav"))[:3]
    ours = SoftLabelClassifier.from_folder(model).classify_files(files)
    for file, said in zip(files, ours, strict=True):
        wanted = said_by_speechbrain(model, file)
        assert list(said.distribution.values()) == pytest.approx(wanted, abs=1e-5)


def test_ecapa_takes_a_batch_of_one_and_is_speechbrains_elsewhere():
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    ours = ECAPA(8, channels=16, attention_channels=4, embedding_size=6)
    channels = [16, 16, 16, 16, 48]
    theirs = ECAPA_TDNN(8, channels=channels, attention_channels=4, lin_neurons=6)
    theirs.load_state_dict(ours.state_dict())
    features, lengths = torch.randn(3, 40, 8), torch.tensor([1.0, 0.5, 0.7])
    wanted = theirs.eval()(features, lengths).squeeze(1)
    assert torch.equal(ours.eval()(features, lengths), wanted)
    loss = ours.train()(features[:1], lengths[:1]).sum()
    loss.backward()
    assert torch.isfinite(loss)


def test_ecapa_holds_the_last_frame_of_what_its_convolutions_are_too_long_for():
    model = ECAPA(8, channels=16, attention_channels=4, embedding_size=6).eval()
    features = torch.randn(2, 3, 8)
    held = torch.cat([features, features[:, -1:], features[:, -1:]], dim=1)
    assert torch.equal(model(features), model(held))
    assert model(features[:, :1], torch.ones(2)).shape == (2, 6)


def test_ecapa_of_a_width_that_its_blocks_cannot_split_raises():
    with pytest.raises(ValueError, match="channels must be a multiple of 8; got 12"):
        ECAPA(8, channels=12)


@pytest.mark.parametrize(
    ("name", "head", "layers"),
    [
        ("whisper", "linear", "weighted"),
        ("wavlm", "linear", "weighted"),
        ("whisper", "attention", "last"),
        ("wavlm", "blstm", "1"),
    ],
)
def test_a_frozen_encoder_trains_by_yaml_alone_and_both_classes_say_the_same(
    everyday_release, tmp_path, encoders, name, head, layers
):
    small = ["--hidden_size", "8", "--lstm_size", "4", "--pretrained", str(encoders[name])]
    how = ["--head", head, "--layers", layers, "--lr", "0.01"]
    model = run("pretrained", everyday_release, tmp_path / "run", *small, *how)
    files = sorted(everyday_release.rglob("*.wav"))[:3]
    ours = SoftLabelClassifier.from_folder(model).classify_files(files)
    for file, said in zip(files, ours, strict=True):
        expected = said_by_speechbrain(model, file)
        assert list(said.distribution.values()) == pytest.approx(expected, abs=1e-5)
    if layers == "weighted":
        weights = torch.load(model / "embedding_model.ckpt")["layer_weights"]
        assert weights.abs().max() > 0


def test_a_model_folder_without_its_encoder_or_with_another_is_refused(
    everyday_release, tmp_path, encoders
):
    place = tmp_path / "encoder"
    shutil.copytree(encoders["whisper"], place)
    model = run("pretrained", everyday_release, tmp_path / "run", "--pretrained", str(place))
    file = next(everyday_release.rglob("*.wav"))
    before = SoftLabelClassifier.from_folder(model).classify_file(file)
    digest = open_checkpoint(place).digest
    shutil.rmtree(place)
    with pytest.raises(
        UnsafeModelError, match=f"encoder encoder, digest {digest}; give its place by"
    ):
        SoftLabelClassifier.from_folder(model)
    moved = SoftLabelClassifier.from_folder(model, encoders["whisper"]).classify_file(file)
    assert moved == before
    make_encoder(place, "whisper", seed=1)
    with pytest.raises(UnsafeModelError, match=f"digest {digest}; .* has another one"):
        SoftLabelClassifier.from_folder(model)


def test_an_embedded_encoder_goes_with_its_model_folder(everyday_release, tmp_path, encoders):
    place = tmp_path / "encoder"
    shutil.copytree(encoders["whisper"], place)
    options = ["--pretrained", str(place), "--embed_weights", "True"]
    model = run("pretrained", everyday_release, tmp_path / "run", *options)
    shutil.rmtree(place)
    file = next(everyday_release.rglob("*.wav"))
    said = SoftLabelClassifier.from_folder(model).classify_file(file)
    assert math.isclose(sum(said.distribution.values()), 1, abs_tol=1e-6)
    inside = model / "pretrained/model.safetensors"
    inside.rename(tmp_path / "outside")
    inside.symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafeModelError, match="isn't a plain file"):
        SoftLabelClassifier.from_folder(model)


def test_the_mean_of_a_clip_cannot_be_normalised_by_speaker(everyday_release, tmp_path, encoders):
    options = ["--pretrained", str(encoders["whisper"]), "--normalization", "speaker"]
    with pytest.raises(InputError, match="normalization must be corpus"):
        run("pretrained", everyday_release, tmp_path / "run", *options)
