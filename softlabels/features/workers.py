"""A pool of worker processes that neither outlives its parent nor hides a worker's death."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.connection import wait
from typing import Any, TypeVar

Result = TypeVar("Result")
_work: Callable[..., Any]  # of this worker process


def run_unordered(
    work: Callable[..., Result], items: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[Result]:
    """Call a function on items in worker processes; yield results as they come.

    Workers are forked where that is safe (Linux): a fresh interpreter would take longer to
    import torch than a small corpus takes to extract.

    Arguments
    ---------
    work : callable
        The function. Where processes aren't forked, it must be picklable.
    items : sequence of tuple
        Each call's arguments.
    workers : int
        Number of processes; 0 calls the function in this one.

    Yields
    ------
    result : object
        In the order in which calls end.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If a worker was killed. Whatever the function raises is raised here.

    Example
    -------
    >>> sorted(run_unordered(pow, [(2, 3), (3, 2)], workers=0))
    [8, 9]
    """
    if not workers:
        yield from (work(*item) for item in items)
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else None)
    pool = ProcessPoolExecutor(workers, context, _begin, (work,))
    try:
        for future in as_completed([pool.submit(_call, *item) for item in items]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(work: Callable[..., Any]) -> None:
    """Prepare a worker process."""
    global _work
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C: the parent reports it
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)  # it was killed: nobody collects this worker's results


def _call(*item: Any) -> Any:
    return _work(*item)
