"""Other networks by YAML alone: ECAPA-TDNN, and a tiny WavLM that is made here."""

import math
import sys
from pathlib import Path

import pytest
import torch
from iemocap_prepare import IEMOCAP
from speechbrain.inference.classifiers import EncoderClassifier

from softlabels.inference.classifier import SoftLabelClassifier
from softlabels.models.ecapa import ECAPA
from softlabels.models.wavlm import MeanLinear, WavLMEmbedding
from softlabels.training.main import main

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"


@pytest.fixture(autouse=True)
def excepthook(monkeypatch):
    """SpeechBrain sets a hook of its own for each run."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture(scope="module")
def tiny_wavlm(tmp_path_factory):
    """A folder with a random WavLM of two layers."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.WavLMConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8, 8),
        conv_kernel=(10, 8),
        conv_stride=(20, 16),
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        num_buckets=8,
        layerdrop=0.0,
    )
    folder = tmp_path_factory.mktemp("wavlm") / "tiny"
    transformers.WavLMModel(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
    return folder


def run(network, release, folder, *more):
    places = ["--data_folder", str(release), "--output_folder", str(folder)]
    short = ["--noprogressbar", "--number_of_epochs=2", "--batch_size=8"]
    main(IEMOCAP, [str(RECIPE / f"hparams/modified_soft_{network}.yaml"), *places, *short, *more])
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
    model = run("ecapa", everyday_release, tmp_path / "run", *small)
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


@pytest.mark.parametrize("head", ["linear", "blstm"])
@pytest.mark.parametrize("freeze", [True, False])
def test_wavlm_trains_by_yaml_alone(everyday_release, tmp_path, tiny_wavlm, head, freeze):
    small = ["--hidden_size", "8", "--lstm_size", "4", "--wavlm", str(tiny_wavlm)]
    how = ["--head", head, "--freeze", str(freeze), "--lr", "0.01"]
    model = run("wavlm", everyday_release, tmp_path / "run", *small, *how)
    said_by_speechbrain(model, next(everyday_release.rglob("*.wav")))
    assert not (model / "settings.json").exists()  # ours doesn't know this network
    trained = torch.load(model / "embedding_model.ckpt")
    before = WavLMEmbedding(str(tiny_wavlm), str(tmp_path), head=head, hidden_size=8, lstm_size=4)
    key = "wavlm.model.encoder.layers.0.attention.q_proj.weight"
    assert torch.equal(trained[key], before.state_dict()[key]) is freeze
    assert trained["layer_weights"].abs().max() > 0


def test_a_frozen_wavlm_says_the_same_in_training_and_weighs_its_layers(tiny_wavlm, tmp_path):
    model = WavLMEmbedding(str(tiny_wavlm), str(tmp_path), head="linear", hidden_size=5)
    audio = torch.randn(2, 8000, 1)
    assert torch.equal(model.train()(audio), model.eval()(audio))
    with torch.no_grad():
        model.layer_weights.copy_(torch.tensor([0.0, math.log(3), -torch.inf]))
        layers = model.wavlm(audio.squeeze(-1))
        mixed = (layers[0] + 3 * layers[1]) / 4
        assert torch.allclose(model(audio), model.head.linear(mixed.mean(dim=1)), atol=1e-5)


def test_the_mean_is_over_real_frames_alone():
    head, features = MeanLinear(3, 2), torch.randn(1, 10, 3)
    padded = torch.cat([features, torch.full((1, 10, 3), torch.nan)], dim=1)
    assert torch.allclose(head(padded, torch.tensor([0.5])), head(features))


def test_other_heads_and_features_raise(tiny_wavlm, tmp_path):
    with pytest.raises(ValueError, match="head must be one of"):
        WavLMEmbedding(str(tiny_wavlm), str(tmp_path), head="mlp")
    with pytest.raises(ValueError, match="neither a WavLM's folder"):
        WavLMEmbedding(str(tmp_path / "nowhere"), str(tmp_path))
    with pytest.raises(ValueError, match="raw audio"):
        WavLMEmbedding(str(tiny_wavlm), str(tmp_path))(torch.randn(2, 100, 40))
