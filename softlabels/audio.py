"""Reading audio: any rate, any number of channels → 16 kHz mono."""

from __future__ import annotations

import os

import torch
from speechbrain.dataio import audio_io
from torchaudio.functional import resample


def read_mono(path: str | os.PathLike[str], sample_rate: int) -> torch.Tensor:
    """Read an audio file as one channel at a given rate.

    Arguments
    ---------
    path : str or os.PathLike
        Any format that soundfile reads.
    sample_rate : int
        The wanted rate in Hz. Another one is resampled; channels are averaged.

    Returns
    -------
    wav : torch.Tensor
        [N], float32, in [-1, 1].

    Raises
    ------
    ValueError
        If the file can't be read, holds no samples or a sample that is not finite.

    Example
    -------
    >>> import tempfile
    >>> from speechbrain.dataio.dataio import write_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_audio(f"{folder}/stereo.wav", torch.zeros(800, 2), 8000)
    ...     read_mono(f"{folder}/stereo.wav", sample_rate=16000).shape
    torch.Size([1600])
    """
    try:
        audio, rate = audio_io.load(os.fspath(path))
    except Exception as error:
        raise ValueError(f"{path}: can't be read as audio ({error})") from error
    # Mixed before it is resampled: SpeechBrain's AudioNormalizer resamples along
    # the channels of a stereo file.
    wav = audio.float().mean(dim=0)
    if not len(wav):
        raise ValueError(f"{path}: holds no samples")
    if not torch.isfinite(wav).all():
        raise ValueError(f"{path}: holds samples that are not finite")
    return wav if rate == sample_rate else resample(wav, rate, sample_rate)
