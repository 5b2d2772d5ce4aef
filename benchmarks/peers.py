"""The compared tools: Praat by way of parselmouth, openSMILE's emobase and eGeMAPS."""

import re
import tempfile
from pathlib import Path

import opensmile
import parselmouth


def emobase(unsmoothed=True):
    """Return openSMILE's emobase, frame by frame, with its harmonics-to-noise ratio."""
    shipped = Path(opensmile.__file__).parent / "core/config/emobase/emobase.conf"
    text = shipped.read_text(encoding="latin1")
    settings = {"HNR": 1, "smaWin": 1} if unsmoothed else {"HNR": 1}
    for name, value in settings.items():
        text, replaced = re.subn(rf"(?m)^{name} *=.*$", f"{name} = {value}", text)
        assert replaced == 1, name
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="latin1", delete=False) as file:
        file.write(text)
    return opensmile.Smile(file.name, feature_level="lld")


def egemaps():
    """Return openSMILE's eGeMAPSv02, frame by frame."""
    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, "lld")


def praat_pitch(sound):
    """Track the pitch as Praat's "To Pitch (ac)" does."""
    return sound.to_pitch_ac(time_step=0.01, pitch_floor=55, pitch_ceiling=500)


def praat_harmonicity(sound):
    """Compute the harmonics-to-noise ratio as Praat's "To Harmonicity (cc)" does."""
    return sound.to_harmonicity_cc(time_step=0.01)


def sound(samples):
    """Make samples [N] at 16 kHz a sound of Praat's."""
    return parselmouth.Sound(samples.astype("float64"), 16000)
