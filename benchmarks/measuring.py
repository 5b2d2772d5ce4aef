"""What the benchmarks share: clips, interleaved timings, a table with what made it."""

import argparse
import importlib.metadata
import os
import platform
import statistics
import sys
import time
from pathlib import Path

import soundfile
import torch

from softlabels.corpora.simulated.corpus import cached_corpus

CORES = len(os.sched_getaffinity(0))


def options(description, **more):
    """Read the command line: ``--data_folder``, the built-in corpus if not given, and others."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--data_folder", type=Path, help="speech in IEMOCAP's layout")
    for name, meaning in more.items():
        parser.add_argument(f"--{name}", help=meaning)
    given = parser.parse_args()
    if given.data_folder is None:
        given.data_folder = cached_corpus()
    elif not clips(given.data_folder):
        parser.error(f"{given.data_folder} holds no Session*/sentences/wav/*/*.wav")
    return given


def data_folder(description):
    """Read ``--data_folder`` from the command line; the built-in corpus if it isn't given."""
    return options(description).data_folder


def clips(folder, every=1):
    """List the wav files of a corpus in IEMOCAP's layout, sorted."""
    return [str(file) for file in sorted(folder.glob("Session*/sentences/wav/*/*.wav"))[::every]]


def seconds_of(files):
    """Return how much audio some files hold."""
    infos = [soundfile.info(file) for file in files]
    return sum(info.frames / info.samplerate for info in infos)


def seconds(work):
    """Time one call on the wall clock."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def medians(works, repetitions=3):
    """Time each work in turn, several times over; name → median seconds."""
    times = {name: [] for name in works}
    for _ in range(repetitions):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: statistics.median(each) for name, each in times.items()}


def report(columns, rows, packages=()):
    """Print a table in markdown, with the command, the machine and the versions."""
    script, *options = sys.argv
    command = " ".join(["python", f"benchmarks/{Path(script).name}", *options])
    device = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in ("torch", *packages)]
    lines = [columns, ["---"] * len(columns), *rows]
    print(f"\n`{command}`\n")
    print("\n".join(f"| {' | '.join(map(str, line))} |" for line in lines))
    print(f"\n{CORES} cores{device}, Python {platform.python_version()}, {', '.join(versions)}\n")
