"""A reminder: features that change need another VERSION, or stores keep the old ones.

Run this file as a script to write the answers of the present versions.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from softlabels.features import audio
from softlabels.features.frontends import BUILT_IN, get_front_end

ANSWERS = Path(__file__).with_suffix(".json")


def versions(name):
    """The versions, raised by hand, of all that computes a front end's features."""
    parts = [getattr(type(each), "VERSION", 0) for each in get_front_end(name).modules()]
    return f"{name} {[audio.VERSION, *filter(None, parts)]}"


def answer(name, folder):
    """Mean over time, and a frame, of a tone that glides, in noise, at another rate."""
    rate = 22050
    random = np.random.default_rng(0)
    times = np.arange(rate) / rate
    tone = sum(np.sin(2 * np.pi * k * (120 + 40 * times) * times) / k for k in range(1, 20))
    sides = 0.1 * tone[:, None] + 0.01 * random.standard_normal((rate, 2))
    soundfile.write(f"{folder}/clip.wav", sides, rate)
    features = get_front_end(name)(audio.read_mono(f"{folder}/clip.wav", 16000)[None])[0]
    return [features.mean(dim=0).tolist(), features[40].tolist()]


@pytest.mark.parametrize("name", BUILT_IN)
def test_features_are_those_of_their_version(tmp_path, name):
    answers = json.loads(ANSWERS.read_text())
    remedy = f"raise VERSION where {name} changed, then run {__file__}"
    assert versions(name) in answers, remedy
    known = answers[versions(name)]
    assert np.allclose(answer(name, tmp_path), known, rtol=1e-3, atol=1e-3), remedy


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        found = {versions(name): answer(name, folder) for name in sorted(BUILT_IN)}
    rounded = {
        key: [[float(f"{value:.6g}") for value in row] for row in rows]
        for key, rows in found.items()
    }
    ANSWERS.write_text(json.dumps(rounded, indent=None) + "\n")
    sys.stdout.write(f"{ANSWERS}\n")
