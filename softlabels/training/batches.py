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
    most_frames : int, optional
        In place of the batch size: the most frames in a batch with its padding, but that a
        single utterance may have more.

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
    >>> list(SimilarLengthBatches([5, 1, 4, 2], 2, shuffle=False, most_frames=12))
    [[1, 3, 2], [0]]
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
        most_frames: int | None = None,
    ) -> None:
        if most_frames is None and (batch_size < 1 or batch_size % ranks):
            allowed = "at least 1" if ranks == 1 else f"a multiple of {ranks}, the processes"
            raise InputError(f"batch_size must be {allowed}; got {batch_size}")
        self.lengths = np.asarray(lengths)
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.jitter = jitter
        self.rank = rank
        self.ranks = ranks
        self.most_frames = most_frames
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch
        self._order: list[list[int]] | None = None

    def __len__(self) -> int:
        """Return the number of batches in the epoch that was chosen."""
        return len(self._batches())

    def __iter__(self) -> Iterator[list[int]]:
        yield from self._batches()

    def _batches(self) -> list[list[int]]:
        """Put the epoch's batches in order, once."""
        if self._order is None:
            if not self.shuffle:
                self._order = self._cut(self.lengths)
            else:
                random = np.random.default_rng([self.seed, self.epoch])
                factors = random.uniform(1 - self.jitter, 1 + self.jitter, len(self.lengths))
                batches = self._cut(self.lengths * factors)
                self._order = [batches[index] for index in random.permutation(len(batches))]
        return self._order

    def _cut(self, lengths: np.ndarray) -> list[list[int]]:
        order = np.argsort(lengths, kind="stable")
        starts = list(range(0, len(order), self.batch_size))
        if self.most_frames is not None:
            starts = _starts(self.lengths[order], self.most_frames)
        batches = np.split(order, starts[1:]) if len(order) else []
        shares = (np.resize(batch, -(-len(batch) // self.ranks) * self.ranks) for batch in batches)
        return [share[self.rank :: self.ranks].tolist() for share in shares]


def _starts(lengths: np.ndarray, most: int) -> list[int]:
    """Place the first of each batch, of the most utterances that aren't over ``most`` frames."""
    starts, longest = [0], 0
    for index, length in enumerate(lengths.tolist()):
        longest = max(longest, length)
        if longest * (index + 1 - starts[-1]) > most and index > starts[-1]:
            starts.append(index)
            longest = length
    return starts
