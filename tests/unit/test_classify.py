"""`softlabels classify`: three layouts, standard input, and errors that name the file."""

import csv
import io
import json
import os

import matplotlib.image
import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.torch import save

from softlabels.cli import main
from softlabels.errors import InputError
from softlabels.inference.settings import ModelSettings
from softlabels.report.over_time import draw_over_time, spans


@pytest.fixture
def model(tmp_path):
    network = {"kind": "blstm_attention", "hidden_size": 8, "lstm_size": 4, "frame_step": 3}
    settings = ModelSettings(("happy", "sad"), "mfcc", "corpus", network, 0.5, 1, "made up")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "settings.json").write_text(settings.to_json())
    flat = {name: torch.ones(t.shape) for name, t in settings.build(60).state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(flat))
    return str(folder)


@pytest.fixture
def recording(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(8000), 8000)
    return str(tmp_path / "a.wav")


def run(*arguments, **more):
    return CliRunner().invoke(main, ["classify", *arguments], **more)


def test_every_layout_holds_the_same(model, recording):
    rows = json.loads(run(model, recording, "--format", "json").stdout)
    assert rows[0]["file"] == recording
    assert rows[0]["distribution"] == pytest.approx({"happy": 0.5, "sad": 0.5})
    assert rows[0]["entropy"] == pytest.approx(np.log(2))
    assert rows[0]["abstained"] is True
    (row,) = csv.DictReader(io.StringIO(run(model, recording, "--format", "csv").stdout))
    assert (row["file"], row["abstained"], float(row["p_sad"])) == (recording, "true", 0.5)
    assert run(model, recording).stdout.split()[-6:] == [
        recording,
        "[happy]",
        "0.693",
        "1",
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


def test_what_cannot_be_read_is_named_and_the_rest_is_classified(model, recording, tmp_path):
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[:-1000])
    files = [str(tmp_path / "broken.wav"), recording, str(tmp_path / "cut.wav")]
    assert "standard input: 4 bytes" in run(model, "-", input=b"RIFF").stderr
    done = run(model, *files, "--format", "json")
    assert done.exit_code == 1
    assert "broken.wav: can't be read" in done.stderr
    assert "cut.wav: truncated: its header announces 1000 bytes more" in done.stderr
    assert [each["file"] for each in json.loads(done.stdout)] == [recording]


def test_a_folders_audio_is_classified_in_sorted_order(model, recording, tmp_path):
    folder = tmp_path / "recordings"
    (folder / "b").mkdir(parents=True)
    for name in ("c.WAV", "b/z.wav", "b/a.flac"):
        soundfile.write(folder / name, np.zeros(8000), 8000, format=name[-4:].strip("."))
    for name in ("notes.txt", "._c.wav"):
        (folder / name).write_text("no audio")
    done = run(model, str(folder), recording, "--format", "csv")
    assert done.exit_code == 0, done.stderr
    assert [row["file"] for row in csv.DictReader(io.StringIO(done.stdout))] == [
        *(str(folder / name) for name in ("b/a.flac", "b/z.wav", "c.WAV")),
        recording,
    ]
    assert "2 other files are left out" in done.stderr


def test_a_folder_without_audio_is_an_error(model, tmp_path):
    (tmp_path / "empty").mkdir()
    done = run(model, str(tmp_path / "empty"))
    assert (done.exit_code, done.stdout) == (1, "")
    assert "empty holds no audio; the endings are .aif" in done.stderr


def test_a_long_recording_is_the_mean_of_windows_and_each_is_a_row(model, tmp_path):
    path = str(tmp_path / "long.wav")
    soundfile.write(path, np.zeros(50 * 8000), 8000)
    whole = run(model, path, "--format", "json")
    assert json.loads(whole.stdout)[0]["windows"] == 2
    assert "has their mean" in whole.stderr
    assert "threshold set on single clips" in whole.stderr
    done = run(model, path, "--windows", "--format", "csv")
    rows = [*csv.DictReader(io.StringIO(done.stdout))]
    assert [(float(row["start"]), float(row["end"])) for row in rows] == [(0, 40), (10, 50)]
    assert [(row["file"], row["label"], row["p_sad"]) for row in rows] == [
        (path, "happy", "0.5")
    ] * 2
    parts = json.loads(run(model, path, "--windows", "--format", "json").stdout)
    assert parts[1] == {
        "file": path,
        "start": 10.0,
        "end": 50.0,
        "label": "happy",
        "distribution": pytest.approx({"happy": 0.5, "sad": 0.5}),
    }
    text = run(model, path, "--windows").stdout.splitlines()
    assert text[0].split() == ["file", "start", "end", "label", "happy", "sad"]
    assert text[2].split()[1:] == ["10.0", "50.0", "happy", "0.50", "0.50"]


def test_windows_are_drawn_over_time_a_panel_a_recording(model, recording, tmp_path):
    long, picture = str(tmp_path / "long.wav"), tmp_path / "over_time.png"
    soundfile.write(long, np.zeros(50 * 8000), 8000)
    heights = []
    for files in ([recording], [recording, long]):
        done = run(model, *files, "--windows", "--picture", str(picture))
        assert done.exit_code == 0, done.stderr
        assert "label" in done.stdout
        heights.append(matplotlib.image.imread(picture).shape[0])
    assert heights[1] > heights[0]
    done = run(model, recording, "--picture", str(picture))
    assert (done.exit_code, "give --windows too" in done.stderr) == (2, True)
    with pytest.raises(InputError, match="at most 20 recordings; got 21"):
        draw_over_time({str(name): [] for name in range(21)}, picture)


def test_where_windows_overlap_the_picture_has_their_mean():
    windows, shares = [(0, 40), (20, 60), (30, 70)], np.eye(3)
    times, means = spans(windows, shares)
    assert times.tolist() == [0, 20, 30, 40, 60, 70]
    third, half = [1 / 3] * 3, [0, 0.5, 0.5]
    assert np.allclose(means, [[1, 0, 0], [0.5, 0.5, 0], third, half, [0, 0, 1]])


def test_the_models_notice_and_refusals_go_to_standard_error(model, recording, tmp_path):
    assert "made up" in run(model, recording).stderr
    (tmp_path / "model/settings.json").write_text("{}")
    refused = run(model, recording)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "settings.json" in refused.stderr
    assert run(str(tmp_path / "nowhere"), recording).exit_code == 2
    assert "softlabels classify" in run("--help").stdout
