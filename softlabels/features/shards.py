"""The feature store's files: extracted a part at a time, complete or absent."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn
from torch.utils.data import Dataset

from softlabels.features.audio import read_mono
from softlabels.features.frontends import SAMPLE_RATE, features_of
from softlabels.locks import locked

logger = logging.getLogger(__name__)

SHARD = 256  # utterances: some seconds of work that a kill can lose
BATCH = 16  # utterances of similar length that are computed together
LONG = 1 << 22  # bytes: a file of more is computed alone, which bounds memory


def shards(
    folder: Path, names: str, known: Collection[str] = ()
) -> Iterator[tuple[Path, safe_open]]:
    """Open shards; damaged ones are removed.

    Arguments
    ---------
    folder : pathlib.Path
        The store's.
    names : str
        A pattern, without the ending.
    known : collection of str
        Names of files to pass by.

    Yields
    ------
    file : pathlib.Path
        A shard.
    shard : safetensors.safe_open
        Its features by key, mapped when read.

    Example
    -------
    >>> list(shards(Path("no/such/folder"), "*"))
    []
    """
    for file in sorted(folder.glob(f"{names}.safetensors")):
        if file.name not in known:
            try:
                yield file, safe_open(file, framework="pt")
            except SafetensorError as error:
                logger.warning("%s is damaged (%s): its features are computed anew", file, error)
                file.unlink(missing_ok=True)


class PartWriter(Dataset):
    """Extracts and writes what is missing of one part an item, in a worker process.

    Each item is the number of utterances that the part lacked, what was wrong with some of
    them, and what the folder failed of, if it did: raised in a worker it would bring its
    traceback along in its message.

    Arguments
    ---------
    parts : list of (int, list of (str, str))
        Number of a part, and key and audio file of each of its utterances.
    front_end : torch.nn.Module
        As of `softlabels.features.store.FeatureStore`.
    dtype : torch.dtype
        How features are kept.
    folder : pathlib.Path
        The store's.

    Example
    -------
    >>> len(PartWriter([(3, [("key", "a.wav")])], nn.Identity(), torch.float16, Path("store")))
    1
    """

    def __init__(
        self,
        parts: list[tuple[int, list[tuple[str, str]]]],
        front_end: nn.Module,
        dtype: torch.dtype,
        folder: Path,
    ) -> None:
        self.parts = parts
        self.front_end = front_end
        self.dtype = dtype
        self.folder = folder

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> tuple[int, list[str], OSError | None]:
        failures: list[str] = []
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # a processor each; and the same bits from any worker
        try:
            self._extract(*self.parts[index], failures)
        except OSError as error:
            return 0, failures, error
        finally:
            torch.set_num_threads(threads)
        return len(self.parts[index][1]), failures, None

    def _extract(self, part: int, wanted: list[tuple[str, str]], failures: list[str]) -> None:
        waiting = f"another process extracts into {self.folder}; waiting for it"
        with locked(self.folder / f".{part}.lock", lambda: waiting):
            # another process may have worked while this one waited
            found = shards(self.folder, f"{part}-*")
            there = set[str]().union(*(shard.keys() for _, shard in found))
            # long ones with long ones
            left = sorted((_size(path), key, path) for key, path in wanted if key not in there)
            for start in range(0, len(left), SHARD):
                self._write_shard(part, left[start : start + SHARD], failures)

    def _write_shard(
        self, part: int, wanted: list[tuple[int, str, str]], failures: list[str]
    ) -> None:
        features: dict[str, torch.Tensor] = {}
        while wanted:
            size = BATCH if wanted[0][0] < LONG else 1
            batch, wanted = wanted[:size], wanted[size:]
            wavs: dict[tuple[str, str], torch.Tensor] = {}
            for _, key, path in batch:
                try:
                    wavs[key, path] = read_mono(path, SAMPLE_RATE)
                except ValueError as error:
                    failures.append(str(error))
            with torch.no_grad():
                heard = features_of(self.front_end, [*wavs.values()])
            for (key, path), found in zip(wavs, heard, strict=True):
                kept = found.to(self.dtype)
                if torch.isfinite(kept).all():
                    features[key] = kept.contiguous()
                else:
                    kind = str(self.dtype).removeprefix("torch.")
                    failures.append(f"{path}: features that are not finite as {kind}")
        if features:
            name = f"{part}-{hashlib.sha256(' '.join(features).encode()).hexdigest()[:16]}"
            partial = self.folder / f".{part}.partial"  # the lock is ours: nobody else writes it
            partial.write_bytes(save(features))  # save_file would let nobody else read it
            os.replace(partial, self.folder / f"{name}.safetensors")


def _size(path: str) -> int:
    """A file's bytes; 0 for one that has vanished, which will be named when it is read."""
    return os.path.getsize(path) if os.path.exists(path) else 0
