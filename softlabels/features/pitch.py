"""Pitch, voicing and harmonicity: Boersma's method, batched.

A frame's candidates are the peaks of its autocorrelation, divided by that of the window; the
best path through the candidates decides. Praat keeps the best path alone. Here the best path
through *every* candidate is scored (Viterbi forwards and backwards), so that a frame has a
probability of voice, and a pitch whether or not it has voice. Audio has 16 kHz.

The bits of a sum can depend on the shape of the batch that it stands in. So groups of utterances
are computed apart, and together only where bits can't: in the loop over time, which is slow.

Source: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17 (1993), 97–110; the costs are
the defaults of Praat's ``To Pitch (ac)``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from softlabels.features.harmonicity import NOTHING, Harmonicity
from softlabels.features.peaks import (
    CEILING,
    FLOOR,
    HALF,
    OCTAVE_COST,
    SAMPLE_RATE,
    VOICING_THRESHOLD,
    Peaks,
)

HOP = 160
OCTAVE_JUMP_COST = 0.35
VOICED_UNVOICED_COST = 0.14
SILENCE_THRESHOLD = 0.03  # of the utterance's peak
VOICING_SCALE = 17.0  # logits per unit of score, fitted to Praat's decisions on real speech

_MARGIN = 3 * HOP  # zeros before an utterance, enough for any frame or stretch


class Pitch(NamedTuple):
    """A batch's tracks, each [B, T] float32.

    ``f0`` in Hz (55 to 500), the best guess where there is no voice; ``voicing``, the
    probability of voice, calibrated on Praat's decisions; ``hnr`` in dB (`HNR_RANGE`).
    """

    f0: Tensor
    voicing: Tensor
    hnr: Tensor


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
    # both directions at once: the second half of the batch runs backwards from its own end.
    # [T, K, 2B]: a step lies in one piece, and its maximum runs over the first axis
    both = torch.cat([strength, strength[reverse]]).permute(1, 2, 0).contiguous()
    tones = torch.cat([octaves, octaves[reverse]]).permute(1, 2, 0).contiguous()
    jumps = OCTAVE_JUMP_COST * (tones[1:, None] - tones[:-1, :, None]).abs()
    costs = pad(jumps, (0, 0, 0, 1, 0, 1), value=VOICED_UNVOICED_COST)
    costs[:, -1, -1] = 0
    gains = both[1:, None] - costs  # [T - 1, from, to, 2B]
    scores = [both[0]]
    for gain in gains.unbind():  # the only loop over time: two operations a frame
        scores.append((scores[-1].unsqueeze(1) + gain).amax(0))
    forth, back = torch.stack(scores).permute(2, 0, 1).chunk(2)
    return forth + back[reverse] - strength


class Candidates(NamedTuple):
    """What a group of B utterances could sound at, in T frames of K = 7 candidates.

    ``lags`` [B, T, K, 2] periods: whole samples and, apart, which keeps its digits, the rest;
    ``octaves`` [B, T, K] log2 of their frequencies; ``strength`` [B, T, K + 1], the last one
    that of no voice; ``frames`` [B]; ``audio`` [N] a row of all utterances, in which frame t of
    utterance b has its middle at ``middles`` [B, T].
    """

    lags: Tensor
    octaves: Tensor
    strength: Tensor
    frames: Tensor
    audio: Tensor
    middles: Tensor


class PitchTracker(nn.Module):
    """F0, probability of voice and harmonics-to-noise ratio every 10 ms.

    Example
    -------
    >>> wavs = torch.sin(torch.arange(16000) * 2 * torch.pi * 200 / 16000)[None]
    >>> pitch = PitchTracker()(wavs, torch.tensor([16000]))
    >>> pitch.f0.shape, round(pitch.f0[0, 50].item(), 1)
    (torch.Size([1, 101]), 200.0)
    """

    VERSION = 1  # raise it when the results change

    def __init__(self) -> None:
        super().__init__()
        self.peaks = Peaks()
        self.harmonicity = Harmonicity()

    def candidates(self, wavs: Tensor, samples: Tensor) -> Candidates:
        """Find what a group of utterances could sound at; arguments as of `forward`."""
        batch, size = wavs.shape
        steps = 1 + size // HOP
        # one long row: each utterance after its margin of zeros, a whole number of hops
        blocks = steps + 4
        audio = pad(wavs, (_MARGIN, blocks * HOP - size - _MARGIN)).flatten()
        audio = pad(audio, (0, 2 * _MARGIN))
        views = audio[_MARGIN - HALF :].unfold(0, 2 * HALF + 1, HOP)[: batch * blocks]
        # in parts, which bounds memory, and on a CPU stays in its cache
        rows = 512 if wavs.device.type == "cpu" else 1 << 16
        parts = zip(*map(self.peaks, views.split(rows)), strict=True)
        lags, heights, peak = (
            torch.cat(part).view(batch, blocks, *part[0].shape[1:])[:, :steps] for part in parts
        )
        frames = 1 + samples // HOP
        real = torch.arange(steps, device=wavs.device) < frames[:, None]
        loudest = (peak * real).amax(1, keepdim=True).clamp(min=NOTHING**0.5)
        quiet = 2 - peak / loudest * (1 + VOICING_THRESHOLD) / SILENCE_THRESHOLD
        unvoiced = VOICING_THRESHOLD + quiet.clamp(min=0)
        octaves = (SAMPLE_RATE / lags.sum(-1)).clamp(FLOOR, CEILING).log2()
        voiced = heights - OCTAVE_COST * (math.log2(CEILING) - octaves)
        strength = torch.cat([voiced, unvoiced[..., None]], -1)
        middles = torch.arange(batch * blocks, device=wavs.device).view(batch, blocks)[:, :steps]
        return Candidates(lags, octaves, strength, frames, audio, middles * HOP + _MARGIN)

    def choose(self, candidates: Candidates, scores: Tensor) -> Pitch:
        """Take each frame's best candidate by its `best_paths` score [B, T, K + 1]."""
        lags, *_, audio, middles = candidates
        best, which = scores[..., :-1].max(-1)
        lag = lags.gather(2, which[..., None, None].expand(-1, -1, 1, 2)).squeeze(2)
        rows = 512 if audio.device.type == "cpu" else 1 << 16
        places = zip(middles.flatten().split(rows), lag.flatten(0, 1).split(rows), strict=True)
        hnr = torch.cat([self.harmonicity(audio, *place) for place in places]).view(which.shape)
        f0 = (SAMPLE_RATE / lag.sum(-1)).clamp(FLOOR, CEILING)
        return Pitch(f0, torch.sigmoid(VOICING_SCALE * (best - scores[..., -1])), hnr)

    def track(self, groups: Sequence[tuple[Tensor, Tensor]]) -> list[Pitch]:
        """Track groups of utterances; each has the bits that it has without the others.

        Arguments
        ---------
        groups : sequence of (torch.Tensor, torch.Tensor)
            Each as the arguments of `forward`.

        Returns
        -------
        pitches : list of Pitch
            One a group.
        """
        candidates = [self.candidates(*group) for group in groups]
        # only sums of two and maxima: their bits are the same in any batch
        strength, octaves = (
            pad_sequence([row for each in candidates for row in each[field]], batch_first=True)
            for field in (2, 1)
        )
        scores = best_paths(strength, octaves, torch.cat([each.frames for each in candidates]))
        apart = scores.split([len(each.frames) for each in candidates])
        return [
            self.choose(each, score[:, : each.lags.shape[1]])
            for each, score in zip(candidates, apart, strict=True)
        ]

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
        return self.track([(wavs, samples)])[0]
