"""The feature store's files: some clips' features each, complete or absent, with checksums."""

from __future__ import annotations

import hashlib
import logging
import zlib
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from softlabels import files
from softlabels.locks import locked

logger = logging.getLogger(__name__)


class DamagedError(ValueError):
    """Stored features are not those that were written."""


class Shard:
    """A file of the store: features by key, mapped when read and checked at the first reading.

    Arguments
    ---------
    file : pathlib.Path
        As `write_shard` leaves it.

    Raises
    ------
    DamagedError
        If it isn't such a file; when a clip is read, if its bytes aren't those written.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shard = Shard(write_shard(Path(folder), 0, {"key": torch.ones(2, 3)}))
    ...     shard["key"].shape, shard.frames("key"), shard.checksums
    (torch.Size([2, 3]), 2, {'key': '43c68073'})
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            self._opened = safe_open(file, framework="pt")
        except SafetensorError as error:
            raise DamagedError(f"{file} is damaged ({error})") from error
        self.keys: list[str] = list(self._opened.keys())
        self.checksums: dict[str, str] = self._opened.metadata() or {}
        self._checked: set[str] = set()

    def frames(self, key: str) -> int:
        """Return a clip's number of frames, without reading them."""
        return int(self._opened.get_slice(key).get_shape()[0])

    def __getitem__(self, key: str) -> torch.Tensor:
        """Return a clip's features [T, F]."""
        try:
            features: torch.Tensor = self._opened.get_tensor(key)
        except SafetensorError as error:
            raise DamagedError(f"{self.file} is damaged ({error})") from error
        if key not in self._checked:
            if checksum(features) != self.checksums.get(key):
                raise DamagedError(f"{self.file} is damaged (the features of {key} have changed)")
            self._checked.add(key)
        return features


def checksum(features: torch.Tensor) -> str:
    """Return 8 hexadecimal digits of a tensor's type, shape and bytes (CRC-32).

    It is to find damage, not forgery, and takes a third of SHA-256's time.

    Example
    -------
    >>> checksum(torch.ones(2, 3)) == checksum(torch.ones(3, 2))
    False
    """
    kind = f"{features.dtype} {list(features.shape)}".encode()
    return f"{zlib.crc32(features.numpy().data, zlib.crc32(kind)):08x}"


def open_shards(folder: Path, names: str, known: Collection[str] = ()) -> Iterator[Shard]:
    """Open shards; unreadable ones are named in the log and removed.

    Arguments
    ---------
    folder : pathlib.Path
        The store's.
    names : str
        A pattern, without the ending.
    known : collection of str
        Names of files to skip.

    Yields
    ------
    shard : Shard

    Example
    -------
    >>> list(open_shards(Path("no/such/folder"), "*"))
    []
    """
    for file in sorted(folder.glob(f"{names}.safetensors")):
        if file.name not in known:
            try:
                yield Shard(file)
            except DamagedError as error:
                logger.warning("%s: its features are computed anew", error)
                file.unlink(missing_ok=True)
            except FileNotFoundError:
                pass  # damaged, and another process has just replaced it


def write_shard(folder: Path, part: int, features: dict[str, torch.Tensor]) -> Path:
    """Write a shard, whole or not at all, under a name that its keys decide.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_shard(Path(folder), 3, {"key": torch.ones(2, 3)}).name
    '3-2c70e12b7a0646f9.safetensors'
    """
    digest = hashlib.sha256(" ".join(features).encode()).hexdigest()[:16]
    file = folder / f"{part}-{digest}.safetensors"
    checksums = {key: checksum(each) for key, each in features.items()}
    files.write(file, save(features, checksums))
    return file


def replace_damaged(file: Path) -> None:
    """Replace a damaged shard by one of its undamaged clips, unless another process did.

    Arguments
    ---------
    file : pathlib.Path
        A shard in which a clip's checksum is wrong.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_shard(Path(folder), 0, {"a": torch.ones(1, 1), "b": torch.zeros(1, 1)})
    ...     _ = file.write_bytes(file.read_bytes()[:-1] + b"!")
    ...     replace_damaged(file)
    ...     [shard.keys for shard in open_shards(Path(folder), "*")]
    [['a']]
    """
    part = int(file.name.partition("-")[0])
    with part_locked(file.parent, part):
        for shard in open_shards(file.parent, file.stem):
            whole = {}
            for key in shard.keys:
                try:
                    whole[key] = shard[key].clone()
                except DamagedError:
                    continue
            if len(whole) < len(shard.keys):
                if whole:
                    write_shard(file.parent, part, whole)
                file.unlink(missing_ok=True)


def part_locked(folder: Path, part: int) -> AbstractContextManager[None]:
    """Hold a part of the store, that one process at a time writes it."""
    waiting = f"another process extracts into {folder}; waiting for it"
    return locked(folder / f".{part}.lock", lambda: waiting)
