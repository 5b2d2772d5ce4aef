#!/usr/bin/env python3
"""A trained model loads at once, and classifies many clips faster together than one by one.

> python benchmarks/inference.py --data_folder /path/to/corpus

The recipe's network with any weights, for these change no time. The clips are the
corpus' speech, cut into 1,000 pieces of 4 to 6 s, from its beginning again where it ends.
"""

import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from measuring import CORES, clips, data_folder, report, seconds
from safetensors.torch import save_file

from softlabels.features.audio import read_mono
from softlabels.inference.classifier import SoftLabelClassifier
from softlabels.inference.settings import ModelSettings

CLIPS, SECONDS, RATE = 1000, 5, 16000
FEW = 200  # clips that show what a second thread is worth


def write_model(folder):
    """Write a model folder as training leaves it."""
    network = {"kind": "blstm_attention", "hidden_size": 256, "lstm_size": 128, "frame_step": 3}
    settings = ModelSettings(("a", "b", "c", "d"), "acoustic47", "corpus", network, 1.0, 1)
    weights = settings.build(47).to_empty(device="cpu").state_dict()
    weights = {name: 0.1 * torch.rand(each.shape) for name, each in weights.items()}
    (folder / "settings.json").write_text(settings.to_json())
    save_file(weights, folder / "model.safetensors")


def write_clips(folder, corpus):
    """Write the clips; returns their paths."""
    speech = np.concatenate([read_mono(file, RATE).numpy() for file in clips(corpus)])
    random = np.random.default_rng(0)
    sizes = np.round(random.uniform(SECONDS - 1, SECONDS + 1, CLIPS) * RATE).astype(int)
    paths = [folder / f"{number}.wav" for number in range(CLIPS)]
    for path, end, size in zip(paths, np.cumsum(sizes), sizes, strict=True):
        soundfile.write(path, speech.take(range(end - size, end), mode="wrap"), RATE)
    return paths


def alone_and_together(classifier, paths):
    """Time clips one by one, each, and then all of them in batches."""
    singly = [seconds(lambda path=path: classifier.classify_file(path)) for path in paths]
    return singly, seconds(lambda: classifier.classify_files(paths))


def main():
    corpus = data_folder(__doc__)
    with tempfile.TemporaryDirectory() as name:
        write_model(Path(name))
        loading = min(seconds(lambda: SoftLabelClassifier.from_folder(name)) for _ in range(3))
        classifier = SoftLabelClassifier.from_folder(name)
        paths = write_clips(Path(name), corpus)
        classifier.classify_files(paths[:32])  # the first calls are slower
        singly, together = alone_and_together(classifier, paths)
        torch.set_num_threads(1)
        few_singly, few_together = alone_and_together(classifier, paths[:FEW])
    length = SECONDS / np.median(singly)
    report(
        ["trained models", "measured", "target"],
        [
            ["`from_folder`", f"{loading:.2f} s", "< 1 s"],
            [f"a clip of {SECONDS} s, alone", f"1/{length:.0f} of its length", "< 1/20"],
            [
                f"{CLIPS:,} clips in batches against one by one",
                f"{sum(singly) / together:.1f} times as fast",
                "3",
            ],
        ],
    )
    for threads, each, all_of_them in (
        (f"{CORES} threads", singly, together),
        ("one thread", few_singly, few_together),
    ):
        alone, batched = (1000 * sum(took) / len(each) for took in (each, [all_of_them]))
        print(f"{threads}: a clip alone {alone:.1f} ms, in batches {batched:.1f} ms")


if __name__ == "__main__":
    main()
