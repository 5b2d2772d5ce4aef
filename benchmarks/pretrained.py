#!/usr/bin/env python3
"""Whisper's encoder with positions cut to the clip, against SpeechBrain's wrapper, padding to 30 s.

> python benchmarks/pretrained.py --pretrained /path/to/whisper-base

All layers of random clips of 2.5 s, one by one, on one thread; medians of interleaved runs.
"""

import argparse
import logging
import tempfile

import torch
from measuring import medians, report
from speechbrain.integrations.huggingface.whisper import Whisper

from softlabels.features.pretrained import PretrainedFrontEnd

CLIPS, SECONDS, RATE = 4, 2.5, 16000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pretrained", required=True, help="a Whisper's folder")
    folder = parser.parse_args().pretrained
    torch.set_num_threads(1)
    logging.getLogger("speechbrain").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place:
        wrapper = Whisper(folder, place, encoder_only=True, freeze=True, output_all_hiddens=True)
    wrapper.eval()
    ours = PretrainedFrontEnd(folder, "weighted", frames=True)
    torch.manual_seed(0)
    wavs = 0.1 * torch.randn(CLIPS, 1, round(SECONDS * RATE))
    with torch.no_grad():
        works = {
            "cut to the clip": lambda: [ours(wav) for wav in wavs],
            "SpeechBrain's wrapper": lambda: [wrapper(wav) for wav in wavs],
        }
        for work in works.values():
            work()
        seconds = medians(works, repetitions=5)
    wrapped = seconds["SpeechBrain's wrapper"]
    rows = [
        [name, f"{1000 * each / CLIPS:.0f}", f"{wrapped / each:.1f}"]
        for name, each in seconds.items()
    ]
    report(["all layers", "ms a clip", "times as fast"], rows, ["transformers", "speechbrain"])


if __name__ == "__main__":
    main()
