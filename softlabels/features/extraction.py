"""Extracting what a part of the feature store lacks: audio files → features, in shards."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from softlabels.errors import InputError
from softlabels.features.audio import read_mono
from softlabels.features.frontends import SAMPLE_RATE, features_of
from softlabels.features.shards import open_shards, part_locked, write_shard

SHARD = 256  # clips: some seconds of work that a kill can lose
BATCH = 16  # clips of similar length that are computed together
LONG = 1 << 22  # bytes: a file of more is computed alone, which bounds memory


def extract_part(
    part: int,
    clips: Sequence[tuple[str, str]],
    front_end: nn.Module,
    dtype: torch.dtype,
    folder: Path,
) -> tuple[int, list[str]]:
    """Extract and write what a part of the store lacks; see `softlabels.features.store`.

    Arguments
    ---------
    part : int
        The part's number.
    clips : sequence of (str, str)
        Key and audio file of each clip.
    front_end : torch.nn.Module
        As of `softlabels.features.store.FeatureStore`.
    dtype : torch.dtype
        How features are kept.
    folder : pathlib.Path
        The store's.

    Returns
    -------
    count : int
        Number of the clips.
    failures : list of str
        What is wrong with those that have no features.

    Raises
    ------
    OSError
        If the folder can't be written.
    """
    failures: list[str] = []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # a processor each; and the same bits from any worker
    try:
        with part_locked(folder, part):
            # another process may have worked while this one waited
            stored = {key for shard in open_shards(folder, f"{part}-*") for key in shard.keys}
            missing = [(_size(path), key, path) for key, path in clips if key not in stored]
            missing.sort()  # long ones with long ones
            for start in range(0, len(missing), SHARD):
                features = _extract(missing[start : start + SHARD], front_end, dtype, failures)
                if features:
                    write_shard(folder, part, features)
    finally:
        torch.set_num_threads(threads)
    return len(clips), failures


def _extract(
    clips: Sequence[tuple[int, str, str]],
    front_end: nn.Module,
    dtype: torch.dtype,
    failures: list[str],
) -> dict[str, torch.Tensor]:
    kept: dict[str, torch.Tensor] = {}
    while clips:
        size = BATCH if clips[0][0] < LONG else 1
        batch, clips = clips[:size], clips[size:]
        wavs: dict[tuple[str, str], torch.Tensor] = {}
        for _, key, path in batch:
            try:
                wavs[key, path] = read_mono(path, SAMPLE_RATE)
                check_unchanged(path, key)
            except ValueError as error:
                wavs.pop((key, path), None)
                failures.append(str(error))
        with torch.no_grad():
            computed = features_of(front_end, [*wavs.values()])
        for (key, path), features in zip(wavs, computed, strict=True):
            rounded = features.to(dtype)
            if torch.isfinite(rounded).all():
                kept[key] = rounded.contiguous()
            else:
                kind = str(dtype).removeprefix("torch.")
                failures.append(f"{path}: features that are not finite as {kind}")
    return kept


def audio_key(path: str) -> str:
    """Return a key of an audio file's present content: its place, size and times of change.

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
        stat = os.stat(path)
    except OSError as error:
        raise InputError(f"{path}: can't be read as audio ({error})") from error
    # Copying can keep the time of the content's change, but not that of the file's.
    version = f"{os.path.abspath(path)} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    return hashlib.sha256(version.encode()).hexdigest()[:32]


def check_unchanged(path: str, key: str) -> None:
    """Raise a ValueError if an audio file isn't the one that had this key.

    Example
    -------
    >>> check_unchanged(__file__, audio_key(__file__))
    """
    if audio_key(path) != key:
        raise InputError(f"{path}: has changed since this process began; start again")


def _size(path: str) -> int:
    """A file's bytes; 0 for one that has vanished, which will be named when it is read."""
    return os.path.getsize(path) if os.path.exists(path) else 0
