"""Trials: a training script's runs, each in a process of its own, many at once."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from softlabels.errors import InputError
from softlabels.locks import holder
from softlabels.sweep.engines import Engine, call_here
from softlabels.sweep.processes import Script, Starter
from softlabels.training.identity import METRICS_FILE

logger = logging.getLogger(__name__)

LOG_FILE = "trial.log"
LOG_END = 1500  # characters of a failed trial's log that are shown

_starters: dict[tuple[Any, ...], Starter] = {}  # at most one: of this process' newest sweep
_lock = threading.Lock()


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
    modules : tuple of str
        What its script imports: done once, and not in each trial.

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
    modules: tuple[str, ...] = ()

    @property
    def command(self) -> list[str]:
        """The command line that runs it."""
        script = [sys.executable, self.script.name, *self.arguments, "--noprogressbar"]
        return [*script, "--output_folder", str(self.folder)]


@dataclass(frozen=True)
class Failure:
    """A trial that failed, and why: the end of its log."""

    trial: Trial
    reason: str


def run_trials(
    trials: Sequence[Trial],
    held: Path,
    jobs: int,
    threads: int = 1,
    progressbar: bool = True,
    engine: Engine = call_here,
) -> list[Failure]:
    """Run trials, some at once.

    One that fails does not stop the others. A trial ends with the process that started it, and
    where `held`, the folder that the caller holds (see `softlabels.locks.hold`), is no longer
    held by the caller.

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
        Whether a bar shows how many are done, running and failed, and the time left. If not, a
        line is logged for each trial that ends.
    engine : callable
        Where they run; see `softlabels.sweep.engines`.

    Returns
    -------
    failures : list of Failure
        In the order of the trials.
    """
    caller = holder(held)
    if caller is None:
        raise ValueError(f"{held} must be held by the caller")
    pool = ThreadPoolExecutor(jobs)
    try:
        futures = {
            pool.submit(engine, run_trial, trial, held, caller, threads): trial for trial in trials
        }
        failures = _watch(futures, progressbar)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return [failures[trial] for trial in trials if trial in failures]


def run_trial(trial: Trial, held: Path, caller: str, threads: int) -> str | None:
    """Run one trial in a process of its own; None, or why it failed."""
    trial.folder.mkdir(parents=True, exist_ok=True)
    log = trial.folder / LOG_FILE
    with _start(trial, threads, caller, log) as script:
        while (code := script.wait(1)) is None:
            if holder(held) != caller:
                return "its sweep has ended"
    if code == 0 and (trial.folder / METRICS_FILE).exists():
        return None
    how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
    text = log.read_text("utf-8", "replace").strip()
    return f"{how}; the end of {log}:\n{text[-LOG_END:]}"


def _start(trial: Trial, threads: int, caller: str, log: Path) -> Script:
    """Start a trial from one starter for a whole sweep; the next may find other files to import."""
    asked = (caller, trial.script.parent, threads, trial.modules)
    with _lock:
        for key in [key for key, each in _starters.items() if key != asked or not each.is_alive()]:
            _starters.pop(key).close()
        if asked not in _starters:
            limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
            _starters[asked] = Starter(trial.script.parent, limits, trial.modules)
        return _starters[asked](trial.command[1:], log)


def _watch(trials: Mapping[Future[str | None], Trial], progressbar: bool) -> dict[Trial, Failure]:
    """Wait for trials and show how far they are; return those that failed."""
    failures: dict[Trial, Failure] = {}
    started = time.monotonic()  # tqdm goes by the clock, which may be set
    total, over, pending = sum(trial.work for trial in trials.values()), 0.0, {*trials}
    with tqdm(total=total, bar_format="{desc} |{bar:20}|", disable=not progressbar) as bar:
        while pending:
            ended, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
            for future in ended:
                trial, reason = trials[future], _reason(future)
                if reason is not None:
                    failures[trial] = Failure(trial, reason)
                over += trial.work
                bar.update(trial.work)
                if not progressbar:
                    number = f"{len(trials) - len(pending)} of {len(trials)}"
                    how = "done" if reason is None else "failed"
                    logger.info("trial %s %s: %s", number, how, trial.name)
            running = sum(future.running() for future in pending)
            done = len(trials) - len(pending) - len(failures)
            seconds = time.monotonic() - started
            left = tqdm.format_interval(seconds * (total / over - 1)) if over else "?"
            bar.set_description_str(
                f"{len(trials)} trials: {done} done, {running} running, {len(failures)} failed, "
                f"{tqdm.format_interval(seconds)}, about {left} left"
            )
    return failures


def _reason(future: Future[str | None]) -> str | None:
    """Why a trial failed, or None; an error that ends the sweep is raised."""
    error = future.exception()
    if isinstance(error, InputError):
        raise error
    return future.result() if error is None else f"{type(error).__name__}: {error}"
