"""Trials on clusters: as here, and run again where the worker that ran one dies."""

import os
import signal
import sys
import time

import pytest

from softlabels.errors import InputError
from softlabels.locks import hold
from softlabels.sweep import engines
from softlabels.sweep.trials import Trial, run_trials

# its ancestors: one that watches it, one that forked it, the cluster's worker
SCRIPT = f"""
import os, pathlib, psutil, sys, time
folder = pathlib.Path(sys.argv[-1])
with open(folder / "pids", "a") as file: print(os.getpid(), file=file)
first = len((folder / "pids").read_text().split()) == 1
if "always" in sys.argv or "once" in sys.argv and first:
    os.kill(psutil.Process().parents()[2].pid, {int(signal.SIGKILL)})
    time.sleep(600)
if "fail" in sys.argv: sys.exit("no such emotion")
(folder / "metrics.json").write_text("right")
"""


@pytest.fixture
def trial(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)

    def make(name, *arguments):
        return Trial(name, tmp_path / "script.py", arguments, tmp_path / name)

    return make


def pids(trial):
    return [int(pid) for pid in (trial.folder / "pids").read_text().split()]


def until_dead(pid, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is left behind")


@pytest.fixture
def cluster():
    """A Dask cluster that gives a function up when a third worker died of it."""
    dask, distributed = pytest.importorskip("dask"), pytest.importorskip("distributed")
    config = {"distributed.scheduler.allowed-failures": 2}
    with (
        dask.config.set(config),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None
        ) as local,
    ):
        yield local.scheduler_address


def test_a_trial_whose_dask_worker_dies_runs_again_or_is_named(trial, tmp_path, cluster):
    trials = [trial("a"), trial("b", "fail"), trial("c", "once"), trial("d", "always")]
    with hold(tmp_path), engines.dask(cluster) as engine:
        # the worker that dies has no other trial: Dask would count the death for it too
        failures = [
            failure
            for each in trials
            for failure in run_trials([each], tmp_path, 1, progressbar=False, engine=engine)
        ]
    assert [each.trial.name for each in failures] == ["b", "d"]
    assert "no such emotion" in failures[0].reason
    assert failures[1].reason.startswith("KilledWorker")
    assert [len(pids(each)) for each in trials[:3]] == [1, 1, 2]
    # Dask also counts a worker that died before it had begun the trial
    assert 1 <= len(pids(trials[3])) <= 3
    assert (tmp_path / "c/metrics.json").read_text() == "right"
    for each in trials:
        for pid in pids(each):
            until_dead(pid)


def test_a_dask_cluster_without_workers_ends_the_sweep_with_the_remedy(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(engines, "PATIENCE", 1)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=None) as cluster,
        pytest.raises(InputError, match=r"no worker since 1 s; start one there \(dask worker tcp"),
        engines.dask(cluster.scheduler_address),
    ):
        pass


def test_a_trial_whose_ray_worker_dies_runs_again(trial, tmp_path, capfd):
    pytest.importorskip("ray")
    trials = [trial("a"), trial("b", "fail"), trial("c", "once")]
    with hold(tmp_path), engines.ray(cores=1) as engine:
        failures = run_trials(trials, tmp_path, 2, progressbar=False, engine=engine)
    assert [each.trial.name for each in failures] == ["b"]
    assert "no such emotion" in failures[0].reason
    assert [len(pids(each)) for each in trials] == [1, 1, 2]
    assert (tmp_path / "c/metrics.json").read_text() == "right"
    for each in trials:
        for pid in pids(each):
            until_dead(pid)
    printed = "".join(capfd.readouterr()).splitlines()
    others = [line for line in printed if line and "(raylet)" not in line]
    assert others == []  # Ray tells of the death alone


def test_ray_without_a_machine_that_has_so_many_cores_is_refused(monkeypatch):
    class OneMachine:
        init = shutdown = staticmethod(lambda **_: None)
        nodes = staticmethod(lambda: [{"Alive": True, "Resources": {"CPU": 4.0}}])

    monkeypatch.setitem(sys.modules, "ray", OneMachine)
    message = r"takes 8 cores \(--threads\).*more than 4"
    with pytest.raises(InputError, match=message), engines.ray(cores=8):
        pass


@pytest.mark.parametrize(("name", "module"), [("dask", "distributed"), ("ray", "ray")])
def test_an_engine_that_is_not_installed_tells_how_to(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with (
        pytest.raises(InputError, match=rf"{module} is not installed.*'softlabels\[cluster\]'"),
        engines.ENGINES[name](None, 1),
    ):
        pass
