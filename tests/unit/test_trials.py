"""Trials: in processes of their own, none left behind, and one holder of a folder at a time."""

import functools
import logging
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from softlabels.locks import hold, holder
from softlabels.sweep.trials import Trial, run_trials

SCRIPT = """
import os, pathlib, sys, time
folder = pathlib.Path(sys.argv[-1])
(folder / "pid").write_text(str(os.getpid()))
if "fail" in sys.argv: sys.exit("no such emotion")
if "hang" in sys.argv: time.sleep(600)
if "memory" in sys.argv: os.kill(os.getpid(), 9)
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
    assert [(each.folder / "metrics.json").exists() for each in trials] == [True, False, True]


def test_a_killed_trial_tells_the_signal(trial, tmp_path):
    with hold(tmp_path):
        (failure,) = run_trials([trial("a", "memory")], tmp_path, jobs=1, progressbar=False)
    assert failure.reason.startswith("killed by SIGKILL; the end of")


def test_without_a_bar_each_trial_that_ends_is_a_line(trial, tmp_path, caplog, capfd):
    caplog.set_level(logging.INFO, "softlabels.sweep")
    with hold(tmp_path):
        run_trials([trial("a"), trial("b", "fail")], tmp_path, jobs=1, progressbar=False)
    assert caplog.messages == ["trial 1 of 2 done: a", "trial 2 of 2 failed: b"]
    assert capfd.readouterr() == ("", "")


def test_the_bars_time_is_not_the_clocks(trial, tmp_path, capfd, monkeypatch):
    days = iter(range(100_000))
    monkeypatch.setattr(time, "time", lambda: 86400.0 * next(days))
    monkeypatch.setattr("tqdm.std.time", time.time)
    with hold(tmp_path):
        run_trials([trial("a"), trial("b")], tmp_path, jobs=1)
    last = capfd.readouterr().err.split("\r")[-1]
    assert re.match("2 trials: 2 done, 0 running, 0 failed, 00:0[0-9], about 00:00 left", last)


def test_a_trials_threads_do_not_follow_from_the_number_of_jobs(trial, tmp_path):
    with hold(tmp_path):
        run_trials([trial("a"), trial("b")], tmp_path, jobs=2, threads=3, progressbar=False)
    assert (tmp_path / "a/metrics.json").read_text() == "3"


IMPORTING = """
import os, pathlib, sys
folder, threads = pathlib.Path(sys.argv[-1]), sys.argv[1]
known = [name for name in ("torch", "changed") if name in sys.modules]
import changed, torch
changed.state += 1
ppid = pathlib.Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
total = float((torch.ones(500, 500) @ torch.ones(500, 500)).sum())  # by several threads
print(known, changed.state, ppid, torch.get_num_threads(), total, os.getcwd(), __name__)
(folder / "metrics.json").write_text("")
"""


def test_trials_find_modules_imported_and_as_they_were(tmp_path):
    (tmp_path / "script.py").write_text(IMPORTING)
    (tmp_path / "changed.py").write_text("state = 0")
    trials = [
        Trial(name, tmp_path / "script.py", (), tmp_path / name, modules=("torch", "changed"))
        for name in "ab"
    ]
    with hold(tmp_path):
        assert run_trials(trials, tmp_path, jobs=1, threads=2, progressbar=False) == []
    first, second = [(each.folder / "trial.log").read_text() for each in trials]
    assert first == second  # from the same process
    assert first.startswith("['torch', 'changed'] 1 ")
    assert first.endswith(f" 2 125000000.0 {tmp_path} __main__\n")


def test_a_module_that_cannot_be_imported_is_an_error_in_the_trials_log(trial, tmp_path):
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such library')")
    (tmp_path / "script.py").write_text("import broken")
    a = Trial("a", tmp_path / "script.py", (), tmp_path / "a", modules=("broken",))
    with hold(tmp_path):
        (failure,) = run_trials([a], tmp_path, jobs=1, progressbar=False)
    assert failure.reason.endswith("RuntimeError: no such library")


@pytest.mark.parametrize("ancestor", [0, 1])
def test_a_trial_ends_with_what_watches_it_and_goes_on_without_what_forked_it(tmp_path, ancestor):
    (tmp_path / "script.py").write_text(
        "import os, pathlib, psutil, signal, sys, time\n"
        "folder = pathlib.Path(sys.argv[-1]); (folder / 'pid').write_text(str(os.getpid()))\n"
        f"if 'kill' in sys.argv: psutil.Process().parents()[{ancestor}].kill(); time.sleep(3)\n"
        "(folder / 'metrics.json').write_text('')"
    )
    trials = [
        Trial(name, tmp_path / "script.py", words, tmp_path / name)
        for name, words in {"a": ("kill",), "b": ()}.items()
    ]
    with hold(tmp_path):
        failures = run_trials(trials, tmp_path, jobs=1, progressbar=False)
    assert [each.reason for each in failures] == [
        "ConnectionError: the process that watches it was killed"
    ][ancestor:]
    until(lambda: not alive(int((tmp_path / "a/pid").read_text())), seconds=10)
    assert (tmp_path / "b/metrics.json").exists()


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


SWEEP = """
import pathlib, sys
from softlabels.errors import run_script
from softlabels.locks import hold
from softlabels.sweep.trials import Trial, run_trials
p = pathlib.Path(sys.argv[1])

def main(arguments):
    with hold(p):
        trials = [Trial(n, p / "script.py", ("hang",), p / n) for n in "abc"]
        run_trials(trials, p, jobs=2, progressbar=False)

run_script(main)
"""


def test_ctrl_c_ends_all_trials_and_says_one_line(trial, tmp_path):
    trial("a")  # writes the script
    sweep = subprocess.Popen(
        [sys.executable, "-c", SWEEP, str(tmp_path)],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    files = [tmp_path / name / "pid" for name in "ab"]
    until(lambda: all(file.exists() and file.read_text() for file in files))
    os.killpg(sweep.pid, signal.SIGINT)  # as a terminal does: the trials are interrupted as well
    error = sweep.communicate(timeout=60)[1]
    assert error == b"\n-c: stopped; the same command goes on from here\n"
    assert sweep.returncode == 130
    assert not any(alive(int(file.read_text())) for file in files)
    assert not (tmp_path / "c/metrics.json").exists()


def test_a_trial_ends_with_the_process_that_started_it(trial, tmp_path):
    a = trial("a", "hang")
    a.folder.mkdir()
    code = (
        "import sys; from pathlib import Path; from softlabels.locks import holder\n"
        "from softlabels.sweep.trials import *\n"
        f"p = Path({str(tmp_path)!r}); a = Trial('a', p / 'script.py', ('hang',), p / 'a')\n"
        "run_trial(a, p, holder(p), 1)"
    )
    with hold(tmp_path):  # the sweep goes on: it is a cluster's worker that is killed
        worker = subprocess.Popen([sys.executable, "-c", code])
        until(lambda: (a.folder / "pid").exists() and (a.folder / "pid").read_text())
        worker.kill()
        worker.wait()
        until(lambda: not alive(int((a.folder / "pid").read_text())), seconds=10)


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
