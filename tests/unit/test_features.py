"""What the 47 features claim: names, frames, padding, and others' numbers."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torchaudio.functional import compute_deltas

from softlabels.features.acoustic47 import NAMES, Acoustic47, zero_crossing_rate

DATA = Path(os.environ.get("SOFTLABELS_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
RATE = 16000


@pytest.fixture(scope="module")
def compute() -> Acoustic47:
    return Acoustic47(sample_rate=RATE)


def voice(size: int, seed: int = 0) -> Tensor:
    """A pulse train of wandering pitch that comes and goes, in noise."""
    generator = torch.Generator().manual_seed(seed)
    times = torch.arange(size) / RATE
    f0 = 80 + 200 * torch.rand(1, generator=generator) + 20 * torch.sin(4 * times)
    phase = 2 * torch.pi * f0.cumsum(0) / RATE
    pulses = sum(torch.cos(k * phase) for k in range(1, 12)) / 12
    gate = (torch.sin(9 * times + seed) > -0.3).float()
    return 0.3 * pulses * gate + 0.01 * torch.randn(size, generator=generator)


def real_speech() -> list[Tensor]:
    try:
        return real_clips(100)
    except pytest.skip.Exception:
        return []


def real_clips(every: int) -> list[Tensor]:
    soundfile = pytest.importorskip("soundfile")
    paths = sorted((DATA / "emodb_iemocap").glob("Session*/sentences/wav/*/*.wav"))[::every]
    if not paths:
        pytest.skip(f"no real speech at {DATA}")
    return [torch.from_numpy(soundfile.read(path, dtype="float32")[0]) for path in paths]


def check_padding(compute: Acoustic47, clips: list[Tensor]) -> None:
    """In a batch with garbage behind them, clips have the features that they have alone."""
    size = max(map(len, clips))
    garbage = torch.Generator().manual_seed(9)
    batch = torch.randn(len(clips), size, generator=garbage)
    for row, clip in zip(batch, clips, strict=True):
        row[: len(clip)] = clip
    lengths = torch.tensor([len(clip) / size for clip in clips])
    for row, clip in zip(compute(batch, lengths), clips, strict=True):
        alone = compute(clip[None])[0]
        assert (row[: len(alone)] - alone).abs().max() < 1e-4
        assert (row[len(alone) :] == 0).all()


def test_the_47_columns_have_the_papers_order() -> None:
    assert len(NAMES) == len(set(NAMES)) == 47
    assert Acoustic47().names == NAMES
    assert NAMES[:2] == ("mfcc_1", "mfcc_2")
    assert (NAMES[12], NAMES[24], NAMES[35]) == ("mfcc_1_d", "mfcc_1_dd", "mfcc_12_dd")
    assert NAMES[36:] == (
        *("loudness", "loudness_d", "loudness_dd"),
        *("f0", "voicing", "zcr", "hnr", "f0_d", "voicing_d", "zcr_d", "hnr_d"),
    )


@pytest.mark.parametrize("size", [1, 2, 159, 160, 161, 399, 400, 800, 1234, 16000, 16159])
def test_there_are_1_plus_n_by_160_frames(compute: Acoustic47, size: int) -> None:
    features = compute(voice(size)[None])
    assert features.shape == (1, 1 + size // 160, 47)
    assert features.dtype == torch.float32
    assert features.isfinite().all()


def test_frame_t_is_centred_on_t_times_10_ms(compute: Acoustic47) -> None:
    click = torch.zeros(1, 16000)
    click[0, 50 * 160] = 0.9
    loudness = compute(click)[0, :, 36]
    assert loudness.argmax() == 50
    assert (loudness > 1e-3).nonzero().flatten().tolist() == [49, 50, 51]


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_with_garbage_in_its_padding_gives_each_clip_alone(
    compute: Acoustic47, seed: int
) -> None:
    sizes = torch.randint(1, 60000, (6,), generator=torch.Generator().manual_seed(seed)).tolist()
    check_padding(compute, [voice(size, i) for i, size in enumerate([*sizes, 160, 16000])])


def test_real_clips_have_the_same_features_in_a_batch(compute: Acoustic47) -> None:
    check_padding(compute, real_clips(60))


def test_a_clip_has_the_same_bits_alone_and_among_any_others(compute: Acoustic47) -> None:
    sizes = [1, 161, 4000, 30001, 30002, 47000, 90000]
    clips = [voice(size, seed) for seed, size in enumerate(sizes)] + real_speech()
    alone = [compute(clip[None])[0] for clip in clips]
    for company in (clips, clips[::-1], clips[2:5]):
        for clip, features in zip(company, compute.each(company), strict=True):
            index = next(i for i, other in enumerate(clips) if other is clip)
            assert torch.equal(features, alone[index])


def test_zeros_behind_a_clip_change_its_last_frames_only(compute: Acoustic47) -> None:
    clip = voice(20000)
    alone = compute(clip[None])[0]
    padded = compute(torch.nn.functional.pad(clip, (0, 9000))[None])[0, : len(alone)]
    # F0 may change back to the last voiced frame, from which it is held or interpolated
    columns = [i for i, name in enumerate(NAMES) if not name.startswith("f0")]
    assert (alone - padded)[:-8, columns].abs().max() < 1e-4


def test_differences_are_torchaudios(compute: Acoustic47) -> None:
    features = compute(voice(30000)[None])[0].T
    for name in ("mfcc_1", "mfcc_12", "loudness"):
        d, dd = NAMES.index(f"{name}_d"), NAMES.index(f"{name}_dd")
        first = compute_deltas(features[NAMES.index(name)][None])
        torch.testing.assert_close(features[d][None], first)
        torch.testing.assert_close(features[dd][None], compute_deltas(first))
    for name in ("f0", "voicing", "zcr", "hnr"):
        first = compute_deltas(features[NAMES.index(name)][None])
        torch.testing.assert_close(features[NAMES.index(f"{name}_d")][None], first)


def test_mfcc_are_those_of_a_plain_numpy_computation(compute: Acoustic47) -> None:
    clip = voice(8000).double().numpy()
    emphasised = np.append(clip[0], clip[1:] - 0.97 * clip[:-1])
    padded = np.pad(emphasised, 200)
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(400) / 400)
    frames = np.stack([padded[160 * t : 160 * t + 400] * window for t in range(51)])
    power = np.abs(np.fft.rfft(frames, 512)) ** 2
    mel = 2595 * np.log10(1 + np.fft.rfftfreq(512, 1 / RATE) / 700)
    edges = 2595 * np.log10(1 + 8000 / 700) * np.arange(28) / 27
    corners = 700 * (10 ** (edges / 2595) - 1)
    hertz = np.fft.rfftfreq(512, 1 / RATE)[:, None]
    assert mel[-1] == pytest.approx(edges[-1])
    rise = (hertz - corners[:-2]) / np.diff(corners)[:-1]
    fall = (corners[2:] - hertz) / np.diff(corners)[1:]
    energy = power @ np.maximum(0, np.minimum(rise, fall))
    k, n = np.arange(1, 13), np.arange(26)[:, None]
    dct = np.sqrt(2 / 26) * np.cos(np.pi * k * (n + 0.5) / 26)
    features = compute(torch.from_numpy(clip)[None])[0].numpy()
    np.testing.assert_allclose(features[:, :12], np.log(energy) @ dct, atol=5e-3)
    np.testing.assert_allclose(features[:, 36], (energy**0.23).sum(1), rtol=1e-3)


def test_zero_crossings_are_counted_as_in_a_loop() -> None:
    wave = voice(2000)
    wave[500:503] = torch.tensor([0.1, 0.0, -0.1])  # one change through 0
    wave[700:900] = 0
    sign = np.sign(wave.numpy())
    changes = np.zeros(2400)
    for i in range(1, 1999):
        through = sign[i] == 0 and sign[i - 1] * sign[i + 1] < 0
        changes[200 + i] = sign[i - 1] * sign[i] < 0 or through
    changes[200 + 1999] = sign[1998] * sign[1999] < 0
    expected = [changes[160 * t : 160 * t + 400].mean() for t in range(13)]
    np.testing.assert_allclose(zero_crossing_rate(wave[None])[0].numpy(), expected, atol=1e-6)


def test_real_speech_gets_opensmiles_mfcc_zero_crossings_and_loudness(
    compute: Acoustic47, tmp_path: Path
) -> None:
    opensmile = pytest.importorskip("opensmile")
    shipped = Path(opensmile.__file__).parent / "core/config/emobase/emobase.conf"
    config = tmp_path / "emobase.conf"
    text = shipped.read_text(encoding="latin1")
    assert "smaWin = 3" in text
    config.write_text(text.replace("smaWin = 3", "smaWin = 1"), encoding="latin1")
    emobase = opensmile.Smile(str(config), feature_level="lld")
    gemaps = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, "lld")
    theirs, ours, loudness = [], [], []
    columns = [*(f"mfcc_sma[{i}]" for i in range(1, 13)), "pcm_zcr_sma"]
    for clip in real_clips(60):
        frames = emobase.process_signal(clip.numpy(), RATE)[columns].to_numpy()
        features = compute(clip[None, 40:])[0].numpy()[1:]
        size = min(len(frames), len(features))
        theirs.append(frames[:size])
        ours.append(features[:size, [*range(12), NAMES.index("zcr")]])
        smooth = np.convolve(compute(clip[None])[0, :, 36].numpy(), np.ones(3) / 3, "same")
        reference = gemaps.process_signal(clip.numpy(), RATE)["Loudness_sma3"].to_numpy()
        loudness.append(
            max(
                np.corrcoef(smooth[shift:][: len(reference)], reference[: len(smooth) - shift])[
                    0, 1
                ]
                for shift in range(6)
            )
        )
    for name, a, b in zip(columns, np.concatenate(theirs).T, np.concatenate(ours).T, strict=True):
        assert np.corrcoef(a, b)[0, 1] >= 0.99, name
    assert np.mean(loudness) >= 0.95


@pytest.mark.parametrize(
    "wave",
    [
        pytest.param(torch.zeros(16000), id="silence"),
        pytest.param(voice(16000).sign(), id="clipping"),
        pytest.param(voice(16000) + 0.6, id="offset"),
        pytest.param(torch.full((16000,), -1.0), id="constant"),
        pytest.param(voice(800), id="50 ms"),
        pytest.param(torch.ones(1), id="one sample"),
        pytest.param(voice(60 * RATE), id="60 s"),
        pytest.param(1e-30 * voice(16000), id="next to nothing"),
        pytest.param(1e4 * voice(16000), id="far too loud"),
    ],
)
def test_odd_audio_gives_finite_features_in_their_ranges(compute: Acoustic47, wave: Tensor) -> None:
    features = compute(wave[None])[0]
    assert features.isfinite().all()
    f0, voicing, zcr, hnr = features[:, 39:43].T
    assert f0.min() >= 55
    assert f0.max() <= 500
    assert 0 <= voicing.min() <= voicing.max() <= 1
    assert 0 <= zcr.min() <= zcr.max() <= 1
    assert -10 <= hnr.min() <= hnr.max() <= 40


def test_autocast_and_other_float_types_change_no_digit(compute: Acoustic47) -> None:
    wave = voice(8000)[None]
    expected = compute(wave)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = compute(wave)
    assert found.dtype == torch.float32
    assert torch.equal(found, expected)
    assert torch.equal(compute(wave.double()), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_computes_what_a_cpu_does(compute: Acoustic47) -> None:
    clips = torch.stack([voice(30000, seed) for seed in range(4)])
    found = Acoustic47().cuda()(clips.cuda()).cpu()
    assert (found - compute(clips)).abs().max() < 1e-3


def test_nothing_is_stored_in_a_checkpoint(compute: Acoustic47) -> None:
    assert not compute.state_dict()
    assert not list(compute.parameters())


def test_what_is_not_a_batch_of_audio_is_refused(compute: Acoustic47) -> None:
    with pytest.raises(ValueError, match=r"\[16000\]"):
        compute(torch.zeros(16000))
    with pytest.raises(ValueError, match=r"\[1, 2, 16000\]"):
        compute(torch.zeros(1, 2, 16000))
    with pytest.raises(ValueError, match="int16"):
        compute(torch.zeros(1, 16000, dtype=torch.int16))
    with pytest.raises(ValueError, match=r"\[2, 0\]"):
        compute(torch.zeros(2, 0))
    with pytest.raises(ValueError, match=r"lengths must be \[2\]"):
        compute(torch.zeros(2, 800), torch.ones(3))
    with pytest.raises(ValueError, match="800"):
        compute(torch.zeros(2, 800), torch.tensor([800.0, 400.0]))
    with pytest.raises(ValueError, match="8000"):
        Acoustic47(sample_rate=8000)
