"""A release of any size, made up in seconds."""

import os
from pathlib import Path

import numpy as np
import soundfile

RECIPE = Path(__file__).resolve().parents[1] / "recipes/IEMOCAP"
LABELS = np.array(["Neutral", "Happiness", "Sadness", "Anger", "Frustration", "Excited", "Other"])
DIALOG = 100  # utterances in a dialog


def write_release(release, utterances, seconds, files):
    """Write a release in IEMOCAP's layout; returns its folder.

    Two of three annotators agree at least in half of the utterances. There are so
    many ``files`` of noise, each under several names where that is fewer than
    ``utterances``; features are computed for each name all the same.
    """
    random = np.random.default_rng(0)
    release.mkdir(parents=True)
    noise = 0.1 * random.standard_normal(round(16000 * seconds) + files)
    for index in range(files):
        soundfile.write(release / f"noise{index}.wav", noise[index : index - files], 16000)
    for start in range(0, utterances, DIALOG):
        session = release / f"Session{start // DIALOG % 5 + 1}"
        dialog = f"Ses0{start // DIALOG % 5 + 1}F_impro{start // DIALOG:04d}"
        wavs = session / "sentences/wav" / dialog
        text = session / "dialog/EmoEvaluation" / f"{dialog}.txt"
        for folder in (wavs, text.parent):
            folder.mkdir(parents=True, exist_ok=True)
        blocks = []
        for index in range(start, min(start + DIALOG, utterances)):
            name = f"{dialog}_{'FM'[index % 2]}{index % DIALOG:03d}"
            os.link(release / f"noise{index % files}.wav", wavs / f"{name}.wav")
            votes = LABELS[random.integers(len(LABELS), size=3)]
            votes[1] = votes[0] if random.random() < 0.5 else votes[1]
            lines = [f"C-E{n}:\t{label};\t()" for n, label in enumerate(votes, start=2)]
            head = f"[6.2901 - 8.2357]\t{name}\txxx\t[2.5000, 2.5000, 2.5000]"
            blocks.append("\n".join([head, *lines]))
        text.write_text("\n\n".join(blocks) + "\n")
    return release
