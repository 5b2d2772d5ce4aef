"""Several processes: they train one model on the same batches, and die together."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pretrained_models import make_encoder

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"

EPOCHS = "--number_of_epochs=2"


def words(release, folder, *more, yaml="modified_soft"):
    """A training on the release, without dropout, in which processes differ."""
    script = [str(RECIPE / "train.py"), str(RECIPE / f"hparams/{yaml}.yaml")]
    script += ["--data_folder", str(release), "--output_folder", str(folder), "--dropout=0"]
    return [*script, "--hidden_size=16", "--lstm_size=8", "--noprogressbar", *more]


def torchrun(*script):
    """Start two processes that train."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*command, *script], env=environment, start_new_session=True)


@contextmanager
def pair(python, *script):
    """Start two processes that train, with torchrun's variables and without its imports."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    place = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                python.start(script, env={**place, "RANK": rank, "LOCAL_RANK": rank})
            )
            for rank in ("0", "1")
        ]


def rows(folder):
    with open(folder / "predictions.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_two_processes_train_what_one_does_and_write_each_file_once(
    python, everyday_release, tmp_path
):
    one, two = tmp_path / "one", tmp_path / "two"
    python(words(everyday_release, one, EPOCHS), check=True)
    assert torchrun(*words(everyday_release, two, EPOCHS)).wait(300) == 0
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


def test_two_processes_train_an_encoder_as_one_does(python, everyday_release, tmp_path):
    make_encoder(tmp_path / "whisper", "whisper")  # which has no dropout of its own
    how = [EPOCHS, "--freeze=False", "--pretrained", str(tmp_path / "whisper"), "--lr=0.01"]
    how += ["--lr_pretrained=0.001", "--num_workers=0", "--crop_seconds=0.1"]
    # 10 batches an epoch: the last one, by itself, is stepped on in both processes alike
    how += ["--grad_accumulation_factor=3"]
    one, two = tmp_path / "one", tmp_path / "two"
    python(words(everyday_release, one, *how, yaml="pretrained"), check=True)
    with pair(python, *words(everyday_release, two, *how, yaml="pretrained")) as processes:
        assert [process.wait(300) for process, *_ in processes] == [0, 0]
    assert_alike(one, two)


def test_a_batch_that_cannot_be_shared_is_refused(python, everyday_release, tmp_path):
    with pair(python, *words(everyday_release, tmp_path / "run", "--batch_size=7")) as processes:
        for process, _, errors in processes:
            assert process.wait(300) == 1
            message = "train.py: batch_size must be a multiple of 2, the processes; got 7"
            assert message in errors.read_text().splitlines()


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
    process = torchrun(*words(everyday_release, tmp_path / "run", "--number_of_epochs=100000"))
    deadline = time.monotonic() + 120
    while not (tmp_path / "run/train_log.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(ranks(process.pid)[1], signal.SIGKILL)
    assert process.wait(120) != 0
    assert not (tmp_path / "run/metrics.json").exists()
