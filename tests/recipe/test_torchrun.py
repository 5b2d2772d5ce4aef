"""Several processes: they train one model on the same batches, and die together."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pretrained_models import make_encoder

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"

EPOCHS = "--number_of_epochs=2"


def start(release, folder, processes, *more, yaml="modified_soft"):
    """Train on the release, without dropout, in which processes differ."""
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    command += [str(RECIPE / "train.py"), str(RECIPE / f"hparams/{yaml}.yaml")]
    command += ["--data_folder", str(release), "--output_folder", str(folder), "--dropout=0"]
    command += ["--hidden_size=16", "--lstm_size=8", "--noprogressbar", *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, start_new_session=True)


def rows(folder):
    with open(folder / "predictions.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_two_processes_train_what_one_does_and_write_each_file_once(everyday_release, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert start(everyday_release, one, 1, EPOCHS).wait(300) == 0
    assert start(everyday_release, two, 2, EPOCHS).wait(300) == 0
    names = [
        sorted(path.relative_to(folder).parts[0] for path in folder.iterdir())
        for folder in (one, two)
    ]
    assert names[0] == names[1]
    assert len((two / "train_log.txt").read_text().splitlines()) == 2
    assert json.loads((two / "metrics.json").read_text())["run"]["options"]["processes"] == 2
    assert_alike(one, two)


def assert_alike(one, two):
    for a, b in zip(rows(one), rows(two), strict=True):
        assert a["utterance"] == b["utterance"]
        for column in a:
            if column.startswith("p_"):
                assert float(a[column]) == pytest.approx(float(b[column]), abs=1e-3)


def test_two_processes_train_an_encoder_as_one_does(everyday_release, tmp_path):
    make_encoder(tmp_path / "whisper", "whisper")  # which has no dropout of its own
    how = [EPOCHS, "--freeze=False", "--pretrained", str(tmp_path / "whisper"), "--lr=0.01"]
    how += ["--lr_pretrained=0.001", "--num_workers=0", "--crop_seconds=0.1"]
    # 10 batches an epoch: the last one, by itself, is stepped on in both processes alike
    how += ["--grad_accumulation_factor=3"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert start(everyday_release, one, 1, *how, yaml="pretrained").wait(300) == 0
    assert start(everyday_release, two, 2, *how, yaml="pretrained").wait(300) == 0
    assert_alike(one, two)


def test_a_batch_that_cannot_be_shared_is_refused(everyday_release, tmp_path):
    process = start(everyday_release, tmp_path / "run", 2, "--batch_size=7")
    assert process.wait(300) != 0


def ranks(parent):
    """Processes below a process that have a rank: rank → process id."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            about = (folder / "environ").read_bytes().split(b"\0")
            above = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        for each in about:
            if each.startswith(b"RANK=") and above == parent:
                found[int(each[5:])] = int(folder.name)
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="finds processes in /proc")
def test_a_process_that_dies_ends_all_with_an_error(everyday_release, tmp_path):
    process = start(everyday_release, tmp_path / "run", 2, "--number_of_epochs=100000")
    deadline = time.monotonic() + 120
    while not (tmp_path / "run/train_log.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(ranks(process.pid)[1], signal.SIGKILL)
    assert process.wait(120) != 0
    assert not (tmp_path / "run/metrics.json").exists()
