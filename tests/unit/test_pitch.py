"""What the pitch tracker claims: known signals' truth, and Praat's answers on real speech."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from softlabels.features.acoustic47 import NO_VOICE_F0, Acoustic47, bridge
from softlabels.features.harmonicity import HNR_RANGE, harmonicity, interpolation
from softlabels.features.pitch import PitchTracker, best_paths

DATA = Path(os.environ.get("SOFTLABELS_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
RATE = 16000


def tone(f0: float | Tensor, seconds: float = 1.0, tilt: float = 1.0, seed: int = 0) -> Tensor:
    """Harmonics up to 7.9 kHz of amplitude 1 / k ** tilt at random phases, at an rms of 0.1."""
    size = int(seconds * RATE)
    f0 = torch.as_tensor(f0, dtype=torch.float64).expand(size)
    phase = 2 * torch.pi * f0.cumsum(0) / RATE
    count = int(7900 / f0.max())
    shifts = 6.28 * torch.rand(count, generator=torch.Generator().manual_seed(seed))
    wave = torch.zeros(size, dtype=torch.float64)
    for k, shift in enumerate(shifts.tolist(), start=1):
        wave += torch.sin(k * phase + shift) / k**tilt
    return (0.1 * wave / wave.square().mean().sqrt()).float()


def noise(seconds: float = 1.0, seed: int = 0) -> Tensor:
    """White noise at an rms of 0.1."""
    return 0.1 * torch.randn(int(seconds * RATE), generator=torch.Generator().manual_seed(seed))


def track(wave: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """F0, voicing, hnr of one clip without the four frames at either end."""
    pitch = PitchTracker()(wave[None], torch.tensor([len(wave)]))
    return pitch.f0[0, 4:-4], pitch.voicing[0, 4:-4], pitch.hnr[0, 4:-4]


@pytest.mark.parametrize("tilt", [0.5, 1.0, 2.0, 9.0])
def test_a_steady_tone_has_its_pitch_in_every_frame(tilt: float) -> None:
    for f0 in (60.0, 61.3, 82.4, 110.0, 175.7, 233.3, 300.0, 400.0, 433.0, 450.0):
        found, voicing, _ = track(tone(f0, tilt=tilt))
        assert (found / f0 - 1).abs().max() < 0.01, f0
        assert voicing.min() > 0.99, f0


@pytest.mark.parametrize(("start", "end"), [(80, 160), (300, 150), (100, 450), (450, 100)])
def test_a_glide_is_followed_without_a_jump(start: float, end: float) -> None:
    truth = torch.logspace(np.log10(start), np.log10(end), 2 * RATE, dtype=torch.float64)
    found, voicing, _ = track(tone(truth, seconds=2))
    assert (found / truth[::160][4:-3] - 1).abs().max() < 0.01
    assert voicing.min() > 0.99


@pytest.mark.parametrize("f0", [70.0, 120.0, 210.0, 330.0, 440.0])
def test_the_harmonics_to_noise_ratio_is_the_ratio_that_was_mixed(f0: float) -> None:
    for ratio in (0, 5, 10, 15, 20, 25):
        _, voicing, hnr = track(tone(f0, 2) + noise(2) * 10 ** (-ratio / 20))
        assert abs(hnr.mean() - ratio) < 2, ratio
        assert (voicing > 0.5).float().mean() > (0.9 if ratio == 0 else 0.99)


def test_pitch_stands_in_noise_of_a_tenth_of_the_power() -> None:
    for f0 in (70.0, 120.0, 210.0, 330.0, 440.0):
        assert (track(tone(f0, 2) + noise(2) * 10**-0.5)[0] / f0 - 1).abs().max() < 0.01


def test_neither_white_noise_nor_silence_nor_a_constant_has_voice() -> None:
    for wave in (
        *(noise(5, seed) for seed in range(4)),
        torch.zeros(RATE),
        torch.full((RATE,), 0.5),
    ):
        _, voicing, hnr = track(wave)
        assert voicing.max() < 0.1
        assert hnr.mean() < 0
    assert (track(torch.zeros(RATE))[2] == HNR_RANGE[0]).all()


def test_a_constant_offset_changes_nothing_inside_a_clip() -> None:
    wave = tone(150) + 0.1 * noise()
    for plain, shifted in zip(track(wave), track(wave + 0.2), strict=True):
        assert (plain - shifted).abs().max() < 0.05


def test_best_paths_are_those_that_trying_all_paths_finds() -> None:
    generator = torch.Generator().manual_seed(0)
    strength = torch.rand(3, 5, 3, generator=generator)
    octaves = 3 * torch.rand(3, 5, 2, generator=generator)
    frames = torch.tensor([5, 3, 1])
    scores = best_paths(strength, octaves, frames)
    for b, length in enumerate(frames.tolist()):
        best = torch.full((length, 3), -torch.inf)
        for path in itertools.product(range(3), repeat=length):
            total = sum(strength[b, t, k].item() for t, k in enumerate(path))
            for t in range(1, length):
                was, now = path[t - 1], path[t]
                if was < 2 and now < 2:
                    total -= 0.35 * abs(octaves[b, t, now] - octaves[b, t - 1, was]).item()
                elif was != now:
                    total -= 0.14
            for t, k in enumerate(path):
                best[t, k] = max(best[t, k].item(), total)
        found = scores[b, :length]
        torch.testing.assert_close(found - found[:, -1:], best - best[:, -1:])


@pytest.mark.parametrize("f0", [75.0, 140.0, 260.0, 420.0])
def test_a_steady_voice_has_no_octave_jump(f0: float) -> None:
    """Pulses through formants, with the jitter, shimmer and breath of a voice."""
    generator = torch.Generator().manual_seed(3)
    truth = f0 * (1 + 0.01 * torch.randn(200, generator=generator).cumsum(0).tanh())
    truth = truth.repeat_interleave(160)
    loud = 1 + 0.2 * torch.randn(200, generator=generator).repeat_interleave(160)
    wave = loud * tone(truth, seconds=2, tilt=1.5) + 0.1 * noise(2)
    found, voicing, _ = track(wave)
    assert voicing.min() > 0.5
    assert (found / truth[::160][4:-3] - 1).abs().max() < 0.2
    assert (found[1:] / found[:-1]).log2().abs().max() < 0.2


def test_interpolation_finds_a_sine_between_its_samples() -> None:
    for place in (-0.7, 0.0, 0.35, 1.0):
        sine = torch.sin(0.8 * torch.arange(-24, 25, dtype=torch.float64))
        between = interpolation(torch.tensor(place, dtype=torch.float64), 24) @ sine
        assert between.item() == pytest.approx(np.sin(0.8 * place), abs=1e-3)


def test_harmonicity_is_the_decibels_of_numpys_correlation() -> None:
    now, later = noise(0.02).view(1, -1), noise(0.02, 1).view(1, -1)
    later = later + 2 * now
    r = np.corrcoef(now[0].numpy(), later[0].numpy())[0, 1]
    found = harmonicity(now, later, torch.full((now.shape[1],), 1 / now.shape[1]))
    assert found.item() == pytest.approx(10 * np.log10(r / (1 - r)), abs=1e-3)


def test_f0_without_voice_lies_between_its_neighbours() -> None:
    wave = torch.cat([torch.zeros(8000), tone(100), torch.zeros(16000), tone(200)])
    f0 = Acoustic47()(wave[None])[0, :, 39]
    assert (f0[:48] - f0[0]).abs().max() == 0  # held
    gap = f0[160:240]
    assert (gap.diff() > 0).all()
    assert 100 < gap.min() < gap.max() < 200
    assert Acoustic47()(torch.zeros(1, 8000))[0, :, 39].unique().tolist() == [
        pytest.approx(NO_VOICE_F0)
    ]


def test_bridge_is_numpys_interpolation() -> None:
    generator = torch.Generator().manual_seed(1)
    values = torch.rand(4, 50, generator=generator)
    known = torch.rand(4, 50, generator=generator) < torch.tensor([[0.1], [0.5], [0.9], [0.0]])
    filled = bridge(values, known, 7.0)
    for row in range(3):
        where = np.flatnonzero(known[row].numpy())
        expected = np.interp(np.arange(50), where, values[row].numpy()[where])
        np.testing.assert_allclose(filled[row].numpy(), expected, atol=1e-6)
    assert (filled[3] == 7).all()


def test_real_speech_gets_praats_pitch_voicing_and_harmonicity() -> None:
    parselmouth = pytest.importorskip("parselmouth")
    soundfile = pytest.importorskip("soundfile")
    clips = sorted((DATA / "emodb_iemocap").glob("Session*/sentences/wav/*/*.wav"))[::24]
    if not clips:
        pytest.skip(f"no real speech at {DATA}")
    compute, rows = Acoustic47(), []
    for clip in clips:
        wave = soundfile.read(clip, dtype="float32")[0]
        sound = parselmouth.Sound(wave.astype(np.float64), RATE)
        pitch = sound.to_pitch_ac(time_step=0.01, pitch_floor=55, pitch_ceiling=500)
        praat_hnr = sound.to_harmonicity_cc(time_step=0.01)
        ours = compute(torch.from_numpy(wave)[None])[0].numpy()
        times = np.arange(len(ours)) * 0.01
        nearest = np.round((times - pitch.xs()[0]) / 0.01).astype(int)
        inside = (nearest >= 0) & (nearest < pitch.n_frames)
        f0 = pitch.selected_array["frequency"][nearest.clip(0, pitch.n_frames - 1)]
        # Praat marks what it calls silent by −200 dB: nothing to interpolate from
        decibels = np.interp(times, praat_hnr.xs(), praat_hnr.values[0])
        defined = np.interp(times, praat_hnr.xs(), praat_hnr.values[0] > -100) == 1
        rows.append(np.stack([f0, decibels, defined, *ours[:, [39, 40, 42]].T], 1)[inside])
    f0, decibels, defined, our_f0, our_voicing, our_hnr = np.concatenate(rows).T
    voiced = f0 > 0
    both = voiced & (our_voicing > 0.5)
    assert np.mean(np.abs(our_f0[both] / f0[both] - 1) > 0.2) <= 0.02
    agreement = [np.mean((our_voicing > threshold) == voiced) for threshold in (0.3, 0.5, 0.7)]
    assert agreement[1] >= 0.97
    assert agreement[1] >= max(agreement) - 0.002  # 0.5 is the place to cut
    assert np.mean((our_voicing - voiced) ** 2) < 0.02  # and it is a probability (Brier)
    compared = voiced & (defined == 1)
    assert np.corrcoef(our_hnr[compared], decibels[compared])[0, 1] >= 0.92
