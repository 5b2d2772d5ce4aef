#!/usr/bin/env python3
"""A release the size of MSP-Podcast 2.0 is prepared within a minute and 2 GiB.

> python benchmarks/msp_podcast.py

264,705 utterances with 5 to 9 made-up labels each, in the form of release 2.0; their wavs are
256 files of noise under 264,705 names.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
from made_up import RECIPE
from measuring import report

sys.path.insert(0, str(RECIPE.with_name("MSP-Podcast")))
from msp_podcast_prepare import MSP_PODCAST

from softlabels.corpora import prepare

UTTERANCES, FILES, WORKERS = 264_705, 256, 15_000
PRIMARY = np.array(["Angry", "Sad", "Happy", "Surprise", "Fear", "Neutral", "Other-tired"])
SECONDARY = np.array(["Concerned", "Excited,Amused", "", "Annoyed", "Depressed,Confused"])
SPLITS = ("Train", "Train", "Train", "Development", "Test1", "Test2")


def write_release(release):
    """Write labels, consensus and hard links to noise."""
    random = np.random.default_rng(0)
    for folder in ("Labels", "Audios", "noise"):
        (release / folder).mkdir(parents=True)
    for index in range(FILES):
        noise = 0.1 * random.standard_normal(1600)
        soundfile.write(release / f"noise/{index}.wav", noise, 16000)
    with (
        open(release / "Labels/labels_detailed.csv", "w") as detailed,
        open(release / "Labels/labels_consensus.csv", "w") as consensus,
    ):
        detailed.write("FileName,WorkerID,EmoClass_Major,EmoClass_Second,EmoAct,EmoVal,EmoDom\n")
        consensus.write("FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n")
        for number in range(UTTERANCES):
            podcast = number // 100
            file = f"MSP-PODCAST_{podcast:04d}_{number % 100:04d}.wav"
            os.link(release / f"noise/{number % FILES}.wav", release / "Audios" / file)
            speaker, split = podcast if podcast % 5 else "Unknown", SPLITS[podcast % 6]
            consensus.write(f"{file},X,4,4,4,{speaker},Male,{split}\n")
            count = random.integers(5, 10)
            workers = random.choice(WORKERS, count, replace=False)
            primary, secondary = random.choice(PRIMARY, count), random.choice(SECONDARY, count)
            for worker, first, second in zip(workers, primary, secondary, strict=True):
                detailed.write(f'{file},WORKER{worker:08d},{first},"{first},{second}",4,4,4\n')
    return release


def main():
    with tempfile.TemporaryDirectory() as folder:
        release = write_release(Path(folder, "release"))
        took = []
        for _ in ("first", "again"):
            start = time.perf_counter()
            prepare(MSP_PODCAST, release, cache=Path(folder, "cache"), votes="both")
            took.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    rows = [
        ["first", f"{took[0]:.1f}", f"{peak:.2f}"],
        ["again, from the manifest that is kept", f"{took[1]:.1f}", ""],
    ]
    report([f"{UTTERANCES:,} utterances", "s", "GiB at most"], rows, [])


if __name__ == "__main__":
    main()
