"""Batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from softlabels.errors import InputError


class SimilarLengthBatches(Sampler[list[int]]):
    """Batches of one size, each of utterances of similar length, in random order.

    Utterances are sorted by their length times a random factor, cut into batches,
    and the batches shuffled: as many updates in an epoch as without sorting,
    little padding, and other batches each time. All of it follows from seed and
    epoch alone, so a run that continues draws what it would have drawn.

    Several processes share each batch: so many utterances of it each, the first of a
    last batch once more where there are too few, as `DistributedSampler` does.

    Arguments
    ---------
    lengths : sequence of int
        Every utterance's length in frames.
    batch_size : int
        Utterances in a batch; one batch may have fewer.
    seed : int
        Of the order.
    shuffle : bool
        False: sorted by length, always the same, for validation and test.
    jitter : float
        The random factor lies within 1 ± jitter.
    rank : int
        This process' number, from 0.
    ranks : int
        How many processes share each batch.

    Raises
    ------
    ValueError
        If the batch size is below 1, or no multiple of the number of processes.

    Example
    -------
    >>> list(SimilarLengthBatches([5, 1, 4, 2], batch_size=2, shuffle=False))
    [[1, 3], [2, 0]]
    >>> list(SimilarLengthBatches([5, 1, 4, 2], batch_size=2, shuffle=False, rank=1, ranks=2))
    [[3], [0]]
    """

    def __init__(
        self,
        lengths: Sequence[int],
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        jitter: float = 0.1,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % ranks:
            wanted = "at least 1" if ranks == 1 else f"a multiple of {ranks}, the processes"
            raise InputError(f"batch_size must be {wanted}; got {batch_size}")
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.jitter = jitter
        self.rank = rank
        self.ranks = ranks
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[list[int]]:
        if not self.shuffle:
            yield from self._cut(self.lengths)
            return
        random = np.random.default_rng([self.seed, self.epoch])
        factors = random.uniform(1 - self.jitter, 1 + self.jitter, len(self.lengths))
        batches = self._cut(self.lengths * factors)
        for index in random.permutation(len(batches)):
            yield batches[index]

    def _cut(self, lengths: np.ndarray) -> list[list[int]]:
        order, size = np.argsort(lengths, kind="stable"), self.batch_size
        batches = (order[start : start + size] for start in range(0, len(order), size))
        shares = (np.resize(batch, -(-len(batch) // self.ranks) * self.ranks) for batch in batches)
        return [share[self.rank :: self.ranks].tolist() for share in shares]
