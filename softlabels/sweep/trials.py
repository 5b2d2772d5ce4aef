"""Trials: a training script's runs, each in a process of its own, many at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import joblib
from tqdm import tqdm

from softlabels import files
from softlabels.locks import holder
from softlabels.training.identity import METRICS_FILE

STATUS_FILE, LOG_FILE = "trial.json", "trial.log"
LOG_END = 1500  # characters of a failed trial's log that are shown


@dataclass(frozen=True)
class Trial:
    """One run of a training script.

    Arguments
    ---------
    name : str
        What people call it.
    script : Path
        The training script; it runs in its own folder.
    arguments : tuple of str
        The script's, without its results folder.
    folder : Path
        Its results folder.
    work : float
        Its share of all work, in any unit: for the time left.

    Example
    -------
    >>> Trial("hard, seed 1", Path("train.py"), ("hard.yaml",), Path("out")).command[-1]
    'out'
    """

    name: str
    script: Path
    arguments: tuple[str, ...]
    folder: Path
    work: float = 1.0

    @property
    def command(self) -> list[str]:
        """The command line that runs it."""
        script = [sys.executable, self.script.name, *self.arguments, "--noprogressbar"]
        return [*script, "--output_folder", str(self.folder)]


@dataclass(frozen=True)
class Failure:
    """A trial that failed, and what its log says at the end."""

    trial: Trial
    reason: str


def run_trials(
    trials: Sequence[Trial], held: Path, jobs: int, threads: int = 1, progressbar: bool = True
) -> list[Failure]:
    """Run trials, some at once, on joblib's present backend.

    One that fails does not stop the others. Where `held`, the folder that the caller
    holds (see `softlabels.locks.hold`), is no longer held by the caller, because it
    was killed, the trials that run are killed too.

    Arguments
    ---------
    trials : sequence of Trial
        What to run.
    held : Path
        The folder that the calling process holds.
    jobs : int
        Trials at once.
    threads : int
        Of each trial. A trial's numbers depend on it, so it does not follow from jobs.
    progressbar : bool
        Whether to show how many are done, running and failed, and the time left.

    Returns
    -------
    failures : list of Failure
        In the order of the trials.
    """
    caller = holder(held)
    if caller is None:
        raise ValueError(f"{held} must be held by the caller")
    for trial in trials:
        trial.folder.mkdir(parents=True, exist_ok=True)
        (trial.folder / STATUS_FILE).unlink(missing_ok=True)
    with _live_line(trials, disable=not progressbar):
        reasons = joblib.Parallel(n_jobs=jobs, batch_size=1, pre_dispatch="n_jobs")(
            joblib.delayed(_run_trial)(trial, held, caller, threads) for trial in trials
        )
    pairs = zip(trials, reasons, strict=True)
    return [Failure(trial, reason) for trial, reason in pairs if reason is not None]


def _run_trial(trial: Trial, held: Path, caller: str, threads: int) -> str | None:
    """Run one trial; None, or why it failed."""
    _tell(trial, "running")
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
    with open(trial.folder / LOG_FILE, "wb") as log:
        process = subprocess.Popen(
            trial.command,
            cwd=trial.script.parent,
            env={**os.environ, **limits},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while (code := _wait(process)) is None:
                if holder(held) != caller:
                    raise RuntimeError("whoever started this trial is gone")
        finally:
            process.kill()  # nothing where it has ended
            process.wait()
    if code == 0 and (trial.folder / METRICS_FILE).exists():
        _tell(trial, "done")
        return None
    _tell(trial, "failed")
    said = (trial.folder / LOG_FILE).read_text("utf-8", "replace").strip()
    return f"exit code {code}; the end of {trial.folder / LOG_FILE}:\n{said[-LOG_END:]}"


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        return None


def _tell(trial: Trial, status: str) -> None:
    files.write(trial.folder / STATUS_FILE, json.dumps({"status": status}) + "\n")


def status(trial: Trial) -> str:
    """Tell a trial's state in the present sweep: 'waiting', 'running', 'done' or 'failed'.

    Example
    -------
    >>> status(Trial("a", Path("train.py"), (), Path("nowhere")))
    'waiting'
    """
    try:
        return str(json.loads((trial.folder / STATUS_FILE).read_text("utf-8"))["status"])
    except FileNotFoundError:
        return "waiting"


@contextmanager
def _live_line(trials: Sequence[Trial], disable: bool) -> Iterator[None]:
    """Show from the trials' files, each second, how far they are: on any backend."""
    ended = threading.Event()
    form = "{desc} |{bar:20}| {elapsed}, about {remaining} left"
    with tqdm(total=sum(t.work for t in trials), bar_format=form, disable=disable) as bar:

        def watch() -> None:
            last = False
            while not last:
                last = ended.wait(1)
                states = [status(trial) for trial in trials]
                count = {name: states.count(name) for name in ("done", "running", "failed")}
                told = ", ".join(f"{number} {name}" for name, number in count.items())
                bar.set_description_str(f"{len(trials)} trials: {told}", refresh=False)
                over = ("done", "failed")
                bar.n = sum(t.work for t, s in zip(trials, states, strict=True) if s in over)
                bar.refresh()

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
