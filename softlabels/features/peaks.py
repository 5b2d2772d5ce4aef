"""A frame's candidates for a pitch: the peaks of its autocorrelation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from softlabels.features.harmonicity import NOTHING, interpolation

SAMPLE_RATE = 16000
FLOOR, CEILING = 55.0, 500.0  # Hz
OCTAVE_COST = 0.01
VOICING_THRESHOLD = 0.45
NEVER = -1e4  # the strength of a candidate that isn't one
HALF = int(1.5 * SAMPLE_RATE / FLOOR)  # half a frame, which is three of the longest periods

_CANDIDATES = 7
_SHORTEST, _LONGEST = int(SAMPLE_RATE / CEILING), math.ceil(SAMPLE_RATE / FLOOR)  # lags
_STEPS = 4  # points between two samples at which the autocorrelation is interpolated
_TAPS = 24  # samples on either side that do so: less would cost an octave at 450 Hz


class Peaks(nn.Module):
    """Peaks of frames' autocorrelation, divided by that of the window.

    Example
    -------
    >>> frame = torch.sin(torch.arange(2 * HALF + 1) * 2 * torch.pi / 80)[None]
    >>> lags, strengths, peak = Peaks()(frame)
    >>> lags[0, 0].sum().round().item(), strengths[0, 0].round().item()
    (80.0, 1.0)
    """

    VERSION = 1  # raise it when the results change

    window: Tensor
    expected: Tensor
    upsample: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(2 * HALF + 3, periodic=False, dtype=torch.float64)[1:-1]
        lags = _LONGEST + _TAPS + 1
        self.fft_size = 256 * math.ceil((len(window) + lags) / 256)  # no lag wraps around
        expected = torch.fft.irfft(torch.fft.rfft(window, self.fft_size).abs().square())[:lags]
        grid = torch.arange(-_STEPS, _STEPS + 1, dtype=torch.float64) / _STEPS
        for name, value in {
            "window": window,
            "expected": expected / expected[0],
            "upsample": interpolation(grid, _TAPS).T,
        }.items():
            self.register_buffer(name, value.float(), persistent=False)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Find them.

        Arguments
        ---------
        frames : torch.Tensor
            [R, W] audio, 55 ms long.

        Returns
        -------
        lags : torch.Tensor
            [R, 7, 2] whole samples and, apart, which keeps its digits, the rest.
        strengths : torch.Tensor
            [R, 7] the autocorrelation there, up to 1, or `NEVER` where peaks run out.
        peak : torch.Tensor
            [R] largest magnitude within half a period of the frame's middle.
        """
        frames = frames - frames.mean(-1, keepdim=True)
        peak = frames[:, HALF - _LONGEST // 2 : HALF + _LONGEST // 2 + 1].abs().amax(-1)
        spectrum = torch.fft.rfft(frames * self.window, self.fft_size)
        # not spectrum · its conjugate: that rounds by a value's place in memory
        power = spectrum.real.square() + spectrum.imag.square()
        r = torch.fft.irfft(power, self.fft_size)[:, : len(self.expected)]
        r = r / (r[:, :1].clamp(min=NOTHING * len(self.window)) * self.expected)
        left, here, right = (r[:, _SHORTEST + i : _LONGEST + i + 1] for i in (-1, 0, 1))
        is_peak = (here > left) & (here >= right) & (here > VOICING_THRESHOLD / 2)
        octaves = torch.arange(_SHORTEST, _LONGEST + 1, device=r.device).log2()
        rank = torch.where(is_peak, here - OCTAVE_COST * octaves, NEVER)
        rank, place = rank.topk(_CANDIDATES, dim=-1)
        place = place + _SHORTEST
        around = place[..., None] + torch.arange(-_TAPS, _TAPS + 1, device=r.device)
        values = r.gather(1, around.flatten(1)).view(around.shape)
        middle = values[..., _TAPS, None]
        # relative to the middle, which loses no digits: low voices have flat peaks
        fine = (values - middle) @ self.upsample
        top = fine[..., 1:-1].argmax(-1, keepdim=True) + 1
        left, here, right = (fine.gather(-1, top + i).squeeze(-1) for i in (-1, 0, 1))
        curvature = (2 * here - left - right).clamp(min=1e-12)  # of a parabola through the three
        offset = ((right - left) / 2 / curvature).clamp(-0.5, 0.5)
        height = here + offset * (right - left) / 2 - curvature * offset.square() / 2
        height = height + middle.squeeze(-1)
        height = torch.where(height > 1, 1 / height.clamp(min=1), height)
        rest = (top.squeeze(-1) - _STEPS + offset) / _STEPS
        real = rank > NEVER / 2  # what `topk` fills up with is arbitrary
        lags = torch.stack([torch.where(real, place, _LONGEST), real * rest], -1)
        return lags, torch.where(real, height, NEVER), peak
