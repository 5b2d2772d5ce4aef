"""How fast a trained model classifies: loading, one clip of 5 s, batches against one by one.

> python benchmarks/inference.py /path/to/results/…/model [clips]
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch

from softlabels.inference import SoftLabelClassifier

SECONDS, RATE = 5, 16000


def main(model, clips=1000):
    start = time.perf_counter()
    classifier = SoftLabelClassifier.from_folder(model)
    print(f"{torch.get_num_threads()} threads; from_folder: {time.perf_counter() - start:.3f} s")
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number in range(clips):
            seconds = SECONDS + generator.uniform(-1, 1)
            paths.append(Path(folder, f"{number}.wav"))
            soundfile.write(paths[-1], generator.normal(0, 0.1, round(seconds * RATE)), RATE)
        classifier.classify_files(paths[:32])  # the first calls are slower
        singly = []
        for path in paths:
            start = time.perf_counter()
            classifier.classify_file(path)
            singly.append(time.perf_counter() - start)
        start = time.perf_counter()
        classifier.classify_files(paths)
        together = time.perf_counter() - start
    print(f"a clip of {SECONDS} s alone: {1000 * statistics.median(singly):.0f} ms (median)")
    print(f"{clips} clips: one by one {sum(singly):.1f} s, in batches {together:.1f} s")
    print(f"in batches {sum(singly) / together:.1f} times as fast")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
