"""Trials: in processes of their own, none left behind, and one holder of a folder at a time."""

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

from softlabels.locks import hold, holder
from softlabels.sweep.trials import Trial, run_trials, status

SCRIPT = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[-1])
(folder / "pid").write_text(str(os.getpid()))
if "fail" in sys.argv: sys.exit("no such emotion")
if "hang" in sys.argv: time.sleep(600)
(folder / "metrics.json").write_text(os.environ["OMP_NUM_THREADS"])
"""


@pytest.fixture
def trial(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def make(name, *arguments):
        return Trial(name, script, arguments, tmp_path / name)

    return make


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_failed_trial_tells_its_logs_end_and_the_others_go_on(trial, tmp_path):
    trials = [trial("a"), trial("b", "fail"), trial("c")]
    with hold(tmp_path):
        failures = run_trials(trials, tmp_path, jobs=2, progressbar=False)
    assert [each.trial.name for each in failures] == ["b"]
    assert "no such emotion" in failures[0].reason
    assert [status(each) for each in trials] == ["done", "failed", "done"]


def test_a_trials_threads_do_not_follow_from_the_number_of_jobs(trial, tmp_path):
    with hold(tmp_path):
        run_trials([trial("a"), trial("b")], tmp_path, jobs=2, threads=3, progressbar=False)
    assert (tmp_path / "a/metrics.json").read_text() == "3"


def test_trials_need_a_folder_that_the_caller_holds(trial, tmp_path):
    with pytest.raises(ValueError, match="must be held"):
        run_trials([trial("a")], tmp_path, jobs=1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_sweep_leaves_no_trial_running(trial, tmp_path, number):
    trial("a")  # writes the script
    code = (
        "from pathlib import Path; from softlabels.sweep.trials import *; "
        "from softlabels.locks import hold\n"
        f"p = Path({str(tmp_path)!r})\n"
        "with hold(p): run_trials([Trial(n, p / 'script.py', ('hang',), p / n) for n in 'ab'], "
        "p, jobs=2, progressbar=False)"
    )
    # where tests run in the background, interrupts are ignored: not so by a sweep
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    sweep = subprocess.Popen([sys.executable, "-c", code], preexec_fn=heed)
    files = [tmp_path / name / "pid" for name in "ab"]
    until(lambda: all(file.exists() and file.read_text() for file in files))
    trials = [int(file.read_text()) for file in files]
    assert all(map(alive, trials))
    sweep.send_signal(number)
    until(lambda: not any(map(alive, trials)))
    sweep.wait(30)


def test_a_held_folder_names_its_holder_and_others_wait(tmp_path):
    code = (
        "import sys, time; from softlabels.locks import hold\n"
        f"with hold({str(tmp_path)!r}):\n"
        "    print('held', flush=True); time.sleep(2)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    assert f"process {other.pid} on" in holder(tmp_path)
    with hold(tmp_path):
        assert f"process {os.getpid()} on" in holder(tmp_path)
    assert holder(tmp_path) is None
    other.wait()


def test_a_killed_holder_holds_no_longer(tmp_path):
    code = (
        "import time; from softlabels.locks import hold\n"
        f"with hold({str(tmp_path)!r}): print('held', flush=True); time.sleep(600)"
    )
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    other.stdout.readline()
    other.kill()
    other.wait()
    assert holder(tmp_path) is None
    assert Path(tmp_path, ".holder").exists()  # left behind, and believed by nobody
    with hold(tmp_path):
        pass


def test_trials_run_on_a_dask_cluster(trial, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as ours,
        distributed.Client(ours),
        joblib.parallel_config(backend="dask"),
        hold(tmp_path),
    ):
        trials = [trial("a"), trial("b", "fail"), trial("c")]
        failures = run_trials(trials, tmp_path, jobs=2, progressbar=False)
    assert [each.trial.name for each in failures] == ["b"]
    assert [status(each) for each in trials] == ["done", "failed", "done"]
