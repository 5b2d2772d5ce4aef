"""Model folders with a pretrained encoder from anybody: what doesn't fit is refused by name."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from pretrained_models import make_encoder
from safetensors.torch import load_file, save_file

from softlabels.cli import main
from softlabels.features.pretrained import PretrainedFrontEnd, open_checkpoint
from softlabels.features.pretrained.checkpoint import write_checkpoint
from softlabels.inference.pretrained import refer
from softlabels.inference.settings import ModelSettings


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    parent = tmp_path_factory.mktemp("encoders")
    for name in ("whisper", "wavlm"):
        make_encoder(parent / name, name)
    return parent


@pytest.fixture(params=["whisper", "wavlm"])
def encoder(encoders, request):
    return encoders / request.param


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, 4000), 16000)
    return str(tmp_path / "a.wav")


def write_model(folder, encoder, embedded=True):
    """Write a model folder on an encoder; returns it."""
    front_end = PretrainedFrontEnd(encoder)
    sizes = {"hidden_size": 4, "lstm_size": 2, "layers": front_end.layers}
    settings = ModelSettings(
        ("happy", "sad"),
        refer(front_end, embedded),
        "corpus",
        {"kind": "layers", "head": "linear", **sizes},
        0.5,
        1,
    )
    folder.mkdir()
    state = settings.build(front_end.size).state_dict()
    save_file({name: torch.ones(each.shape) for name, each in state.items()},
              folder / "model.safetensors")  # fmt: skip
    (folder / "settings.json").write_text(settings.to_json())
    if embedded:
        write_checkpoint(front_end.checkpoint, folder / "pretrained")
    return folder


def change(file, **more):
    file.write_text(json.dumps({**json.loads(file.read_text()), **more}))


def name_digest_of(encoder, model):
    """Let the model folder name the digest of an encoder that was changed."""
    settings = json.loads((model / "settings.json").read_text())
    settings["frontend"]["digest"] = open_checkpoint(encoder).digest
    (model / "settings.json").write_text(json.dumps(settings))


def refusal(model, recording, *more):
    done = CliRunner().invoke(main, ["classify", str(model), recording, *more])
    assert (done.exit_code, done.stdout) == (1, ""), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert len(done.stderr.splitlines()) < 8
    return done.stderr


def test_a_whole_folder_classifies_with_the_encoder_in_it_or_beside_it(
    encoder, recording, tmp_path
):
    for embedded in (True, False):
        model = write_model(tmp_path / str(embedded), encoder, embedded)
        done = CliRunner().invoke(main, ["classify", str(model), recording])
        assert done.exit_code == 0, done.stderr
        change(encoder / "config.json", auto_map={"AutoModel": "evil.Evil"}, a=1)  # not read
        assert CliRunner().invoke(main, ["classify", str(model), recording]).exit_code == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"model_type": "bert"}, "model_type must be one of"),
        ({"model_type": ["whisper"]}, "model_type must be one of"),
        ({"d_model": 10**12, "hidden_size": 10**12}, "must be a whole number"),
        ({"encoder_layers": -1, "num_hidden_layers": -1}, "must be a whole number"),
        ({"activation_function": "eval", "hidden_act": "eval"}, "must be one of"),
        ({"d_model": True, "hidden_size": True}, "must be a whole number"),
    ],
)
def test_a_config_of_values_beyond_bounds_is_refused_by_name(
    encoder, recording, tmp_path, fields, message
):
    model = write_model(tmp_path / "model", encoder)
    change(model / "pretrained/config.json", **fields)
    stderr = refusal(model, recording)
    assert message in stderr
    assert "the model needs the pretrained encoder" in stderr


@pytest.mark.parametrize("text", ["", "null", "[]", "[" * 100_000, "\x00", "{" + " " * (1 << 20)])
@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_config_that_is_none_is_refused_by_name(encoders, recording, tmp_path, name, text):
    model = write_model(tmp_path / "model", encoders / "wavlm")
    (model / "pretrained" / name).write_text(text)
    assert name in refusal(model, recording)


def test_sizes_within_bounds_that_the_weights_have_not_are_refused(encoder, recording, tmp_path):
    """Even where the folder names the digest of just these: no memory is taken for them."""
    model = write_model(tmp_path / "model", encoder)
    largest = {"encoder_ffn_dim": 32768, "intermediate_size": 32768}
    change(model / "pretrained/config.json", **largest)
    name_digest_of(model / "pretrained", model)
    assert "the weights are not those of its config" in refusal(model, recording)


def test_sizes_that_make_no_network_are_refused(encoder, recording, tmp_path):
    model = write_model(tmp_path / "model", encoder)
    change(
        model / "pretrained/config.json", encoder_attention_heads=7, num_conv_pos_embedding_groups=7
    )
    name_digest_of(model / "pretrained", model)
    assert "make no network" in refusal(model, recording)


def test_weights_that_are_missing_or_of_other_shapes_are_refused(encoder, recording, tmp_path):
    model = write_model(tmp_path / "model", encoder)
    file = model / "pretrained/model.safetensors"
    weights = load_file(file)
    first = sorted(weights)[0]
    for changed in (
        {name: each for name, each in weights.items() if name != first},
        {**weights, first: torch.zeros(3)},
    ):
        save_file(changed, file)
        name_digest_of(model / "pretrained", model)
        assert "the weights are not those of its config" in refusal(model, recording)
    save_file({**weights, first: torch.full_like(weights[first], torch.nan)}, file)
    name_digest_of(model / "pretrained", model)
    assert "gave no distribution: its weights are damaged" in refusal(model, recording)
    file.write_bytes(b"\xff" * 100)
    assert "isn't a safetensors file" in refusal(model, recording)


@pytest.mark.parametrize("embedded", [True, False])
def test_other_weights_under_the_same_name_are_refused_with_both_digests(
    tmp_path, recording, embedded
):
    make_encoder(tmp_path / "encoder", "wavlm")
    model = write_model(tmp_path / "model", tmp_path / "encoder", embedded)
    place = model / "pretrained" if embedded else tmp_path / "encoder"
    needed = open_checkpoint(place).digest
    make_encoder(tmp_path / "other", "wavlm", seed=1)
    shutil.copy(tmp_path / "other/model.safetensors", place)
    stderr = refusal(model, recording)
    assert needed in stderr
    assert open_checkpoint(place).digest in stderr
    assert "Give its place by --pretrained" in stderr
    make_encoder(tmp_path / "encoder", "wavlm")
    right = ["--pretrained", str(tmp_path / "encoder")]
    assert CliRunner().invoke(main, ["classify", str(model), recording, *right]).exit_code == 0


def test_a_missing_encoder_is_named_with_its_digest(encoder, recording, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    copied = shutil.copytree(encoder, tmp_path / "copied")
    digest = open_checkpoint(copied).digest
    embedded = write_model(tmp_path / "embedded", copied)
    beside = write_model(tmp_path / "beside", copied, embedded=False)
    shutil.rmtree(copied)
    shutil.rmtree(embedded / "pretrained")
    for model in (embedded, beside):
        stderr = refusal(model, recording)
        assert f"needs the pretrained encoder copied, digest {digest}" in stderr


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessor_config.json"])
def test_links_pipes_and_folders_in_an_embedded_encoder_are_refused(
    encoders, recording, tmp_path, name
):
    model = write_model(tmp_path / "model", encoders / "wavlm")
    file = model / "pretrained" / name
    file.rename(tmp_path / "outside")
    for make in (lambda: file.symlink_to(tmp_path / "outside"), lambda: os.mkfifo(file)):
        make()
        assert f"{name}: isn't a plain file" in refusal(model, recording)
        file.unlink()
    file.mkdir()
    assert f"{name}: isn't a plain file" in refusal(model, recording)


def test_an_embedded_encoder_that_is_a_link_is_refused(encoder, recording, tmp_path):
    model = write_model(tmp_path / "model", encoder)
    (model / "pretrained").rename(tmp_path / "outside")
    (model / "pretrained").symlink_to(tmp_path / "outside")
    assert "isn't a plain file or folder" in refusal(model, recording)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_pipe_in_a_place_that_the_folder_names_is_not_waited_for(
    encoder, recording, tmp_path, name
):
    copied = shutil.copytree(encoder, tmp_path / "copied")
    model = write_model(tmp_path / "model", copied, embedded=False)
    (copied / name).unlink()
    os.mkfifo(copied / name)
    assert name[-11:] in refusal(model, recording)


def test_weights_larger_than_an_encoder_are_not_read(encoder, recording, tmp_path):
    model = write_model(tmp_path / "model", encoder)
    with open(model / "pretrained/model.safetensors", "r+b") as file:
        file.truncate(10 * 2**30)
    assert "too large" in refusal(model, recording)
