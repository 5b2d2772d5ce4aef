"""The 47 acoustic features of a frame: what the paper's network hears."""

from __future__ import annotations

import torch
from speechbrain.processing.features import STFT
from torch import Tensor, nn
from torchaudio.functional import compute_deltas, create_dct, melscale_fbanks

from softlabels.pitch import PitchTracker

SAMPLE_RATE = 16000
HOP = 160
MFCC = tuple(f"mfcc_{i}" for i in range(1, 13))
VOICE = ("f0", "voicing", "zcr", "hnr")
NAMES = (
    *MFCC,
    *(f"{name}_d" for name in MFCC),
    *(f"{name}_dd" for name in MFCC),
    *("loudness", "loudness_d", "loudness_dd"),
    *VOICE,
    *(f"{name}_d" for name in VOICE),
)
_FLOOR = 1 / 32767**2  # HTK's floor of 1 for audio in 16-bit steps


def zero_crossing_rate(wavs: Tensor, window: int = 400, hop: int = HOP) -> Tensor:
    """Share of a frame's samples at which the sign changes, [B, N] → [B, 1 + N // hop].

    Example
    -------
    >>> zero_crossing_rate(torch.tensor([[1.0, -1.0] * 400]))[0, 2].item()
    1.0
    """
    sign = wavs.sign()
    crossing = sign[:, 1:] * sign[:, :-1] < 0
    # a sample that is exactly zero between two signs is one crossing
    crossing[:, :-1] |= (sign[:, 1:-1] == 0) & (sign[:, 2:] * sign[:, :-2] < 0)
    padded = nn.functional.pad(crossing.float(), (window // 2, window // 2 + hop))
    return nn.functional.avg_pool1d(padded, window, hop)[:, : 1 + wavs.shape[1] // hop]


def hold(features: Tensor, frames: Tensor) -> Tensor:
    """Repeat each utterance's last real frame to the batch's end.

    Arguments
    ---------
    features : torch.Tensor
        [B, T, F].
    frames : torch.Tensor
        [B] int64, numbers of real frames.

    Returns
    -------
    features : torch.Tensor
        [B, T, F].

    Example
    -------
    >>> hold(torch.tensor([[[1.0], [2.0], [3.0]]]), torch.tensor([2])).flatten().tolist()
    [1.0, 2.0, 2.0]
    """
    times = torch.arange(features.shape[1], device=features.device)
    index = torch.minimum(times, frames[:, None] - 1)[..., None]
    return features.gather(1, index.expand_as(features))


def differences(features: Tensor, frames: Tensor) -> Tensor:
    """Slopes over 5 frames, each utterance's ends repeated, [B, T, F] → [B, T, F]."""
    held = hold(features, frames)
    return compute_deltas(held.transpose(1, 2)).transpose(1, 2)


class Acoustic47(nn.Module):
    """The paper's 47 features of speech.

    Arguments
    ---------
    sample_rate : int
        Hz; 16000 is the only one.

    Example
    -------
    >>> compute = Acoustic47(sample_rate=16000)
    >>> compute(torch.zeros(2, 8000)).shape, len(compute.names)
    (torch.Size([2, 51, 47]), 47)
    """

    names: tuple[str, ...] = NAMES

    def __init__(self, sample_rate: int = SAMPLE_RATE) -> None:
        super().__init__()
        if sample_rate != SAMPLE_RATE:
            raise ValueError(f"sample_rate must be {SAMPLE_RATE}; got {sample_rate!r}")
        self.stft = STFT(sample_rate, win_length=25, hop_length=10, n_fft=512)
        self.pitch = PitchTracker()
        mel = melscale_fbanks(257, 0.0, 8000.0, 26, sample_rate)
        self.register_buffer("mel", mel, persistent=False)
        self.register_buffer("dct", create_dct(13, 26, norm="ortho")[:, 1:], persistent=False)

    def spectral(self, wavs: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """MFCC [B, T, 12] and loudness [B, T, 1]."""
        emphasised = torch.cat([wavs[:, :1], wavs[:, 1:] - 0.97 * wavs[:, :-1]], 1) * real
        real_part, imaginary = self.stft(emphasised).unbind(-1)
        mel = (real_part.square() + imaginary.square()) @ self.mel
        cepstrum = mel.clamp(min=_FLOOR).log() @ self.dct
        return cepstrum, mel.pow(0.23).sum(-1, keepdim=True)

    @torch.no_grad()
    def forward(self, wavs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Compute the features.

        Arguments
        ---------
        wavs : torch.Tensor
            [B, N] audio, −1 to 1.
        lengths : torch.Tensor
            [B] shares of N, 0 to 1; None: all whole.

        Returns
        -------
        features : torch.Tensor
            [B, 1 + N // 160, 47] float32, frame t centred on t · 10 ms.
        """
        if wavs.ndim != 2 or not wavs.is_floating_point() or not wavs.numel():
            raise ValueError(
                f"wavs must be [batch, samples], floating point and not empty; "
                f"got {list(wavs.shape)}, {wavs.dtype}"
            )
        with torch.autocast(wavs.device.type, enabled=False):
            wavs = wavs.float()
            batch, size = wavs.shape
            if lengths is None:
                samples = torch.full((batch,), size, device=wavs.device)
            else:
                samples = (lengths.to(wavs.device, torch.float64) * size).round().long()
                samples = samples.clamp(1, size)
            real = torch.arange(size, device=wavs.device) < samples[:, None]
            wavs = torch.where(real, wavs, 0)
            frames = 1 + samples // HOP
            mfcc, loudness = self.spectral(wavs, real)
            pitch = self.pitch(wavs, samples)
            zcr = zero_crossing_rate(wavs)
            static = torch.stack([pitch.f0, pitch.voicing, zcr, pitch.hnr], -1)
            static = torch.cat([mfcc, loudness, static], -1)
            first = differences(static, frames)
            second = differences(first[..., :13], frames)
            columns = [
                static[..., :12],
                first[..., :12],
                second[..., :12],
                static[..., 12:13],
                first[..., 12:13],
                second[..., 12:13],
                static[..., 13:],
                first[..., 13:],
            ]
            steps = torch.arange(static.shape[1], device=wavs.device)
            return torch.cat(columns, -1) * (steps < frames[:, None])[..., None]
