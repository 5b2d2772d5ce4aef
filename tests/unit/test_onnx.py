"""ONNX files: a model's own distributions by onnxruntime alone, whatever the batch and lengths."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import soundfile
import torch
from click.testing import CliRunner
from pretrained_models import make_encoder
from safetensors.torch import save_file
from torch.nn.utils.rnn import pad_sequence

from softlabels.cli import main
from softlabels.features.frontends import feature_size
from softlabels.features.pretrained import PretrainedFrontEnd
from softlabels.features.pretrained.checkpoint import open_checkpoint
from softlabels.inference import SoftLabelClassifier
from softlabels.inference.pretrained import refer
from softlabels.inference.settings import ModelSettings

BLSTM = {"kind": "blstm_attention", "hidden_size": 8, "lstm_size": 4, "frame_step": 3}
ECAPA = {"kind": "ecapa_tdnn", "channels": 16, "attention_channels": 4, "embedding_size": 8}
LAYERS = {"kind": "layers", "layers": 3, "hidden_size": 8, "lstm_size": 4}
LENGTHS = ([0.7], [0.001], [0.02], [1.3, 0.25, 0.9], [0.1] * 4, [0.31, 2.5])  # seconds


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    parent = tmp_path_factory.mktemp("encoders")
    for name in ("whisper", "wavlm"):
        make_encoder(parent / name, name)
    return parent


def write_model(folder, frontend, network, **more):
    """Write a model folder of random weights; returns it."""
    settings = ModelSettings(
        ("happy", "sad", "angry"), frontend, more.pop("normalization", "corpus"), network, 0.5, 1,
        **more,
    )  # fmt: skip
    front_end = settings.front_end(folder)
    torch.manual_seed(0)
    weights = {}
    for name, tensor in settings.build(feature_size(front_end)).state_dict().items():
        spread = torch.rand(tensor.shape) + 0.5  # deviations are positive
        drawn = spread if tensor.dim() < 2 else torch.randn(tensor.shape) / tensor[0].numel() ** 0.5
        weights[name] = drawn.to(tensor.dtype)
    folder.mkdir()
    (folder / "settings.json").write_text(settings.to_json())
    save_file(weights, folder / "model.safetensors")
    return folder


def export(model, file):
    done = CliRunner().invoke(main, ["export", str(model), str(file)])
    assert done.exit_code == 0, done.stderr
    return done, onnxruntime.InferenceSession(file)


def padded(values):
    """A batch with what is no number beyond each one's own length."""
    counts = np.array([len(each) for each in values])
    batch = pad_sequence(values, batch_first=True, padding_value=torch.nan)
    more = torch.full((len(batch), 777, *batch.shape[2:]), torch.nan)
    return torch.cat([batch, more], dim=1).numpy(), counts


def differences(session, classifier, clips):
    """Compare a batch's probabilities with those of each clip alone by the model itself."""
    names = [each.name for each in session.get_inputs()]
    values = clips if names[0] == "audio" else [classifier.front_end(c[None])[0] for c in clips]
    outputs = session.run(None, dict(zip(names, padded(values), strict=True)))
    alone = [classifier.classify_file(clip, 16000) for clip in clips]
    expected = [list(each.distribution.values()) for each in alone]
    assert np.ptp(expected, axis=1).min() > 0.01  # no distribution is uniform
    if len(outputs) > 1:
        assert np.allclose(outputs[1], [each.precision for each in alone], rtol=1e-4)
    return np.abs(outputs[0] - expected).max()


def check(model, kind):
    _, session = export(model, model.parent / "model.onnx")
    classifier = SoftLabelClassifier.from_folder(model)
    assert session.get_inputs()[0].name == kind
    exact = classifier.settings.exact
    for seconds in LENGTHS if exact else LENGTHS[:3]:
        clips = [torch.randn(round(each * 16000)) / 10 for each in seconds]
        assert differences(session, classifier, clips) < 1e-4, seconds


@pytest.mark.parametrize("normalization", ["corpus", "speaker"])
@pytest.mark.parametrize(
    ("frontend", "kind"), [("mfcc", "audio"), ("fbank", "audio"), ("acoustic47", "features")]
)
def test_the_blstms_file_gives_each_clips_own_distribution(tmp_path, frontend, kind, normalization):
    check(write_model(tmp_path / "m", frontend, BLSTM, normalization=normalization), kind)


def test_ecapas_file_gives_a_clips_own_distribution_and_takes_batches(tmp_path):
    model = write_model(tmp_path / "m", "fbank80", ECAPA)
    check(model, "audio")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    clip = torch.randn(9000) / 10
    (p,) = session.run(None, {"audio": clip.expand(5, -1).numpy(), "samples": [9000] * 5})
    (alone,) = session.run(None, {"audio": clip[None].numpy(), "samples": [9000]})
    assert np.allclose(p, alone.repeat(5, axis=0), atol=1e-5)


@pytest.mark.parametrize(("output", "temperature"), [("softmax", 1.7), ("dirichlet", 0.6)])
@pytest.mark.parametrize("head", ["linear", "attention", "blstm"])
@pytest.mark.parametrize(("encoder", "kind"), [("whisper", "audio"), ("wavlm", "features")])
def test_a_pretrained_encoders_file_gives_each_clips_own_distribution(
    encoders, tmp_path, encoder, kind, head, output, temperature
):
    front_end = PretrainedFrontEnd(encoders / encoder, "weighted", frames=head != "linear")
    more = {"output": output, "temperature": temperature}
    network = {**LAYERS, "head": head}
    check(write_model(tmp_path / "m", refer(front_end, embedded=False), network, **more), kind)


