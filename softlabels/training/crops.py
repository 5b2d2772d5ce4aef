"""Random crops of long clips: another one in each epoch, the same in a run that continues."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import torch


def crop_start(name: str, spare: int, seed: int, epoch: int) -> int:
    """Choose where a clip's crop begins, by these arguments alone.

    Arguments
    ---------
    name : str
        The clip's.
    spare : int
        The samples that the clip has more than the crop, 0 or more.
    seed, epoch : int
        Of the training.

    Example
    -------
    >>> crop_start("u1", 9, seed=1, epoch=2) in range(10), crop_start("u1", 0, seed=1, epoch=2)
    (True, 0)
    """
    random = np.random.default_rng([seed, epoch, zlib.crc32(name.encode())])
    return int(random.integers(spare + 1))


class RandomCrops:
    """Crops of clips that are longer than so many samples.

    Arguments
    ---------
    samples : int
        Of a crop.
    seed : int
        The training's.
    epochs : speechbrain.utils.epoch_loop.EpochCounter
        Says which epoch it is.

    Example
    -------
    >>> from speechbrain.utils.epoch_loop import EpochCounter
    >>> crops = RandomCrops(3, seed=1, epochs=EpochCounter(2))
    >>> len(crops("u1", torch.zeros(9, 1))), len(crops("u1", torch.zeros(2, 1)))
    (3, 2)
    """

    def __init__(self, samples: int, seed: int, epochs: Any) -> None:
        self.samples, self.seed, self.epochs = samples, seed, epochs

    def __call__(self, name: str, clip: torch.Tensor) -> torch.Tensor:
        """Crop a clip [N, F], unless it is as short as a crop."""
        spare = max(len(clip) - self.samples, 0)
        start = crop_start(name, spare, self.seed, self.epochs.current)
        return clip[start : start + self.samples]
