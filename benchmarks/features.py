#!/usr/bin/env python3
"""The features are right: near to Praat in voice, to openSMILE in what it does well.

> python benchmarks/features.py --data_folder /path/to/corpus

Every eighth clip; without ``--data_folder``, of the built-in corpus.
"""

import numpy as np
import torch
from measuring import clips, data_folder, report
from peers import egemaps, emobase, praat_harmonicity, praat_pitch, sound

from softlabels.features.acoustic47 import NAMES, Acoustic47
from softlabels.features.audio import read_mono
from softlabels.features.harmonicity import HNR_RANGE

VOICE = [NAMES.index(name) for name in ("f0", "voicing", "hnr")]
LOUDNESS, ZCR = NAMES.index("loudness"), NAMES.index("zcr")
GROSS = 0.2  # an F0 that is further off is a gross pitch error


def on_grid(samples):
    """Return Praat's F0 (0: no voice) and HNR (NaN: silent) at each 10 ms, NaN outside."""
    pitch, harmonicity = praat_pitch(sound(samples)), praat_harmonicity(sound(samples))
    times = np.arange(1 + len(samples) // 160) / 100
    nearest = np.rint((times - pitch.xs()[0]) * 100).astype(int)
    inside = (nearest >= 0) & (nearest < pitch.n_frames)
    f0 = pitch.selected_array["frequency"][nearest.clip(0, pitch.n_frames - 1)]
    values = np.where(harmonicity.values[0] > -100, harmonicity.values[0], np.nan)
    return np.where(inside, f0, np.nan), np.interp(times, harmonicity.xs(), values)


def against_praat(f0, hnr, praat_f0, praat_hnr):
    """Compare F0 (0: no voice) and HNR with Praat's: gross errors, agreement, correlation."""
    known = np.isfinite(praat_f0) & np.isfinite(f0)
    f0, hnr, praat_f0, praat_hnr = (x[known] for x in (f0, hnr, praat_f0, praat_hnr))
    both = (f0 > 0) & (praat_f0 > 0)
    gross = np.mean(np.abs(f0[both] / praat_f0[both] - 1) > GROSS)
    compared = (praat_f0 > 0) & np.isfinite(praat_hnr)
    correlation = np.corrcoef(hnr[compared], praat_hnr[compared])[0, 1]
    return gross, np.mean((f0 > 0) == (praat_f0 > 0)), correlation


def correlations(ours, theirs):
    """Correlate columns of [T, F]."""
    return [np.corrcoef(a, b)[0, 1] for a, b in zip(ours.T, theirs.T, strict=True)]


def loudness_correlation(features, reference):
    """Correlate a clip's loudness over 3 frames with eGeMAPS', at the best shift."""
    smooth = np.convolve(features[:, LOUDNESS], np.ones(3) / 3, "same")
    return max(
        np.corrcoef(smooth[shift:][: len(reference)], reference[: len(smooth) - shift])[0, 1]
        for shift in range(6)
    )


def main():
    files = clips(data_folder(__doc__), every=8)
    compute, smile, gemaps = Acoustic47(), emobase(), egemaps()
    columns = [*(f"mfcc_sma[{i}]" for i in range(1, 13)), "pcm_zcr_sma"]
    praat, ours, theirs, spectral, loudness = [], [], [], [], []
    for file in files:
        wav = read_mono(file, 16000)
        samples = wav.numpy()
        features = compute(wav[None])[0].numpy()
        frames = smile.process_signal(samples, 16000)
        praat.append(np.stack(on_grid(samples), 1))
        ours.append(features[:, VOICE])
        voice = np.full((len(features), 2), np.nan)
        # openSMILE's frame of 40 ms has its middle two frames later
        size = min(len(frames), len(voice) - 2)
        voice[2 : 2 + size] = frames[["F0_sma", "HNR_sma"]].to_numpy()[:size]
        voice[:, 1] = voice[:, 1].clip(*HNR_RANGE)  # it has outliers up to 460
        theirs.append(voice)
        shifted = compute(wav[None, 40:])[0].numpy()[1:]
        size = min(len(frames), len(shifted))
        pair = shifted[:size, [*range(12), ZCR]], frames[columns].to_numpy()[:size]
        spectral.append(np.stack(pair, -1))
        reference = gemaps.process_signal(samples, 16000)["Loudness_sma3"].to_numpy()
        loudness.append(loudness_correlation(features, reference))
    praat_f0, praat_hnr = np.concatenate(praat).T
    f0, voicing, hnr = np.concatenate(ours).T
    voiced = np.where(voicing > 0.5, f0, 0)
    measured = [
        against_praat(*np.concatenate(theirs).T, praat_f0, praat_hnr),
        against_praat(voiced, hnr, praat_f0, praat_hnr),
    ]
    names = [
        (f"gross pitch errors (over {GROSS:.0%}) where both find voice", "{:.1%}", "≤ 2 %"),
        ("agreement on voice", "{:.1%}", "≥ 94 %"),
        ("correlation of the harmonics-to-noise ratio in Praat's voice", "{:.3f}", "≥ 0.92"),
    ]
    rows = [
        [name, *(form.format(each[row]) for each in measured), target]
        for row, (name, form, target) in enumerate(names)
    ]
    report(
        [f"against Praat, {len(files)} clips", "openSMILE", "acoustic47", "target"],
        rows,
        ["praat-parselmouth", "opensmile"],
    )
    known = np.isfinite(praat_f0)
    thresholds = np.arange(0.3, 0.71, 0.01)
    agreement = [np.mean((voicing > x) == (praat_f0 > 0), where=known) for x in thresholds]
    best = int(np.argmax(agreement))
    mine, others = np.concatenate(spectral).transpose(2, 0, 1)
    *mfcc, zcr = correlations(mine, others)
    report(
        ["", "acoustic47", "target"],
        [
            [
                "threshold of the voicing probability that agrees best with Praat",
                f"{thresholds[best]:.2f} ({agreement[best]:.2%}; 0.5: {agreement[20]:.2%})",
                "0.5",
            ],
            ["MFCC 1–12 against openSMILE, the least correlation", f"{min(mfcc):.4f}", "≥ 0.99"],
            ["zero-crossing rate against openSMILE", f"{zcr:.4f}", "≥ 0.99"],
            ["loudness against eGeMAPSv02, mean over clips", f"{np.mean(loudness):.3f}", "≥ 0.95"],
        ],
        ["opensmile"],
    )


if __name__ == "__main__":
    with torch.inference_mode():
        main()
