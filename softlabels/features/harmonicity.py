"""Harmonicity: how alike a stretch of audio and the same one period later are."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

HNR_RANGE = (-10.0, 40.0)  # dB

_STRETCH = 520  # samples (32 ms, tapered) that are compared with those a period later
_EARLY = 90  # by so many samples its middle lies before the frame's, as in Praat's cc
_TAPS = 8  # samples on either side that interpolate
NOTHING = 1e-12  # power (−120 dB) below which there is only rounding


def interpolation(place: Tensor, taps: int = _TAPS) -> Tensor:
    """Weights of the samples −taps … taps that give the signal in between.

    Arguments
    ---------
    place : torch.Tensor
        [...] where, in samples, −1 to 1.
    taps : int
        Samples on either side.

    Returns
    -------
    weights : torch.Tensor
        [..., 2 · taps + 1], a sinc under a Hann window, of sum 1.

    Example
    -------
    >>> interpolation(torch.tensor([1.0])).round().argmax().item()
    9
    """
    samples = torch.arange(-taps, taps + 1, device=place.device, dtype=place.dtype)
    distance = place[..., None] - samples
    weights = torch.sinc(distance) * torch.cos(math.pi / 2 * distance / (taps + 1.5)).square()
    return weights / weights.sum(-1, keepdim=True)


def harmonicity(now: Tensor, later: Tensor, weights: Tensor) -> Tensor:
    """Harmonics-to-noise ratio from a stretch of audio and the same one period later.

    10 · log10(r / (1 − r)) of their weighted correlation r. 1 − r is half the power of the
    difference at equal loudness, which keeps its precision where r is nearly 1.

    Arguments
    ---------
    now, later : torch.Tensor
        [R, W] audio.
    weights : torch.Tensor
        [W], of sum 1.

    Returns
    -------
    hnr : torch.Tensor
        [R] dB, within `HNR_RANGE`; the least where either is silent.

    Example
    -------
    >>> now, later = torch.tensor([[1.0, 0, -1, 0]]), torch.tensor([[1.0, 1, -1, -1]])
    >>> harmonicity(now, later, torch.full((4,), 0.25))  # r = √½
    tensor([3.8278])
    """
    now = now - (now @ weights)[:, None]
    later = later - (later @ weights)[:, None]
    power, power_later = now.square() @ weights, later.square() @ weights
    difference = (
        now * power.clamp(min=NOTHING).rsqrt()[:, None]
        - later * power_later.clamp(min=NOTHING).rsqrt()[:, None]
    )
    noise = difference.square() @ weights / 2
    noise = torch.where(torch.minimum(power, power_later) > NOTHING, noise, 1.0)
    ratio = (1 - noise).clamp(min=1e-6) / noise.clamp(min=1e-6)
    return (10 * ratio.log10()).clamp(*HNR_RANGE)


class Harmonicity(nn.Module):
    """`harmonicity` at some places of an audio signal, of a period each.

    Example
    -------
    >>> wav = torch.sin(torch.arange(1600) * 2 * torch.pi * 200 / 16000)
    >>> Harmonicity()(wav, torch.tensor([800]), torch.tensor([[80.0, 0.0]])).item()
    40.0
    """

    VERSION = 1  # raise it when the results change

    taper: Tensor

    def __init__(self) -> None:
        super().__init__()
        taper = torch.hann_window(_STRETCH, dtype=torch.float64)
        self.register_buffer("taper", (taper / taper.sum()).float(), persistent=False)

    def forward(self, audio: Tensor, middles: Tensor, lags: Tensor) -> Tensor:
        """Compare stretches of audio with those one period later.

        Arguments
        ---------
        audio : torch.Tensor
            [N], with 350 samples before the first middle and 478 after the last.
        middles : torch.Tensor
            [R] int64, the frames' middle samples.
        lags : torch.Tensor
            [R, 2] periods, up to 300 samples: whole samples, and the rest.

        Returns
        -------
        hnr : torch.Tensor
            [R] dB.
        """
        starts = middles - _EARLY - _STRETCH // 2
        now = audio.unfold(0, _STRETCH, 1)[starts]
        around = audio.unfold(0, _STRETCH + 2 * _TAPS, 1)[starts + lags[:, 0].long() - _TAPS]
        weights = interpolation(lags[:, 1])
        later = torch.zeros_like(now)
        for tap in range(2 * _TAPS + 1):
            later.addcmul_(around[:, tap : tap + _STRETCH], weights[:, tap, None])
        return harmonicity(now, later, self.taper)
