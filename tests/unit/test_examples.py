"""Every command's help has examples, and each of them runs."""

import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner
from safetensors.torch import save

from softlabels.cli import main
from softlabels.cli.group import COMMANDS
from softlabels.inference.settings import ModelSettings

CLASSES = ("neutral", "happy", "sad", "angry")
QUICK = ["--number_of_epochs", "1", "--hidden_size", "8", "--lstm_size", "4"]  # of a training
NAMES = [command.name for command in COMMANDS]


def examples(name):
    """Return the commands that a command's help shows."""
    text = CliRunner().invoke(main, [name, "--help"], terminal_width=200).stdout
    shown = re.split(r"^ *Examples?:\n", text, flags=re.MULTILINE)[1].partition("\n\n")[0]
    return [line.strip() for line in re.sub(r"\\\n", " ", shown).splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    random = np.random.default_rng(0)
    rows, speakers = ["clip,annotator,label,speaker"], ["clip,speaker"]
    for number in range(60):
        noise = random.normal(0, 0.1, 4800)
        for place in ("wavs", "recordings"):
            (folder / place).mkdir(exist_ok=True)
            soundfile.write(folder / place / f"clip{number}.wav", noise, 16000)
        label, speaker = CLASSES[number % 4], f"s{number // 4 % 6}"
        other = CLASSES[number % 3] if number % 5 == 0 else label
        rows += [f"clip{number},{who},{label},{speaker}" for who in ("ann", "bob")]
        rows += [f"clip{number},cat,{other},{speaker}"]
        speakers += [f"clip{number},{speaker}"]
    (folder / "votes.csv").write_text("\n".join(rows) + "\n")
    (folder / "speakers.csv").write_text("\n".join(speakers) + "\n")
    counts = [f"c{n},{3 - n % 3},{n % 3},{n % 2},{1 + n}" for n in range(12)]
    (folder / "clips.csv").write_text("\n".join(["clip,song,call,noise,seconds", *counts]) + "\n")
    for name in ("a.wav", "b.flac", "interview.wav"):
        soundfile.write(folder / name, random.normal(0, 0.1, 16000), 16000)
    write_model(folder / "results/model")
    conftest = runpy.run_path(str(Path(__file__).parent / "report/conftest.py"))
    rows = {**conftest["ROWS"], "soft / clear + ambiguous": conftest["SOFT"]}
    conftest["write_sweep"](folder / "results/reproduction", rows=rows)
    return folder


def write_model(folder):
    network = {"kind": "blstm_attention", "hidden_size": 8, "lstm_size": 4, "frame_step": 3}
    settings = ModelSettings(CLASSES, "mfcc", "corpus", network, 0.5, 1, "made up")
    folder.mkdir(parents=True)
    (folder / "settings.json").write_text(settings.to_json())
    flat = {name: torch.ones(t.shape) for name, t in settings.build(60).state_dict().items()}
    (folder / "model.safetensors").write_bytes(save(flat))


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example(name):
    assert any(f"softlabels {name}" in line for line in examples(name))


@pytest.mark.parametrize("line", [line for name in NAMES for line in examples(name)])
def test_an_example_runs(line, folder, monkeypatch):
    monkeypatch.chdir(folder)
    words = shlex.split(line)
    output = words.pop() if words[-2] == ">" else None
    words = words[:-1] if output else words
    given = io.BufferedReader(io.FileIO(words[1])) if words[0] == "cat" else None
    words = words[words.index("softlabels") + 1 :]
    quick = QUICK if words[0] == "train" else []
    done = CliRunner().invoke(main, [*words, *quick], input=given, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    if output:
        Path(output).write_text(done.stdout)
    if "json" in words:
        json.loads(done.stdout, parse_constant=pytest.fail)  # NaN and Infinity are not JSON
    if "--picture" in words:
        assert Path(words[words.index("--picture") + 1]).stat().st_size > 1000


def test_without_arguments_the_commands_are_listed_in_the_order_of_work():
    shown = CliRunner().invoke(main, [], terminal_width=80).output
    listed = re.findall(r"^  (\w+) {2,}\S.*[.?]$", shown.partition("Commands")[2], re.MULTILINE)
    assert listed == NAMES
    assert listed.index("audit") < listed.index("encode") < listed.index("train")
    assert listed.index("train") < listed.index("classify")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_completes(shell):
    # a bash that is installed is asked for its version
    environment = {**os.environ, "_SOFTLABELS_COMPLETE": f"{shell}_source"}
    command = [sys.executable, "-m", "softlabels"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "_SOFTLABELS_COMPLETE" in done.stdout
