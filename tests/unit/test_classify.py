"""`softlabels classify`: three layouts, standard input, and errors that name the file."""

import csv
import io
import json
import os

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.torch import save

from softlabels.cli import main
from softlabels.inference.settings import ModelSettings


@pytest.fixture
def model(tmp_path):
    network = {"kind": "blstm_attention", "hidden_size": 8, "lstm_size": 4, "frame_step": 3}
    settings = ModelSettings(("happy", "sad"), "mfcc", "corpus", network, 0.5, 1, "made up")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "settings.json").write_text(settings.to_json())
    flat = {name: torch.ones(t.shape) for name, t in settings.build().state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(flat))
    return str(folder)


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    return str(tmp_path / "a.wav")


def run(*arguments, **more):
    return CliRunner().invoke(main, ["classify", *arguments], **more)


def test_every_layout_says_the_same(model, recording):
    told = json.loads(run(model, recording, "--format", "json").stdout)
    assert told[0]["file"] == recording
    assert told[0]["distribution"] == pytest.approx({"happy": 0.5, "sad": 0.5})
    assert told[0]["entropy"] == pytest.approx(np.log(2))
    assert told[0]["abstained"] is True
    (row,) = csv.DictReader(io.StringIO(run(model, recording, "--format", "csv").stdout))
    assert (row["file"], row["abstained"], float(row["p_sad"])) == (recording, "true", 0.5)
    assert run(model, recording).stdout.split()[-5:] == [
        recording,
        "[happy]",
        "0.693",
        "0.50",
        "0.50",
    ]


def test_standard_input_is_a_recording(model, recording):
    with open(recording, "rb") as file:
        done = run(model, "-", "--format", "json", input=file.read())
    assert done.exit_code == 0
    assert json.loads(done.stdout)[0]["file"] == "-"


def test_a_file_may_have_any_name(model, recording, tmp_path):
    name = os.fsdecode(bytes(tmp_path / "a\nb") + b"\xff.wav")
    os.rename(recording, name)
    done = run(model, name)
    assert done.exit_code == 0, done.stderr
    assert "a\\nb\ufffd.wav  [happy]" in done.stdout


def test_what_cannot_be_read_is_named_and_the_rest_goes_on_only_if_asked_to(
    model, recording, tmp_path
):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    files = [str(tmp_path / "broken.wav"), recording]
    assert "standard input: 4 bytes" in run(model, "-", input=b"RIFF").stderr
    stopped = run(model, *files)
    assert (stopped.exit_code, stopped.stdout) == (1, "")
    assert "broken.wav: can't be read" in stopped.stderr
    went_on = run(model, *files, "--keep-going", "--format", "json")
    assert went_on.exit_code == 1
    assert "broken.wav: can't be read" in went_on.stderr
    assert [each["file"] for each in json.loads(went_on.stdout)] == [recording]


def test_the_models_notice_and_refusals_go_to_standard_error(model, recording, tmp_path):
    assert "made up" in run(model, recording).stderr
    (tmp_path / "model/settings.json").write_text("{}")
    refused = run(model, recording)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "settings.json" in refused.stderr
    assert run(str(tmp_path / "nowhere"), recording).exit_code == 2
    assert "softlabels classify" in run("--help").stdout
