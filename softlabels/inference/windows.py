"""Recordings made ready for a network: cut into windows, grouped, shared out to threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np
import torch

from softlabels.features.frontends import SAMPLE_RATE

WINDOW = 40 * SAMPLE_RATE  # samples: longer than IEMOCAP's longest utterance
OVERLAP = WINDOW // 2
_POOL = RLock()  # what a worker sets is the whole process': two pools would take 1 for all there is
MOST_SAMPLES = 2 * WINDOW  # of a batch with its padding, so that memory has a bound


def window_starts(samples: int) -> list[int]:
    """Place windows of at most 40 s that overlap by at least 20 s over a recording.

    Arguments
    ---------
    samples : int
        The recording's length.

    Returns
    -------
    starts : list of int
        Each window's first sample. The last window ends where the recording does.

    Example
    -------
    >>> [start / SAMPLE_RATE for start in window_starts(70 * SAMPLE_RATE)]
    [0.0, 20.0, 30.0]
    """
    last = max(0, samples - WINDOW)
    return [*range(0, last, WINDOW - OVERLAP), last]


def windows(wav: torch.Tensor) -> list[torch.Tensor]:
    """Cut a recording [N] into its windows.

    Example
    -------
    >>> [len(window) / SAMPLE_RATE for window in windows(torch.zeros(70 * SAMPLE_RATE))]
    [40.0, 40.0, 40.0]
    """
    return [wav[start : start + WINDOW] for start in window_starts(len(wav))]


def batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Group clips of similar length, so that little padding is computed.

    Arguments
    ---------
    lengths : sequence of int
        Samples of each clip.
    batch_size : int
        The most clips in a batch. Fewer where these would be over `MOST_SAMPLES`.

    Returns
    -------
    batches : list of lists of int
        The clips' places.

    Example
    -------
    >>> batches([5, 1, 4], batch_size=2)
    [[1, 2], [0]]
    """
    made: list[list[int]] = []
    for place in np.argsort(lengths, kind="stable").tolist():
        # the longest so far is this one
        if made and len(made[-1]) < min(batch_size, max(1, MOST_SAMPLES // lengths[place])):
            made[-1].append(place)
        else:
            made.append([place])
    return made


@contextmanager
def workers() -> Iterator[Callable[..., Future[Any]]]:
    """Give as many threads as torch uses, in each of which torch uses one.

    So the threads meet at the end of a batch, and not in each of a small network's
    thousands of operations.

    Yields
    ------
    submit : callable
        A function and its arguments → a future.

    Example
    -------
    >>> with workers() as submit:
    ...     submit(abs, -1).result()
    1
    """
    with _POOL:
        threads = torch.get_num_threads()
        try:
            with ThreadPoolExecutor(
                threads, initializer=torch.set_num_threads, initargs=(1,)
            ) as pool:
                yield pool.submit
        finally:
            torch.set_num_threads(threads)
