"""Reading audio: any rate, any number of channels → 16 kHz mono."""

from __future__ import annotations

import io
import math
import os
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import ArrayLike
from scipy.signal import resample_poly

from softlabels.errors import InputError
from softlabels.features.wav import WavError, whole_wav

VERSION = 2  # of the samples: raise it when `read_mono` gives other ones
RATES = (1000, 1_000_000)  # Hz; at less there is no speech
LOUDEST = 100.0  # 40 dB over full scale: what is louder was never scaled to [-1, 1]
PCM = (np.int16, np.int32)  # no others: int64 is mostly what numpy made of some of these
Audio = str | os.PathLike[str] | bytes | ArrayLike | torch.Tensor


def read_mono(audio: str | os.PathLike[str] | bytes, sample_rate: int) -> torch.Tensor:
    """Read an audio file as one channel at a given rate.

    Arguments
    ---------
    audio : str, os.PathLike or bytes
        A path, or what the file holds; any format that soundfile reads.
    sample_rate : int
        Of the result, in Hz. Another rate is resampled; channels are averaged.

    Returns
    -------
    wav : torch.Tensor
        [N], float32, in [-1, 1].

    Raises
    ------
    ValueError
        If the file can't be read, is a truncated wav, holds no samples, or holds what is no
        audio: a sample that is not finite or beyond ±100, or a rate outside 1 kHz to 1 MHz.

    Example
    -------
    >>> import tempfile
    >>> from speechbrain.dataio.dataio import write_audio
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_audio(f"{folder}/stereo.wav", torch.zeros(800, 2), 8000)
    ...     read_mono(f"{folder}/stereo.wav", sample_rate=16000).shape
    torch.Size([1600])
    """
    name = f"{len(audio)} bytes of audio" if isinstance(audio, bytes) else os.fspath(audio)
    try:
        data = audio if isinstance(audio, bytes) else Path(audio).read_bytes()
        samples, rate = soundfile.read(whole_wav(io.BytesIO(data)), dtype="float32", always_2d=True)
    except WavError as error:
        raise InputError(f"{name}: {error}") from None
    except Exception as error:
        reason = getattr(error, "strerror", None) or getattr(error, "error_string", error)
        raise InputError(f"{name}: can't be read as audio ({reason})") from error
    return _mono(torch.from_numpy(samples.T), rate, sample_rate, name)


def array_to_mono(array: ArrayLike | torch.Tensor, rate: int, sample_rate: int) -> torch.Tensor:
    """Turn an array into one channel at a given rate.

    Arguments
    ---------
    array : array_like
        [N] or, as soundfile has it, [N, channels]: floats in [-1, 1], or int16 or int32 of
        that type's whole range. Tensors too, of any device.
    rate : int
        The array's rate in Hz, a whole number.
    sample_rate : int
        Of the result, in Hz.

    Returns
    -------
    wav : torch.Tensor
        [N], float32, in [-1, 1].

    Raises
    ------
    ValueError
        If the array has another shape or type, or for a file's reasons.

    Example
    -------
    >>> array_to_mono(np.array([[16384, 0]] * 800, dtype=np.int16), 8000, 8000)[0]
    tensor(0.2500)
    """
    if isinstance(array, torch.Tensor):
        array = (array.float() if array.is_floating_point() else array).detach().cpu()
    values = np.asarray(array)
    if values.ndim not in (1, 2) or not (values.dtype.kind == "f" or values.dtype in PCM):
        raise InputError(
            "an array of audio must be [samples] or [samples, channels], of floats, int16 or "
            f"int32; got {list(values.shape)}, {values.dtype}"
        )
    if values.ndim == 2 and values.shape[1] > values.shape[0]:
        raise InputError(f"more channels than samples: {list(values.shape)}; transpose the array")
    if values.dtype.kind == "i":
        values = values / -float(np.iinfo(values.dtype).min)
    samples = torch.from_numpy(np.atleast_2d(values.astype(np.float32).T).copy())
    return _mono(samples, rate, sample_rate, "the array")


def _mono(samples: torch.Tensor, rate: int, sample_rate: int, name: str) -> torch.Tensor:
    """Mix samples [channels, N] and resample them."""
    if not RATES[0] <= rate <= RATES[1] or rate != int(rate):
        raise InputError(f"{name}: has {rate!r} samples a second; allowed: {RATES}, whole numbers")
    rate = int(rate)  # librosa's are floats
    if not samples.numel():
        raise InputError(f"{name}: holds no samples")
    wav = samples.float().mean(dim=0)
    if not torch.isfinite(wav).all():
        raise InputError(f"{name}: holds samples that are not finite")
    if wav.abs().max() > LOUDEST:
        raise InputError(
            f"{name}: holds samples of up to ±{wav.abs().max():g}, and audio is in [-1, 1]: "
            "divide samples of 16 bits by 32768"
        )
    if rate == sample_rate:
        return wav
    shared = math.gcd(rate, sample_rate)
    resampled = resample_poly(wav.numpy(), sample_rate // shared, rate // shared)
    return torch.from_numpy(resampled.astype(np.float32))
