"""A sweep killed again and again ends as one that was never killed."""

import functools
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

TRIALS = int(os.environ.get("TRIALS", 60))  # TRIALS=500 takes some four minutes
JOBS, KILLS = 4, 10

# a training in small: three epochs with a checkpoint each, results, and their seal at the end
TRIAL = """
import hashlib, json, os, pathlib, sys, time
folder, seed = pathlib.Path(sys.argv[-1]), int(sys.argv[1])

def write(name, text):
    (folder / "part").write_text(text)
    os.replace(folder / "part", folder / name)

with open(folder / "starts", "a") as file:
    print(os.getpid(), (folder / "digests.json").exists(), file=file)
write("run.json", json.dumps({"seed": seed}))
checkpoint = folder / "checkpoint"
state = json.loads(checkpoint.read_text()) if checkpoint.exists() else [0, seed]
while state[0] < 3:
    time.sleep(0.1)
    state = [state[0] + 1, state[1] * 1103515245 % 2**31]
    write("checkpoint", json.dumps(state))
write("metrics.json", json.dumps({"UA": state[1]}))
digests = {
    name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
    for name in ("run.json", "metrics.json")
}
write("digests.json", json.dumps({"sha256": digests}))
"""

SWEEP = """
import pathlib, sys
from softlabels.locks import hold
from softlabels.sweep.trials import Trial, run_trials
from softlabels.training.identity import is_finished
place, number, jobs = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
with hold(place):
    trials = [
        Trial(f"seed {seed}", place.parent / "trial.py", (str(seed),), place / f"seed{seed}")
        for seed in range(1, number + 1)
    ]
    left = [t for t in trials if not is_finished(t.folder, {"seed": int(t.arguments[0])})]
    print("started", flush=True)
    sys.exit(len(run_trials(left, place, jobs, progressbar=False)))
"""


def start(place):
    command = [sys.executable, place.parent / "sweep.py", place, str(TRIALS), str(JOBS)]
    # where tests run in the background, interrupts are ignored: not so by a sweep
    heed = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, preexec_fn=heed)


def results(place):
    names = ("run.json", "metrics.json", "digests.json")
    return {
        f"{seed} {name}": (place / f"seed{seed}" / name).read_bytes()
        for seed in range(1, TRIALS + 1)
        for name in names
    }


def starts(place):
    """(process, whether the trial was finished) of each start."""
    files = sorted(place.glob("seed*/starts"))
    return [line.split() for file in files for line in file.read_text().splitlines()]


def test_a_sweep_killed_ten_times_gives_the_same_and_leaves_nothing(tmp_path):
    (tmp_path / "trial.py").write_text(TRIAL)
    (tmp_path / "sweep.py").write_text(SWEEP)
    begun = time.monotonic()
    whole = start(tmp_path / "whole")
    assert whole.wait(600) == 0, whole.communicate()[1]
    seconds = time.monotonic() - begun
    moments = random.Random(1)
    kills = 0
    while kills < KILLS:
        sweep = start(tmp_path / "killed")
        assert sweep.stdout.readline() == b"started\n"
        time.sleep(moments.uniform(0, 1.5 * seconds / KILLS))
        sweep.send_signal(moments.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
        if sweep.wait(60) == 0:
            break  # it was faster
        kills += 1
    last = start(tmp_path / "killed")
    assert last.wait(600) == 0, last.communicate()[1]
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
    again = starts(tmp_path / "killed")
    print(f"{TRIALS} trials in {seconds:.0f} s, or with {kills} kills in {len(again)} starts")
    assert kills > KILLS // 2
    assert TRIALS <= len(again) <= TRIALS + JOBS * kills
    assert [process for process, finished in again if finished == "True"] == []
    assert not [process for process, _ in again if is_running(process)]


def is_running(process):
    """Whether a process runs; one that nobody has waited for has ended."""
    try:
        status = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
