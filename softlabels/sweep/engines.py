"""Where trials run: on this machine, on a Dask cluster or on a Ray cluster."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from softlabels.errors import InputError

Engine = Callable[..., Any]  # engine(function, *arguments) returns the function's result
PATIENCE = 60  # seconds without any worker of a cluster


def call_here(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in this process: the local engine.

    Example
    -------
    >>> call_here(max, 1, 2)
    2
    """
    return function(*arguments)


@contextmanager
def local(address: str | None = None, cores: int = 1) -> Iterator[Engine]:
    """Give the local engine; see `call_here`."""
    yield call_here


@contextmanager
def dask(address: str | None = None, cores: int = 1) -> Iterator[Engine]:
    """Connect to a Dask cluster, where a function takes one slot of a worker.

    Where a worker dies, Dask calls the function again on another one. A function of which
    several workers died raises ``distributed.KilledWorker``.

    Arguments
    ---------
    address : str, optional
        The scheduler's; a cluster on this machine if not given.
    cores : int
        Not used: how many a slot has is the workers' matter.

    Raises
    ------
    InputError
        If distributed is not installed, or for a minute there is no worker.
    OSError
        If there is no such scheduler.
    """
    distributed = _import("distributed")
    logging.getLogger("distributed").setLevel(logging.WARNING)
    with distributed.Client(address) as client:

        def wait_for_worker() -> None:
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError as error:
                place = client.scheduler.address
                raise InputError(
                    f"the Dask cluster {place} has no worker since {PATIENCE} s; start one there "
                    f"(dask worker {place}), then the same command goes on"
                ) from error

        def call(function: Callable[..., Any], *arguments: Any) -> Any:
            future = client.submit(function, *arguments, pure=False)
            while not future.done():
                try:
                    distributed.wait(future, timeout=10)
                except TimeoutError:
                    wait_for_worker()
            return future.result()

        wait_for_worker()
        yield call


@contextmanager
def ray(address: str | None = None, cores: int = 1) -> Iterator[Engine]:
    """Connect to a Ray cluster, where a function takes some cores.

    Where a worker dies, Ray calls the function again, at most three times; then it raises
    ``ray.exceptions.WorkerCrashedError``.

    Arguments
    ---------
    address : str, optional
        The cluster's; if not given that of the environment variable RAY_ADDRESS, or else a
        cluster on this machine.
    cores : int
        What a function takes.

    Raises
    ------
    InputError
        If Ray is not installed, or no machine of the cluster has so many cores.
    OSError
        If there is no such cluster.
    """
    ray = _import("ray")
    logging.getLogger("ray").setLevel(logging.ERROR)
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
    try:
        most = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
        if most < cores:
            raise InputError(
                f"a trial takes {cores} cores (--threads), but no machine of the Ray cluster has "
                f"more than {most:.0f}"
            )
        task = ray.remote(num_cpus=cores)(call_here)
        yield lambda *call: ray.get(task.remote(*call))
    finally:
        ray.shutdown()


ENGINES: dict[str, Callable[[str | None, int], AbstractContextManager[Engine]]] = {
    "local": local,
    "dask": dask,
    "ray": ray,
}


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module} is not installed, or not whole ({error}): pip install 'softlabels[cluster]'"
        ) from error
