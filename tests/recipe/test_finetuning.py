"""An encoder that is trained with its head: batches, rates, resuming, and its model folder."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from iemocap_prepare import IEMOCAP
from pretrained_models import make_encoder
from speechbrain.inference.classifiers import EncoderClassifier

from softlabels.features.pretrained import open_checkpoint
from softlabels.features.pretrained.encoder import load_encoder
from softlabels.inference.classifier import SoftLabelClassifier
from softlabels.inference.loading import UnsafeModelError
from softlabels.models.pretrained_network import embedding, front_end
from softlabels.models.trained_encoder import TrainedEncoder, merged
from softlabels.training.brain import SoftLabelBrain
from softlabels.training.main import main

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"
NAMES = ("whisper", "wavlm", "wav2vec2-large", "data2vec-audio")
SHORT = ["--noprogressbar", "--number_of_epochs=2", "--hidden_size=8", "--lstm_size=4"]


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """Folders of tiny random pretrained encoders: name → folder."""
    parent = tmp_path_factory.mktemp("encoders")
    for name in NAMES:
        make_encoder(parent / name, name)
    return {name: parent / name for name in NAMES}


def run(release, folder, encoder, *more, workers=0):
    places = ["--data_folder", str(release), "--output_folder", str(folder)]
    network = [str(RECIPE / "hparams/pretrained.yaml"), "--pretrained", str(encoder)]
    main(IEMOCAP, [*network, *places, *SHORT, "--freeze=False", f"--num_workers={workers}", *more])
    return folder / "model"


def network(encoder, layers="weighted", head="linear", checkpointing=False, rank=0):
    """Build a network for training."""
    torch.manual_seed(0)
    of = front_end(str(encoder), layers, head, freeze=False)
    return embedding(of, False, checkpointing, rank, head=head, hidden_size=8, lstm_size=4)


@pytest.mark.parametrize(("name", "head"), [("whisper", "linear"), ("wavlm", "blstm")])
def test_an_encoder_is_trained_with_a_learning_rate_of_its_own(
    everyday_release, tmp_path, encoders, name, head
):
    how = ["--head", head, "--lr", "0.01", "--lr_pretrained", "0.001"]
    model = run(everyday_release, tmp_path / "run", encoders[name], *how)
    trained = torch.load(model / "embedding_model.ckpt")
    before = load_encoder(open_checkpoint(encoders[name])).state_dict()
    moved = {key: (trained[f"encoder.{key}"] - each).abs().max() for key, each in before.items()}
    within = [key for key in moved if ".layers.1." in key and key.endswith("weight")]
    # 11 batches twice, in which AdamW moves a weight by about the learning rate at most
    assert all(0 < moved[key] < 0.001 * 30 for key in within)
    under = [key for key in moved if ".conv1." in key or ".feature_extractor." in key]
    assert under
    assert all(moved[key] == 0 for key in under)


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_the_batch_change_nothing(encoders, name):
    model = network(encoders[name], head="attention").eval()
    audio = torch.randn(2, 8000, 1)
    alone = model(audio[:1, :4000])
    audio[0, 4000:] = torch.nan
    assert torch.allclose(model(audio, torch.tensor([0.5, 1.0]))[:1], alone, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_every_weight_that_is_trained_has_a_gradient(encoders, name):
    for layers in ("weighted", 1):  # torchrun's processes would wait for the others
        model = network(encoders[name], layers)
        model(torch.randn(2, 8000, 1), torch.tensor([0.5, 1.0])).square().sum().backward()
        unused = [k for k, p in model.named_parameters() if p.requires_grad and p.grad is None]
        assert not unused


def test_gradients_are_the_same_with_layers_computed_again(encoders):
    audio, gradients = torch.randn(2, 8000, 1), []
    for checkpointing in (False, True):
        model = network(encoders["wavlm"], checkpointing=checkpointing)
        torch.manual_seed(1)
        model(audio, torch.tensor([0.5, 1.0])).square().sum().backward()
        gradients.append([each.grad for each in model.parameters() if each.grad is not None])
    assert all(map(torch.equal, *gradients))


def test_a_long_clip_is_its_windows_after_one_another(encoders, monkeypatch):
    model = network(encoders["whisper"]).eval()
    wav = 0.1 * torch.randn(1, 3200, 1)
    whole = model.encoder.batch([wav[0, :, 0]], model.last)[0]
    model.encoder.longest = 1600
    layers, frames, windows = model.encoder.batch([wav[0, :, 0], wav[0, :800, 0]], model.last)
    assert (frames, windows) == ([5, 5, 3], [2, 1])
    assert layers[0].shape == (3, 5, 16)
    assert whole[0].shape == (1, 10, 16)
    assert model(wav).shape == (1, 16)


@pytest.mark.parametrize("name", ["whisper", "wavlm"])
def test_low_rank_matrices_alone_are_trained_and_are_merged_to_the_same(encoders, name):
    model = network(encoders[name], rank=2)
    trained = [key for key, each in model.encoder.named_parameters() if each.requires_grad]
    assert len(trained) == 2 * 2 * 2  # layers of the Transformer, of each, matrices
    assert all("lora_" in key for key in trained)
    with torch.no_grad():
        for key, each in model.encoder.named_parameters():
            if "lora_B" in key:  # 0 at first
                each.normal_()
    plain, audio = merged(model.eval()), torch.randn(1, 8000, 1)
    assert torch.allclose(plain(audio), model(audio), atol=1e-5)
    assert not torch.allclose(plain(audio), network(encoders[name]).eval()(audio), atol=1e-3)
    assert plain.state_dict().keys() == network(encoders[name]).state_dict().keys()


def test_killed_and_resumed_it_ends_as_if_it_had_never_been(
    everyday_release, tmp_path, encoders, monkeypatch
):
    how = ["--crop_seconds=0.1", "--batch_seconds=0.6", "--warmup=0.7", "--lr_pretrained=0.01"]
    how += ["--grad_accumulation_factor=3", "--freeze_convolutions=False"]
    release = shutil.copytree(everyday_release, tmp_path / "release")
    lengthen(release)
    run(release, tmp_path / "whole", encoders["wavlm"], *how)
    fit_batch = SoftLabelBrain.fit_batch

    def killed(brain, batch):
        if brain.hparams.epoch_counter.current == 2 and brain.step == 5:
            raise KeyboardInterrupt
        return fit_batch(brain, batch)

    with monkeypatch.context() as patch:
        patch.setattr(SoftLabelBrain, "fit_batch", killed)
        with pytest.raises(KeyboardInterrupt):
            run(release, tmp_path / "killed", encoders["wavlm"], *how, workers=2)
    run(release, tmp_path / "killed", encoders["wavlm"], *how)
    for name in ("predictions.csv", "metrics.json", "model/model.safetensors"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def lengthen(release):
    """Make clips of 0.1 to 0.3 s of those of 0.1 s."""
    import soundfile

    for number, file in enumerate(sorted(release.rglob("*.wav"))):
        samples, rate = soundfile.read(file)
        soundfile.write(file, np.tile(samples, 3)[: len(samples) + 160 * (number % 20)], rate)


def test_the_last_batches_of_an_epoch_are_stepped_on_and_rates_rise_at_first(
    everyday_release, tmp_path, encoders, monkeypatch
):
    rates, fit_batch = [], SoftLabelBrain.fit_batch

    def noted(brain, batch):
        loss = fit_batch(brain, batch)
        of = {part: each.param_groups[0]["lr"] for part, each in brain.optimizers_dict.items()}
        rates.append((brain.optimizer_step, of[""], of["embedding_model.encoder"]))
        return loss

    monkeypatch.setattr(SoftLabelBrain, "fit_batch", noted)
    how = ["--grad_accumulation_factor=4", "--warmup=0.5", "--lr=0.01", "--lr_final=0.01"]
    run(everyday_release, tmp_path / "run", encoders["whisper"], *how, "--lr_pretrained=0.001")
    # 74 utterances are 10 batches an epoch: updates after 4, 8 and 10 of them
    steps = [0, 0, 0, 1, 1, 1, 1, 2, 2, 3]
    assert [each[0] for each in rates] == [*steps, *(3 + step for step in steps)]
    # half of 6 updates: a third, two thirds, and then all of each rate
    risen = [1 / 3] * 4 + [2 / 3] * 4 + [1.0] * 12
    assert [each[1] for each in rates] == pytest.approx([0.01 * each for each in risen])
    assert [each[2] for each in rates] == pytest.approx([0.001 * each for each in risen])


def test_bf16_is_in_effect_and_the_loss_is_float32(
    everyday_release, tmp_path, encoders, monkeypatch
):
    types, forward, objectives = set(), TrainedEncoder.forward, SoftLabelBrain.compute_objectives

    def noted(model, *inputs):
        if model.training:
            types.add(("autocast", torch.is_autocast_enabled("cpu")))
            projected = model.encoder.encoder.layers[0].self_attn.q_proj(torch.ones(1, 1, 16))
            types.add(("projected", projected.dtype))
        return forward(model, *inputs)

    def loss_of(brain, *inputs, **stage):
        loss = objectives(brain, *inputs, **stage)
        types.add(("loss", loss.dtype))
        return loss

    monkeypatch.setattr(TrainedEncoder, "forward", noted)
    monkeypatch.setattr(SoftLabelBrain, "compute_objectives", loss_of)
    run(everyday_release, tmp_path / "run", encoders["whisper"], "--precision=bf16")
    assert types == {
        ("autocast", True),
        ("projected", torch.bfloat16),
        ("loss", torch.float32),
    }


@pytest.fixture(scope="module")
def finished(everyday_release, tmp_path_factory, encoders):
    """A model folder by low-rank matrices, and the encoder that it began with, which is gone."""
    place = tmp_path_factory.mktemp("finished")
    begun = shutil.copytree(encoders["wavlm"], place / "encoder")
    model = run(everyday_release, place / "run", begun, "--lora_rank=2", "--head=attention")
    shutil.rmtree(begun)
    return model


def test_both_classes_say_the_same_without_the_encoder_that_training_began_with(
    finished, everyday_release
):
    files = sorted(everyday_release.rglob("*.wav"))[:3]
    ours = SoftLabelClassifier.from_folder(finished).classify_files(files)
    theirs = EncoderClassifier.from_hparams(source=str(finished))
    for file, each in zip(files, ours, strict=True):
        expected = theirs.classify_file(str(file))[0][0].exp().tolist()
        assert list(each.distribution.values()) == pytest.approx(expected, abs=1e-5)
        assert math.isclose(sum(expected), 1, abs_tol=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"config": {"architecture": "bert"}}, "model_type must be one of"),
        ({"config": {"auto_map": "x.py"}}, "config must hold"),
        ({"fields": {"hidden_size": 10**9}}, "hidden_size of wavlm must be a whole number"),
        ({"fields": {"hidden_size": 15}}, "must be divisible"),
        ({"fields": {"hidden_act": "eval"}}, "hidden_act of wavlm must be one of"),
        ({"fields": {"conv_stride": [64] * 2, "conv_kernel": [64, 64]}}, "tensors|must be"),
        ({"fields": {"_attn_implementation": "x/y"}}, "fields must be among"),
        ({"network": {"layers": 3}}, "layers must be 0 to 2"),
        ({"network": {"head": "eval"}}, "head must be one of"),
        ({"settings": {"frontend": "mfcc"}}, "frontend must be audio"),
    ],
)
def test_a_folder_with_another_config_is_refused(finished, tmp_path, change, message):
    folder = shutil.copytree(finished, tmp_path / "model")
    (folder / "digests.json").unlink()
    settings = json.loads((folder / "settings.json").read_text())
    of = {"settings": settings, "network": settings["network"]}
    of["config"] = of["network"]["config"]
    of["fields"] = of["config"]["fields"]
    for part, values in change.items():
        of[part].update(values)
    (folder / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(UnsafeModelError, match=message):
        SoftLabelClassifier.from_folder(folder)