@pytest.mark.parametrize("head", ["linear", "attention", "blstm"])
@pytest.mark.parametrize("layers", ["weighted", 1])
def test_a_trained_whispers_file_gives_each_clips_own_distribution(
    encoders, tmp_path, head, layers
):
    config = vars(open_checkpoint(encoders / "whisper").config)
    network = {"kind": "trained_encoder", "config": dict(config), "layers": layers, "head": head}
    network |= {"hidden_size": 8, "lstm_size": 4}
    check(write_model(tmp_path / "m", "audio", network), "audio")


def test_a_trained_encoder_of_the_waveform_is_refused_by_name(encoders, tmp_path):
    config = vars(open_checkpoint(encoders / "wavlm").config)
    network = {"kind": "trained_encoder", "config": dict(config), "layers": "last"}
    network |= {"head": "linear", "hidden_size": 8, "lstm_size": 4}
    model = write_model(tmp_path / "m", "audio", network)
    done = CliRunner().invoke(main, ["export", str(model), str(tmp_path / "a.onnx")])
    assert done.exit_code == 1
    assert "a trained wavlm can't be ONNX: only a trained Whisper can" in done.stderr


def test_whispers_file_refuses_what_is_longer_than_its_positions(encoders, tmp_path):
    reference = refer(PretrainedFrontEnd(encoders / "whisper"), embedded=False)
    network = {**LAYERS, "head": "linear"}
    _, session = export(write_model(tmp_path / "m", reference, network), tmp_path / "a.onnx")
    longest = 30 * 16000
    audio = np.zeros((1, longest + 640), dtype=np.float32)
    session.run(None, {"audio": audio, "samples": [longest]})
    with pytest.raises(Exception, match=r"positions|broadcast"):
        session.run(None, {"audio": audio, "samples": [longest + 640]})


def test_the_file_tells_its_classes_and_what_its_input_is(encoders, tmp_path):
    done, session = export(
        write_model(tmp_path / "m", "mfcc", BLSTM, notice="made up"), tmp_path / "a.onnx"
    )
    properties = session.get_modelmeta().custom_metadata_map
    assert json.loads(properties["classes"]) == ["happy", "sad", "angry"]
    expected = {"input": "audio", "front_end": "mfcc", "sample_rate": "16000", "notice": "made up"}
    assert expected.items() <= properties.items()
    assert "audio, samples → probabilities of happy, sad, angry" in done.stdout
    front_end = PretrainedFrontEnd(encoders / "wavlm", 1)
    network = {**LAYERS, "layers": 1, "head": "linear"}
    model = write_model(tmp_path / "n", refer(front_end, embedded=False), network)
    done, session = export(model, tmp_path / "b.onnx")
    properties = session.get_modelmeta().custom_metadata_map
    assert (properties["input"], properties["front_end"]) == ("features", "wavlm")
    assert json.loads(properties["pretrained"]) == {
        "digest": front_end.digest,
        "layers": 1,
        "features": "mean over the frames",
    }
    assert "the features are those of wavlm" in done.stderr
    onnx.checker.check_model(onnx.load(tmp_path / "b.onnx"))


def test_what_cannot_be_exported_is_named_and_leaves_the_old_file(tmp_path, monkeypatch):
    model, file = write_model(tmp_path / "m", "mfcc", BLSTM), tmp_path / "a.onnx"
    file.write_bytes(b"old")
    for name in ("onnx", "onnxruntime"):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, name, None)
            done = CliRunner().invoke(main, ["export", str(model), str(file)])
        assert done.exit_code == 1
        assert "pip install softlabels[onnx]" in done.stderr
    done = CliRunner().invoke(main, ["export", str(model), str(tmp_path / "a.pt")])
    assert (done.exit_code, "must end in .onnx" in done.stderr) == (1, True)
    monkeypatch.setattr("softlabels.inference.export.LARGEST", 1000)
    done = CliRunner().invoke(main, ["export", str(model), str(file)])
    assert "an ONNX file has at most 2 GiB" in done.stderr
    assert file.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.onnx", "m"]


def test_the_documents_ten_lines_need_onnxruntime_alone(tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parents[2] / "docs/model.md").read_text("utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (code,) = (each for each in snippets if "onnxruntime" in each)
    assert len(code.splitlines()) <= 10
    assert "torch" not in code
    assert "softlabels" not in code
    model = write_model(tmp_path / "m", "mfcc", BLSTM)
    export(model, tmp_path / "model.onnx")
    soundfile.write(tmp_path / "clip.wav", np.random.default_rng(0).normal(0, 0.1, 9000), 16000)
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    alone = SoftLabelClassifier.from_folder(model).classify_file("clip.wav")
    printed = dict(re.findall(r"(\w+) ([\d.]+)", capsys.readouterr().out))
    assert {name: float(p) for name, p in printed.items()} == pytest.approx(
        alone.distribution, abs=1e-3
    )
