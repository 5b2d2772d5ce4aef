"""The feature store: each clip's features, computed once, mapped when read.

Under the folder of a front end's fingerprint lie shards: safetensors files of some clips
each, keyed by audio file, its size and its times of change. A shard is written whole or
not at all, so that what was finished before the process was killed isn't done again. It
holds a checksum of each clip's features, compared when a process first reads the clip:
damaged features are named in the log and computed anew, not trained on.

A clip's key decides which part of the store it is in, and who works on a part locks it:
processes that extract at once, on one machine or on several with this folder in common,
share the work without knowing of each other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch
from torch import nn

from softlabels.cache import cache_folder
from softlabels.errors import InputError
from softlabels.features.extraction import audio_key, check_unchanged, extract_part
from softlabels.features.frontends import front_end_fingerprint
from softlabels.features.shards import DamagedError, Shard, logger, open_shards, replace_damaged
from softlabels.features.workers import run_unordered
from softlabels.progress import progress

DTYPES = {"float32": torch.float32, "float16": torch.float16}
PARTS = 32  # of a store, each with a lock of its own: so many processes can work at once


class FeatureStore:
    """Features of audio files, computed when first needed and shared by all runs.

    Arguments
    ---------
    front_end : torch.nn.Module
        Audio [1, N] at 16 kHz → features [1, T, F]. One with a method ``each``, as
        `Acoustic47` has it, is given several clips at once.
    folder : str or os.PathLike, optional
        Where stores lie; ``features`` in the cache's folder if not given.
    dtype : str
        How features are kept: 'float32', or 'float16' at half the size.
    workers : int, optional
        Processes that extract; as many as cores if not given, fewer where
        ``torchrun`` started several processes on this machine.

    Raises
    ------
    ValueError
        If the dtype is unknown.

    Example
    -------
    >>> import tempfile
    >>> from speechbrain.dataio.dataio import write_audio
    >>> from softlabels.features.frontends import get_front_end
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_audio(f"{folder}/a.wav", torch.zeros(16000), 16000)
    ...     store = FeatureStore(get_front_end("mfcc"), folder=f"{folder}/store")
    ...     store.extract([f"{folder}/a.wav"], progressbar=False)
    ...     store[f"{folder}/a.wav"].shape
    torch.Size([101, 60])
    """

    def __init__(
        self,
        front_end: nn.Module,
        folder: str | os.PathLike[str] | None = None,
        dtype: str = "float32",
        workers: int | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise InputError(f"dtype must be one of {list(DTYPES)}; got {dtype!r}")
        self.front_end = front_end.eval()
        self.dtype = DTYPES[dtype]
        ranks_here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        self.workers = -(-_cores() // ranks_here) if workers is None else workers
        self.fingerprint = f"{front_end_fingerprint(front_end)}-{dtype}"
        self.folder = Path(folder or cache_folder() / "features") / self.fingerprint
        self._keys: dict[str, str] = {}  # audio file → key
        self._shards: dict[str, Shard] = {}  # key → the shard that holds it
        self._opened: set[str] = set()  # names of shards

    def __getitem__(self, path: str) -> torch.Tensor:
        """Return an extracted file's features [T, F], float32."""
        return self._read(self._keys[path]).float()

    def frames(self, path: str) -> int:
        """Return an extracted file's number of frames, without reading them."""
        key = self._keys[path]
        return self._shards[key].frames(key)

    def digest(self, paths: Sequence[str]) -> str:
        """Digest extracted files' features: what a training on them depends on.

        Arguments
        ---------
        paths : sequence of str
            Audio files, whose order counts and whose places don't. All are read and checked.

        Returns
        -------
        digest : str
            64 hexadecimal digits.
        """
        digest = hashlib.sha256()
        for path in paths:
            key = self._keys[path]
            self._read(key)
            digest.update(self._shards[key].checksums[key].encode())
        return digest.hexdigest()

    def extract(self, paths: Sequence[str], progressbar: bool = True) -> None:
        """Make sure the store has these files' features.

        Every rank of ``torchrun`` is to call it: they share the work.

        Arguments
        ---------
        paths : sequence of str
            Audio files.
        progressbar : bool
            Whether to show one.

        Raises
        ------
        ValueError
            If an audio file can't be read. All others' features are kept.
        OSError
            If a process that extracts was killed. What was finished is kept.
        OSError
            If the store's folder can't be read or written, or is full.
        """
        keys = {path: audio_key(path) for path in paths}
        self._keys.update(keys)
        self._fill(keys, progressbar)

    def _read(self, key: str) -> torch.Tensor:
        """A clip's features as they are kept; damaged ones are computed anew."""
        try:
            return self._shards[key][key]
        except DamagedError as error:
            logger.warning("%s: what is damaged is computed anew", error)
            self._renew(self._shards[key])
            return self._shards[key][key]

    def _renew(self, damaged: Shard) -> None:
        """Compute a damaged shard's damaged features anew; the store keeps the others."""
        lost = set(damaged.keys)
        keys = {path: key for path, key in self._keys.items() if key in lost}
        for path, key in keys.items():
            check_unchanged(path, key)
        with self._explained():
            replace_damaged(damaged.file)
        self._shards = {key: each for key, each in self._shards.items() if each is not damaged}
        self._opened.discard(damaged.file.name)
        self._fill(keys, progressbar=False)

    def _fill(self, keys: Mapping[str, str], progressbar: bool) -> None:
        with self._explained():
            self._open_shards()
            paths = {key: path for path, key in keys.items() if key not in self._shards}
            if paths:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._compute(paths, progressbar)
                self._open_shards()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except BrokenProcessPool as error:
            raise OSError(
                "a process that extracts features was killed, as it happens where memory runs out; "
                "start again: what was finished is kept"
            ) from error
        except OSError as error:
            raise OSError(
                f"the feature store {self.folder} can't be used ({error}); the feature_store "
                "setting or SOFTLABELS_CACHE chooses another place"
            ) from error

    def _open_shards(self) -> None:
        for shard in open_shards(self.folder, "*", self._opened):
            self._shards.update(dict.fromkeys(shard.keys, shard))
            self._opened.add(shard.file.name)

    def _compute(self, paths: Mapping[str, str], progressbar: bool) -> None:
        parts: dict[int, list[tuple[str, str]]] = {}
        for key, path in sorted(paths.items()):
            parts.setdefault(int(key[:8], 16) % PARTS, []).append((key, path))
        # each rank begins elsewhere, and skips what another has done
        rank, ranks = (
            int(os.environ.get(name, i)) for i, name in enumerate(("RANK", "WORLD_SIZE"))
        )
        begin = len(parts) * rank // ranks
        order = [*parts.items()][begin:] + [*parts.items()][:begin]
        work = partial(extract_part, front_end=self.front_end, dtype=self.dtype, folder=self.folder)
        workers = min(self.workers, len(order)) if len(paths) > 1 else 0
        failures: list[str] = []
        with progress("Features", len(paths), "utterance", progressbar) as bar:
            for count, failed in run_unordered(work, order, workers):
                bar.update(count)
                failures += failed
        if failures:
            raise InputError("no features for these files:\n  " + "\n  ".join(failures))


def _cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
