"""The feature store: each utterance's features, computed once, mapped when read.

Under the folder of a front end's fingerprint lie shards: safetensors files of
some utterances each, keyed by audio file, its size and its time of change. A
shard is written under another name and then renamed: it is complete or absent,
whatever kills the process, and what was finished is not done again.

An utterance's key says which part of the store it is in, and who works on a part
locks it. So processes that extract at once, on one machine or on several with
this folder in common, share the work without knowing of each other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from softlabels.cache import cache_folder
from softlabels.features.frontends import front_end_fingerprint
from softlabels.features.shards import PartWriter, shards

DTYPES = {"float32": torch.float32, "float16": torch.float16}
PARTS = 32  # of a store, each with a lock of its own: so many processes can work at once


class FeatureStore:
    """Features of audio files, computed when first needed and shared by all runs.

    Arguments
    ---------
    front_end : torch.nn.Module
        Audio [1, N] at 16 kHz → features [1, T, F]. One with a method ``each``, as
        `Acoustic47` has it, is given several utterances at once.
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
            raise ValueError(f"dtype must be one of {list(DTYPES)}; got {dtype!r}")
        self.front_end = front_end.eval()
        self.dtype = DTYPES[dtype]
        ranks_here = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
        self.workers = -(-_cores() // ranks_here) if workers is None else workers
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
            If the store's place can't be read or written, or is full.
        """
        self._keys.update({path: audio_key(path) for path in paths})
        try:
            self._open_shards()
            if missing := self._missing(paths):
                self.folder.mkdir(parents=True, exist_ok=True)
                self._compute(missing, progressbar)
                self._open_shards()
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise RuntimeError(
                "a process that extracts features was killed, as it happens where memory runs out; "
                "start again: what was finished is kept"
            ) from error
        except OSError as error:
            raise OSError(
                f"the feature store {self.folder} can't be used ({error}); make room, or "
                "choose another place by SOFTLABELS_CACHE or the feature_store setting"
            ) from error

    def _missing(self, paths: Sequence[str]) -> list[tuple[str, str]]:
        wanted = {self._keys[path]: path for path in paths}
        return [(key, path) for key, path in wanted.items() if key not in self._shards]

    def _open_shards(self) -> None:
        for file, shard in shards(self.folder, "*", self._opened):
            self._shards.update(dict.fromkeys(shard.keys(), shard))
            self._opened.add(file.name)

    def _compute(self, missing: list[tuple[str, str]], progressbar: bool) -> None:
        parts: dict[int, list[tuple[str, str]]] = {}
        for key, path in sorted(missing):
            parts.setdefault(int(key[:8], 16) % PARTS, []).append((key, path))
        # each rank begins elsewhere, and passes by what another has done
        rank, ranks = (
            int(os.environ.get(name, i)) for i, name in enumerate(("RANK", "WORLD_SIZE"))
        )
        begin = len(parts) * rank // ranks
        order = [*parts.items()][begin:] + [*parts.items()][:begin]
        writer = PartWriter(order, self.front_end, self.dtype, self.folder)
        workers = min(self.workers, len(order)) if len(missing) > 1 else 0
        failures: list[str] = []
        with tqdm(total=len(missing), desc="Features", unit="utt", disable=not progressbar) as bar:
            for count, failed, error in DataLoader(writer, batch_size=None, num_workers=workers):
                if error:
                    raise error
                bar.update(count)
                failures += failed
        if failures:
            raise ValueError("no features for these files:\n  " + "\n  ".join(failures))


def _cores() -> int:
    """Tell how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
