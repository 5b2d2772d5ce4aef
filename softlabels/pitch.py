"""Pitch, voicing and harmonicity: Boersma's method, batched.

A frame's candidates are the peaks of its autocorrelation, divided by that of the window; the
best path through the candidates decides. Praat keeps the best path alone. Here the best path
through *every* candidate is scored (Viterbi forwards and backwards), so that a frame has a
probability of voice, and a pitch whether or not it has voice. Audio has 16 kHz.

Source: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17 (1993), 97–110; the costs are
the defaults of Praat's ``To Pitch (ac)``.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

SAMPLE_RATE = 16000
HOP = 160
FLOOR, CEILING = 55.0, 500.0  # Hz
HNR_RANGE = (-10.0, 40.0)  # dB

OCTAVE_COST = 0.01
OCTAVE_JUMP_COST = 0.35
VOICED_UNVOICED_COST = 0.14
VOICING_THRESHOLD = 0.45
SILENCE_THRESHOLD = 0.03  # of the utterance's peak
VOICING_SCALE = 17.0  # logits per unit of score, fitted to Praat's decisions on real speech

_CANDIDATES = 7
_SHORTEST, _LONGEST = int(SAMPLE_RATE / CEILING), math.ceil(SAMPLE_RATE / FLOOR)  # lags
_HALF = int(1.5 * SAMPLE_RATE / FLOOR)  # the pitch window is three of the longest periods
_STRETCH = 520  # samples (32 ms, tapered) that are compared with those a period later
_EARLY = 90  # by so many samples its middle lies before the frame's, as in Praat's cc
_TAPS, _STEPS = 8, 4  # samples on either side that interpolate, points between two samples
_FAR_TAPS = 24  # where the autocorrelation is interpolated: less would cost an octave at 450 Hz
_MARGIN = 3 * HOP  # zeros before an utterance, enough for any frame or stretch
_NOTHING = 1e-12  # power (−120 dB) below which there is only rounding
_NEVER = -1e4  # the strength of a candidate that isn't one


class Pitch(NamedTuple):
    """A batch's tracks, each [B, T] float32.

    ``f0`` in Hz (55 to 500), the best guess where there is no voice; ``voicing``, the
    probability of voice, calibrated on Praat's decisions; ``hnr`` in dB (`HNR_RANGE`).
    """

    f0: Tensor
    voicing: Tensor
    hnr: Tensor


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


def best_paths(strength: Tensor, octaves: Tensor, frames: Tensor) -> Tensor:
    """Score the best path through every candidate of every frame.

    Arguments
    ---------
    strength : torch.Tensor
        [B, T, K + 1] scores of the candidates; the last one is "no voice".
    octaves : torch.Tensor
        [B, T, K] log2 of the voiced candidates' frequencies.
    frames : torch.Tensor
        [B] int64, each utterance's number of frames; later ones change nothing.

    Returns
    -------
    scores : torch.Tensor
        [B, T, K + 1]; differences within a frame count.

    Example
    -------
    >>> strength = torch.tensor([[[0.5, 0.4], [0.4, 0.45], [0.5, 0.4]]])
    >>> best_paths(strength, torch.zeros(1, 3, 1), torch.tensor([3])).argmax(-1)
    tensor([[0, 0, 0]])
    """
    utterances = torch.arange(len(strength), device=strength.device)[:, None]
    times = torch.arange(strength.shape[1], device=strength.device)
    reverse = utterances, (frames[:, None] - 1 - times).clamp(min=0)
    # below 0, sums only gather the paths' costs: float32 holds for minutes of audio
    strength = strength - strength.amax(-1, keepdim=True)
    # both directions at once: the second half of the batch runs backwards from its own end
    both = torch.cat([strength, strength[reverse]])
    tones = torch.cat([octaves, octaves[reverse]])
    jumps = OCTAVE_JUMP_COST * (tones[:, 1:, :, None] - tones[:, :-1, None, :]).abs()
    costs = pad(jumps, (0, 1, 0, 1), value=VOICED_UNVOICED_COST)
    costs[..., -1, -1] = 0
    gains = (both[:, 1:, :, None] - costs).unbind(1)  # [2B, to, from] for each step
    scores = [both[:, 0]]
    for gain in gains:  # the only loop over time: two operations a frame
        scores.append((scores[-1][:, None] + gain).amax(-1))
    forth, back = torch.stack(scores, 1).chunk(2)
    return forth + back[reverse] - strength


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
        now * power.clamp(min=_NOTHING).rsqrt()[:, None]
        - later * power_later.clamp(min=_NOTHING).rsqrt()[:, None]
    )
    noise = difference.square() @ weights / 2
    noise = torch.where(torch.minimum(power, power_later) > _NOTHING, noise, 1.0)
    ratio = (1 - noise).clamp(min=1e-6) / noise.clamp(min=1e-6)
    return (10 * ratio.log10()).clamp(*HNR_RANGE)


class PitchTracker(nn.Module):
    """F0, probability of voice and harmonics-to-noise ratio every 10 ms.

    Example
    -------
    >>> wavs = torch.sin(torch.arange(16000) * 2 * torch.pi * 200 / 16000)[None]
    >>> pitch = PitchTracker()(wavs, torch.tensor([16000]))
    >>> pitch.f0.shape, round(pitch.f0[0, 50].item(), 1)
    (torch.Size([1, 101]), 200.0)
    """

    window: Tensor
    expected: Tensor
    upsample: Tensor
    taper: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(2 * _HALF + 3, periodic=False, dtype=torch.float64)[1:-1]
        lags = _LONGEST + _FAR_TAPS + 1
        self.fft_size = 256 * math.ceil((len(window) + lags) / 256)  # no lag wraps around
        expected = torch.fft.irfft(torch.fft.rfft(window, self.fft_size).abs().square())[:lags]
        taper = torch.hann_window(_STRETCH, dtype=torch.float64)
        grid = torch.arange(-_STEPS, _STEPS + 1, dtype=torch.float64) / _STEPS
        for name, value in {
            "window": window,
            "expected": expected / expected[0],
            "upsample": interpolation(grid, _FAR_TAPS).T,
            "taper": taper / taper.sum(),
        }.items():
            self.register_buffer(name, value.float(), persistent=False)

    def candidates(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Peaks of the frames' autocorrelation.

        Arguments
        ---------
        frames : torch.Tensor
            [R, W] audio, 55 ms long.

        Returns
        -------
        lags : torch.Tensor
            [R, 7, 2] whole samples and, apart, which keeps its digits, the rest.
        strengths : torch.Tensor
            [R, 7] the autocorrelation there, up to 1, or `_NEVER` where peaks run out.
        peak : torch.Tensor
            [R] largest magnitude within half a period of the frame's middle.
        """
        frames = frames - frames.mean(-1, keepdim=True)
        peak = frames[:, _HALF - _LONGEST // 2 : _HALF + _LONGEST // 2 + 1].abs().amax(-1)
        spectrum = torch.fft.rfft(frames * self.window, self.fft_size)
        # not spectrum · its conjugate: that rounds by a value's place in memory
        power = spectrum.real.square() + spectrum.imag.square()
        r = torch.fft.irfft(power, self.fft_size)[:, : len(self.expected)]
        r = r / (r[:, :1].clamp(min=_NOTHING * len(self.window)) * self.expected)
        left, here, right = (r[:, _SHORTEST + i : _LONGEST + i + 1] for i in (-1, 0, 1))
        is_peak = (here > left) & (here >= right) & (here > VOICING_THRESHOLD / 2)
        octaves = torch.arange(_SHORTEST, _LONGEST + 1, device=r.device).log2()
        rank = torch.where(is_peak, here - OCTAVE_COST * octaves, _NEVER)
        rank, place = rank.topk(_CANDIDATES, dim=-1)
        place = place + _SHORTEST
        around = place[..., None] + torch.arange(-_FAR_TAPS, _FAR_TAPS + 1, device=r.device)
        values = r.gather(1, around.flatten(1)).view(around.shape)
        middle = values[..., _FAR_TAPS, None]
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
        found = rank > _NEVER / 2  # what `topk` fills up with is arbitrary
        lags = torch.stack([torch.where(found, place, _LONGEST), found * rest], -1)
        return lags, torch.where(found, height, _NEVER), peak

    def forward(self, wavs: Tensor, samples: Tensor) -> Pitch:
        """Track a batch.

        Arguments
        ---------
        wavs : torch.Tensor
            [B, N] float32 audio, 0 after each utterance's end.
        samples : torch.Tensor
            [B] int64, each utterance's number of samples.

        Returns
        -------
        pitch : Pitch
            Three tracks, [B, 1 + N // 160].
        """
        batch, size = wavs.shape
        steps = 1 + size // HOP
        # one long row: each utterance after its margin of zeros, a whole number of hops
        blocks = steps + 4
        audio = pad(wavs, (_MARGIN, blocks * HOP - size - _MARGIN)).flatten()
        audio = pad(audio, (0, 2 * _MARGIN))
        views = audio[_MARGIN - _HALF :].unfold(0, 2 * _HALF + 1, HOP)[: batch * blocks]
        # in parts, which bounds memory, and on a CPU stays in its cache
        rows = 512 if wavs.device.type == "cpu" else 1 << 16
        parts = zip(*map(self.candidates, views.split(rows)), strict=True)
        lags, strengths, peak = (
            torch.cat(part).view(batch, blocks, *part[0].shape[1:])[:, :steps] for part in parts
        )
        frames = 1 + samples // HOP
        real = torch.arange(steps, device=wavs.device) < frames[:, None]
        loudest = (peak * real).amax(1, keepdim=True).clamp(min=_NOTHING**0.5)
        quiet = 2 - peak / loudest * (1 + VOICING_THRESHOLD) / SILENCE_THRESHOLD
        unvoiced = VOICING_THRESHOLD + quiet.clamp(min=0)
        octaves = (SAMPLE_RATE / lags.sum(-1)).clamp(FLOOR, CEILING).log2()
        voiced = strengths - OCTAVE_COST * (math.log2(CEILING) - octaves)
        scores = best_paths(torch.cat([voiced, unvoiced[..., None]], -1), octaves, frames)
        best, which = scores[..., :-1].max(-1)
        margin = best - scores[..., -1]
        lag = lags.gather(2, which[..., None, None].expand(-1, -1, 1, 2)).squeeze(2)
        starts = torch.arange(batch * blocks, device=wavs.device).view(batch, blocks) * HOP
        starts = starts[:, :steps] + _MARGIN - _EARLY - _STRETCH // 2
        places = zip(starts.flatten().split(rows), lag.flatten(0, 1).split(rows), strict=True)
        hnr = torch.cat([self.compare(audio, start, lag) for start, lag in places])
        f0 = (SAMPLE_RATE / lag.sum(-1)).clamp(FLOOR, CEILING)
        return Pitch(f0, torch.sigmoid(VOICING_SCALE * margin), hnr.view(batch, steps))

    def compare(self, audio: Tensor, starts: Tensor, lags: Tensor) -> Tensor:
        """`harmonicity` of stretches of audio and those one period later.

        Arguments
        ---------
        audio : torch.Tensor
            [N].
        starts : torch.Tensor
            [R] int64, the stretches' first samples.
        lags : torch.Tensor
            [R, 2] periods: whole samples, and the rest.

        Returns
        -------
        hnr : torch.Tensor
            [R] dB.
        """
        now = audio.unfold(0, _STRETCH, 1)[starts]
        around = audio.unfold(0, _STRETCH + 2 * _TAPS, 1)[starts + lags[:, 0].long() - _TAPS]
        weights = interpolation(lags[:, 1])
        later = torch.zeros_like(now)
        for tap in range(2 * _TAPS + 1):
            later.addcmul_(around[:, tap : tap + _STRETCH], weights[:, tap, None])
        return harmonicity(now, later, self.taper)
