"""Audio as it is, for a network that takes audio: read from the files when it is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import soundfile
import torch

from softlabels.features.audio import read_mono
from softlabels.features.wav import SAMPLE_RATE


class AudioFiles:
    """Audio files in the place of a `FeatureStore`: nothing is stored.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     soundfile.write(f"{folder}/a.wav", [0.0] * 800, 8000)
    ...     audio = AudioFiles()
    ...     audio[f"{folder}/a.wav"].shape, audio.frames(f"{folder}/a.wav")
    (torch.Size([1600, 1]), 1600)
    """

    def __getitem__(self, path: str) -> torch.Tensor:
        """Return a file's samples [N, 1] at 16 kHz."""
        return read_mono(path, SAMPLE_RATE)[:, None]

    def frames(self, path: str) -> int:
        """Return about how many samples a file has at 16 kHz, by its header."""
        info = soundfile.info(path)
        return round(info.frames * SAMPLE_RATE / info.samplerate)

    def extract(self, paths: Sequence[str], progressbar: bool = True) -> None:
        """Raise a ValueError if a file can't be read; nothing is to be extracted."""
        for path in paths:
            try:
                soundfile.info(path)
            except (OSError, soundfile.LibsndfileError) as error:
                raise ValueError(f"{path}: can't be read as audio ({error})") from error

    def digest(self, paths: Sequence[str]) -> str:
        """Digest the files' bytes, in this order: what a training on them depends on."""
        digest = hashlib.sha256()
        for path in paths:
            digest.update(hashlib.sha256(Path(path).read_bytes()).digest())
        return digest.hexdigest()
