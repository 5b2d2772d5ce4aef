#!/usr/bin/env python3
"""A trained model loads at once, and classifies many clips faster together than one by one.

> python benchmarks/inference.py --data_folder /path/to/corpus --pretrained /path/to/whisper-base

The recipe's network, the same on mfcc, and with --pretrained a linear head on an encoder, with
any weights, for these change no time. The clips are the corpus' speech, cut into 1,000 pieces of
4 to 6 s (200 for the encoder), from its beginning again where it ends.
"""

import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from measuring import CORES, clips, options, report, seconds
from safetensors.torch import save_file

from softlabels.features.audio import read_mono
from softlabels.features.frontends import feature_size
from softlabels.features.pretrained import PretrainedFrontEnd
from softlabels.inference.classifier import SoftLabelClassifier
from softlabels.inference.pretrained import refer
from softlabels.inference.settings import ModelSettings

CLIPS, SECONDS, RATE = 1000, 5, 16000
FEW = 200  # clips that show what a second thread is worth
BLSTM = {"kind": "blstm_attention", "hidden_size": 256, "lstm_size": 128, "frame_step": 3}
HEAD = {"kind": "layers", "head": "linear", "hidden_size": 1, "lstm_size": 1}


def write_model(folder, frontend, network):
    """Write a model folder as training leaves it."""
    settings = ModelSettings(("a", "b", "c", "d"), frontend, "corpus", network, 1.0, 1)
    size = feature_size(settings.front_end(folder))
    weights = settings.build(size).to_empty(device="cpu").state_dict()
    weights = {name: 0.1 * torch.rand(each.shape) for name, each in weights.items()}
    folder.mkdir()
    (folder / "settings.json").write_text(settings.to_json())
    save_file(weights, folder / "model.safetensors")
    return folder


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


def measure(folder, paths):
    """Measure a model; returns the table's rows."""
    loading = min(seconds(lambda: SoftLabelClassifier.from_folder(folder)) for _ in range(3))
    classifier = SoftLabelClassifier.from_folder(folder)
    classifier.classify_files(paths[:32])  # the first calls are slower
    times = {f"{CORES} threads": alone_and_together(classifier, paths)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    times["one thread"] = alone_and_together(classifier, paths[:FEW])
    torch.set_num_threads(threads)
    for name, (singly, together) in times.items():
        alone, batched = (1000 * sum(took) / len(singly) for took in (singly, [together]))
        print(f"{folder.name}, {name}: a clip alone {alone:.1f} ms, in batches {batched:.1f} ms")
    singly, together = times[f"{CORES} threads"]
    ratio = f"{sum(singly) / together:.1f} times as fast"
    return [
        [folder.name, "`from_folder`", f"{loading:.2f} s", "< 1 s"],
        [
            folder.name,
            f"a clip of {SECONDS} s, alone",
            f"1/{SECONDS / np.median(singly):.0f} of its length",
            "< 1/20",
        ],
        [folder.name, f"{len(paths):,} clips in batches against one by one", ratio, "3"],
    ]


def main():
    given = options(__doc__, pretrained="a pretrained encoder's folder, measured too")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        paths = write_clips(place, given.data_folder)
        rows = []
        for frontend in ("acoustic47", "mfcc"):
            rows += measure(write_model(place / frontend, frontend, BLSTM), paths)
        if given.pretrained:
            front_end = PretrainedFrontEnd(given.pretrained)
            head = {**HEAD, "layers": front_end.layers}
            reference = refer(front_end, embedded=False)
            rows += measure(write_model(place / reference.name, reference, head), paths[:FEW])
    report(["model", "trained models", "measured", "target"], rows)


if __name__ == "__main__":
    main()
