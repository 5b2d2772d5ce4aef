"""The feature store: each utterance's features, computed once, mapped when read.

Under the folder of a front end's fingerprint lie shards: safetensors files of
some utterances each, keyed by audio file, its size and its time of change. A
shard is written under another name and then renamed: it is complete or absent,
whatever kills the process, and what was finished is not done again.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from softlabels.audio import read_mono
from softlabels.cache import cache_folder
from softlabels.frontends import SAMPLE_RATE, front_end_fingerprint

logger = logging.getLogger(__name__)

DTYPES = {"float32": torch.float32, "float16": torch.float16}
SHARD = 64  # utterances: some seconds of work that a kill can lose


class FeatureStore:
    """Features of audio files, computed when first needed and shared by all runs.

    Arguments
    ---------
    front_end : torch.nn.Module
        Audio [1, N] at 16 kHz → features [1, T, F].
    folder : str or os.PathLike, optional
        Where stores lie; ``features`` in the cache's folder if not given.
    dtype : str
        How features are kept: 'float32', or 'float16' at half the size.
    workers : int, optional
        Processes that extract; as many as cores if not given.

    Raises
    ------
    ValueError
        If the dtype is unknown.

    Example
    -------
    >>> import tempfile
    >>> from speechbrain.dataio.dataio import write_audio
    >>> from softlabels.frontends import get_front_end
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
            raise ValueError(f"dtype must be one of {list(DTYPES)}; got {dtype!r}")
        self.front_end = front_end.eval()
        self.dtype = DTYPES[dtype]
        self.workers = os.cpu_count() or 1 if workers is None else workers
        self.fingerprint = f"{front_end_fingerprint(front_end)}-{dtype}"
        self.folder = Path(folder or cache_folder() / "features") / self.fingerprint
        self._keys: dict[str, str] = {}  # audio file → key
        self._shards: dict[str, safe_open] = {}  # key → its opened shard
        self._opened: set[str] = set()

    def __getitem__(self, path: str) -> torch.Tensor:
        """Return an extracted file's features [T, F], float32."""
        key = self._keys[path]
        return self._shards[key].get_tensor(key).float()

    def frames(self, path: str) -> int:
        """Tell how many frames an extracted file has, without reading them."""
        key = self._keys[path]
        return int(self._shards[key].get_slice(key).get_shape()[0])

    def extract(self, paths: Sequence[str], progressbar: bool = True) -> None:
        """See to it that these files' features are in the store.

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
            If the store's place can't be written or is full.
        """
        self._keys.update({path: audio_key(path) for path in paths})
        self._open_shards()
        if not self._missing(paths):
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock():
                self._open_shards()  # another process may have worked while this one waited
                if missing := self._missing(paths):
                    self._compute(missing, progressbar)
        except OSError as error:
            raise OSError(
                f"the feature store {self.folder} can't be written ({error}); make room, or "
                "choose another place by SOFTLABELS_CACHE or the feature_store setting"
            ) from error
        self._open_shards()

    def _missing(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        wanted = {self._keys[path]: path for path in paths}
        return [(key, path) for key, path in wanted.items() if key not in self._shards]

    def _open_shards(self) -> None:
        for file in sorted(self.folder.glob("*.safetensors")):
            if file.name not in self._opened:
                try:
                    shard = safe_open(file, framework="pt")
                except SafetensorError as error:
                    logger.warning(
                        "%s is damaged (%s): its features are computed anew", file, error
                    )
                    file.unlink(missing_ok=True)
                    continue
                self._shards.update(dict.fromkeys(shard.keys(), shard))
                self._opened.add(file.name)

    def _lock(self) -> FileLock:
        """The store's lock; says so where another process holds it."""
        lock = FileLock(self.folder / ".lock")
        try:
            with lock.acquire(timeout=0):
                pass
        except Timeout:
            logger.info("Another process extracts into %s; waiting for it", self.folder)
        return lock

    def _compute(self, missing: list[tuple[str, str]], progressbar: bool) -> None:
        for left in self.folder.glob("*.partial"):  # of a killed process: the lock is ours
            left.unlink()
        size = min(SHARD, math.ceil(len(missing) / (4 * max(self.workers, 1))))
        shards = [missing[start : start + size] for start in range(0, len(missing), size)]
        writer = _ShardWriter(shards, self.front_end, self.dtype, self.folder)
        workers = min(self.workers, len(shards)) if len(missing) > 1 else 0
        failures: list[str] = []
        with tqdm(total=len(missing), desc="Features", unit="utt", disable=not progressbar) as bar:
            for count, failed in DataLoader(writer, batch_size=None, num_workers=workers):
                bar.update(count)
                failures += failed
        if failures:
            raise ValueError("no features for these files:\n  " + "\n  ".join(failures))


class _ShardWriter(Dataset):
    """Extracts and writes one shard an item, in a worker process."""

    def __init__(
        self,
        shards: list[list[tuple[str, str]]],
        front_end: nn.Module,
        dtype: torch.dtype,
        folder: Path,
    ) -> None:
        self.shards = shards
        self.front_end = front_end
        self.dtype = dtype
        self.folder = folder

    def __len__(self) -> int:
        return len(self.shards)

    def __getitem__(self, index: int) -> tuple[int, list[str]]:
        features, failures = {}, []
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a processor each; and the same bits from any worker
        for key, path in self.shards[index]:
            try:
                features[key] = self._features(path)
            except ValueError as error:
                failures.append(str(error))
        torch.set_num_threads(threads)
        if features:
            self._write(features)
        return len(self.shards[index]), failures

    @torch.no_grad()
    def _features(self, path: str) -> torch.Tensor:
        features = self.front_end(read_mono(path, SAMPLE_RATE)[None])[0]
        if not torch.isfinite(features).all():
            raise ValueError(f"{path}: the front end gave features that are not finite")
        return features.to(self.dtype).contiguous()

    def _write(self, features: dict[str, torch.Tensor]) -> None:
        name = hashlib.sha256(" ".join(sorted(features)).encode()).hexdigest()[:16]
        partial = self.folder / f"{name}.{os.getpid()}.partial"
        try:
            save_file(features, partial)
        except SafetensorError as error:
            raise OSError(f"{partial}: {error}") from error
        os.replace(partial, self.folder / f"{name}.safetensors")


def audio_key(path: str) -> str:
    """Name what an audio file held when it was looked at: its place, size and time of change.

    Arguments
    ---------
    path : str
        An audio file.

    Returns
    -------
    key : str
        32 hexadecimal digits.

    Raises
    ------
    ValueError
        If there is no such file.

    Example
    -------
    >>> len(audio_key(__file__))
    32
    """
    try:
        found = os.stat(path)
    except OSError as error:
        raise ValueError(f"{path}: can't be read as audio ({error})") from error
    # Copying can keep the time of the content's change, but not that of the file's.
    told = f"{os.path.abspath(path)} {found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]
