"""The 47 acoustic features of the paper's network, batched, in torch.

====================  ====================================================================
``mfcc_1 … mfcc_12``  openSMILE's emobase: 25 ms Hamming, pre-emphasis 0.97, 26 mel bands
``loudness``          sum over the mel bands of energy to the power 0.23, from 0
``f0``                Hz, 55 to 500; where there is no voice, straight between its
                      neighbours, held at the ends; `NO_VOICE_F0` without any voice
``voicing``           probability of voice, 0 to 1
``zcr``               share of a frame's samples at which the sign changes, 0 to 1
``hnr``               harmonics-to-noise ratio, −10 to 40 dB
``…_d``, ``…_dd``     differences (`differences`), and theirs
====================  ====================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from speechbrain.processing.features import STFT
from torch import Tensor, nn
from torch.nn.functional import avg_pool1d, pad
from torchaudio.functional import create_dct, melscale_fbanks

from softlabels.features.pitch import CEILING, FLOOR, HOP, SAMPLE_RATE, PitchTracker

NO_VOICE_F0 = math.sqrt(FLOOR * CEILING)  # Hz, of an utterance that has no voice at all
_WINDOW = 400  # samples, 25 ms
_LEAST_ENERGY = 1 / 32767**2  # HTK's floor, 1 for 16-bit samples

_MFCC = tuple(f"mfcc_{i}" for i in range(1, 13))
_VOICE = ("f0", "voicing", "zcr", "hnr")
NAMES = (
    *(name + suffix for suffix in ("", "_d", "_dd") for name in _MFCC),
    *("loudness" + suffix for suffix in ("", "_d", "_dd")),
    *(name + suffix for suffix in ("", "_d") for name in _VOICE),
)


def zero_crossing_rate(wavs: Tensor) -> Tensor:
    """Share of a frame's samples at which the sign changes.

    A sample that is exactly 0 between two of different signs is one change.

    Arguments
    ---------
    wavs : torch.Tensor
        [B, N] audio.

    Returns
    -------
    rate : torch.Tensor
        [B, 1 + N // 160], 0 to 1, of 25 ms around each frame's middle.

    Example
    -------
    >>> zero_crossing_rate(torch.tensor([[1.0, -1.0] * 400]))[0, 2].item()
    1.0
    """
    before, here, after = pad(wavs.sign(), (1, 1)).unfold(1, 3, 1).unbind(-1)
    change = (before * here < 0) | ((here == 0) & (before * after < 0))
    change = pad(change.float(), (_WINDOW // 2, _WINDOW // 2))
    return avg_pool1d(change, _WINDOW, HOP)


def bridge(values: Tensor, known: Tensor, default: float) -> Tensor:
    """Fill gaps by a straight line between the known neighbours, held at the ends.

    Arguments
    ---------
    values : torch.Tensor
        [B, T].
    known : torch.Tensor
        [B, T] bool.
    default : float
        What a row gets in which nothing is known.

    Returns
    -------
    values : torch.Tensor
        [B, T].

    Example
    -------
    >>> bridge(torch.tensor([[9.0, 1, 9, 3]]), torch.tensor([[False, True, False, True]]), 0.0)
    tensor([[1., 1., 2., 3.]])
    """
    steps = values.shape[1]
    times = torch.arange(steps, device=values.device).expand_as(values)
    before = torch.where(known, times, -1).cummax(1).values
    after = torch.where(known, times, steps).flip(1).cummin(1).values.flip(1)
    left = torch.where(before < 0, after, before).clamp(max=steps - 1)
    right = torch.where(after == steps, before, after).clamp(min=0)
    start, end = values.gather(1, left), values.gather(1, right)
    filled = start + (end - start) * (times - left) / (right - left).clamp(min=1)
    return torch.where(known.any(1, keepdim=True), filled, default)


def differences(features: Tensor, frames: Tensor) -> Tensor:
    """Slopes over 5 frames, as `torchaudio.functional.compute_deltas` computes them.

    Arguments
    ---------
    features : torch.Tensor
        [B, T, F].
    frames : torch.Tensor
        [B] int64, each utterance's number of frames. The first and the last of them are
        repeated beyond the ends; what follows in ``features`` changes nothing.

    Returns
    -------
    slopes : torch.Tensor
        [B, T, F], per frame.

    Example
    -------
    >>> ramp = torch.tensor([0.0, 1, 2, 3, 4, 5, 9, 9]).view(1, 8, 1)
    >>> differences(ramp, torch.tensor([6]))[0, :6, 0]
    tensor([0.5000, 0.8000, 1.0000, 1.0000, 0.8000, 0.5000])
    """
    times = torch.arange(-2, features.shape[1] + 2, device=features.device).clamp(min=0)
    held = torch.minimum(times, frames[:, None] - 1)[..., None]
    held = features.gather(1, held.expand(-1, -1, features.shape[2]))
    near, far = held[:, 3:-1] - held[:, 1:-3], held[:, 4:] - held[:, :-4]
    return (near + 2 * far) / 10


class Acoustic47(nn.Module):
    """Audio → 47 features every 10 ms.

    Arguments
    ---------
    sample_rate : int
        Hz: 16000, nothing else (windows, lags and references are those of 16 kHz).

    Example
    -------
    >>> compute_features = Acoustic47(sample_rate=16000)
    >>> compute_features(torch.zeros(2, 8000), torch.tensor([1.0, 0.5])).shape
    torch.Size([2, 51, 47])
    >>> compute_features.names.index("f0")
    39
    """

    VERSION = 1  # raise it when the features change, in whatever file
    names: tuple[str, ...] = NAMES
    mel: Tensor
    dct: Tensor

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        super().__init__()
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"sample_rate must be {SAMPLE_RATE} (resample); got {sample_rate!r}")
        self.stft = STFT(sample_rate, win_length=25, hop_length=10, n_fft=512)
        self.pitch = PitchTracker()
        bank = melscale_fbanks(257, 0.0, sample_rate / 2, 26, sample_rate)
        self.register_buffer("mel", bank, persistent=False)
        self.register_buffer("dct", create_dct(13, 26, norm="ortho")[:, 1:], persistent=False)

    @torch.no_grad()
    def forward(self, wavs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Compute the features.

        Arguments
        ---------
        wavs : torch.Tensor
            [B, N] audio, −1 to 1, of any floating-point type.
        lengths : torch.Tensor
            [B], 0 to 1: utterance b has round(lengths[b] · N) samples, whatever follows them.
            None: each has all N.

        Returns
        -------
        features : torch.Tensor
            [B, 1 + N // 160, 47] float32, frame t centred on t · 10 ms; 0 after an
            utterance's 1 + n // 160 frames.

        Raises
        ------
        ValueError
            If the shapes or types are others.
        """
        samples = _check(wavs, lengths)
        real = torch.arange(wavs.shape[1], device=wavs.device) < samples[:, None]
        wavs = torch.where(real, wavs.float(), 0.0)
        if wavs.device.type != "cpu":
            return self._compute([(wavs, samples)])[0]
        sizes = samples.clamp(min=1).tolist()
        features = self.each([wav[:size] for wav, size in zip(wavs, sizes, strict=True)])
        steps = 1 + wavs.shape[1] // HOP
        return torch.stack([pad(each, (0, 0, 0, steps - len(each))) for each in features])

    @torch.no_grad()
    def each(self, wavs: Sequence[Tensor]) -> list[Tensor]:
        """Compute the features of some utterances, faster than one at a time.

        Arguments
        ---------
        wavs : sequence of torch.Tensor
            Each [N] float32 audio, of similar N or the work on the shorter ones is wasted.

        Returns
        -------
        features : list of torch.Tensor
            Each [1 + N // 160, 47], bit for bit those of the utterance alone.

        Example
        -------
        >>> [features] = Acoustic47().each([torch.zeros(8000)])
        >>> features.shape
        torch.Size([51, 47])
        """
        groups = [(wav[None], torch.tensor([len(wav)], device=wav.device)) for wav in wavs]
        return [features[0] for features in self._compute(groups)]

    def _compute(self, groups: Sequence[tuple[Tensor, Tensor]]) -> list[Tensor]:
        """Compute features [B, T, 47] of groups: audio [B, N], 0 beyond its samples [B]."""
        with torch.autocast(groups[0][0].device.type, enabled=False):
            pitches = self.pitch.track(groups)
            return [
                self._assemble(*group, *pitch) for group, pitch in zip(groups, pitches, strict=True)
            ]

    def _assemble(
        self, wavs: Tensor, samples: Tensor, f0: Tensor, voicing: Tensor, hnr: Tensor
    ) -> Tensor:
        frames = 1 + samples // HOP
        real = torch.arange(wavs.shape[1], device=wavs.device) < samples[:, None]
        real_frames = torch.arange(f0.shape[1], device=wavs.device) < frames[:, None]
        # the sample after the end is 0, not the end's pre-emphasis
        emphasised = (wavs - 0.97 * pad(wavs, (1, -1))) * real
        spectrum = self.stft(emphasised)
        energy = (spectrum[..., 0].square() + spectrum[..., 1].square()) @ self.mel
        logs = energy.log()
        mfcc = logs.clamp(min=math.log(_LEAST_ENERGY)) @ self.dct
        loudness = (0.23 * logs).exp().sum(-1, keepdim=True)
        f0 = bridge(f0, (voicing > 0.5) & real_frames, NO_VOICE_F0)
        voice = torch.stack([f0, voicing, zero_crossing_rate(wavs), hnr], -1)
        d = differences(torch.cat([mfcc, loudness, voice], -1), frames)
        dd = differences(d[..., :13], frames)
        mfccs = [mfcc, d[..., :12], dd[..., :12]]
        loudnesses = [loudness, d[..., 12:13], dd[..., 12:]]
        features = torch.cat([*mfccs, *loudnesses, voice, d[..., 13:]], -1)
        return features * real_frames[..., None]


def _check(wavs: Tensor, lengths: Tensor | None) -> Tensor:
    """Refuse what isn't a batch of audio; return each utterance's number of samples."""
    if wavs.ndim != 2 or not wavs.numel() or not wavs.is_floating_point():
        raise ValueError(
            "wavs must be [batch, samples], not empty, floating point; "
            f"got shape {list(wavs.shape)}, {wavs.dtype}"
        )
    batch, size = wavs.shape
    if lengths is None:
        return torch.full((batch,), size, device=wavs.device)
    if lengths.shape != (batch,) or not bool(((lengths >= 0) & (lengths <= 1)).all()):
        raise ValueError(
            f"lengths must be [{batch}] shares from 0 to 1; "
            f"got shape {list(lengths.shape)}, {lengths.tolist()}"
        )
    return (lengths.cpu().double() * size).round().long().to(wavs.device)
