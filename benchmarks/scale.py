#!/usr/bin/env python3
"""Time per utterance stays flat as a corpus grows, and memory has room for it.

> python benchmarks/scale.py

Made up: releases of 0.1 s of noise an utterance (256 files under as many names as
there are utterances), and `fbank`, the cheapest front end, so that 100,000 are
affordable; features are computed and stored for each name. Every size runs in a
process of its own, whose largest memory is reported: of the main process, without
those that extract.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from made_up import RECIPE, write_release
from measuring import report

SIZES = (1_000, 10_000, 100_000)
STEPS = ("preparation", "encoding", "extraction", "epoch")


def measure(utterances, folder):
    """Prepare, encode, extract and train for an epoch; returns seconds, and MiB at most."""
    sys.path.insert(0, str(RECIPE))
    import torch
    from iemocap_prepare import IEMOCAP

    from softlabels.corpora import prepare
    from softlabels.training.brain import SoftLabelBrain
    from softlabels.training.experiment import feature_store, load
    from softlabels.training.loaders import make_loaders
    from softlabels.training.main import choose_targets

    release = write_release(folder / "release", utterances, seconds=0.1, files=256)
    words = [str(RECIPE / "hparams/modified_soft.yaml"), "--noprogressbar", "--device", "cpu"]
    words += ["--data_folder", str(release), "--output_folder", str(folder / "run")]
    words += ["--feature_store", str(folder / "store"), "--batch_size", "32", "--frontend", "fbank"]
    experiment = load(IEMOCAP, words)
    hparams, quiet = experiment.hparams, experiment.run_opts
    # torch imports its compiler with a process' first optimiser: the smallest would pay the most
    torch.optim.Adam([torch.zeros(1)])
    times = [time.perf_counter()]
    prepared = prepare(IEMOCAP, release, cache=folder / "cache", **experiment.preparation)
    times.append(time.perf_counter())
    chosen = choose_targets(hparams, prepared)
    times.append(time.perf_counter())
    loaders = make_loaders(hparams, prepared, chosen, feature_store(hparams), quiet)
    times.append(time.perf_counter())
    brain = SoftLabelBrain(hparams["modules"], hparams["opt_class"], hparams, quiet)
    brain.fit(range(1, 2), loaders["train"], loaders["valid"])
    times.append(time.perf_counter())
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    memory = [int(status[name].split()[0]) / 1024 for name in ("VmHWM", "RssFile")]
    return [b - a for a, b in itertools.pairwise(times)], memory


def apart(utterances):
    """`measure` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, str(utterances), folder]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment)
        return json.loads(done.stdout.splitlines()[-1])


def main():
    by_size = {size: apart(size) for size in SIZES}
    rows = []
    for row, step in enumerate(STEPS):
        each = {size: 1e6 * by_size[size][0][row] / size for size in SIZES}
        cells = [f"{each[size]:.0f} ({each[size] / each[SIZES[0]]:.2f})" for size in SIZES]
        rows.append([f"{step}, µs an utterance (times the smallest)", *cells])
    for row, name in enumerate(("largest memory of the main process, MiB", "of it files, mapped")):
        rows.append([name, *(f"{by_size[size][1][row]:.0f}" for size in SIZES)])
    report(["utterances", *(f"{size:,}" for size in SIZES)], rows, ["speechbrain"])


if __name__ == "__main__":
    if sys.argv[1:]:
        print(json.dumps(measure(int(sys.argv[1]), Path(sys.argv[2]))))
    else:
        main()
