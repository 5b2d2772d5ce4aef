#!/usr/bin/env python3
"""A release the size of IEMOCAP is prepared faster than its audio is read.

> python benchmarks/preparing.py

10,039 utterances of 4.5 s, made up: 256 files of noise under 10,039 names. The
stock preparation gets durations from `speechbrain.dataio.dataio.read_audio`.
"""

import sys
import tempfile
from pathlib import Path

from made_up import RECIPE, write_release
from measuring import clips, medians, report
from speechbrain.dataio.dataio import read_audio

sys.path.insert(0, str(RECIPE))
from iemocap_prepare import IEMOCAP

from softlabels.corpora import prepare

UTTERANCES, SECONDS = 10_039, 4.5


def main():
    with tempfile.TemporaryDirectory() as folder:
        release = write_release(Path(folder, "release"), UTTERANCES, SECONDS, files=256)
        files = clips(release)

        def prepare_anew():
            with tempfile.TemporaryDirectory() as cache:
                prepare(IEMOCAP, release, cache)

        took = medians(
            {
                "read_audio": lambda: [len(read_audio(file)) / 16000 for file in files],
                "prepare": prepare_anew,
            }
        )
    ratio = took["read_audio"] / took["prepare"]
    rows = [
        ["durations by `read_audio`", f"{took['read_audio']:.2f}", "1"],
        ["`softlabels.corpora.prepare`, all of it", f"{took['prepare']:.2f}", f"{ratio:.1f} times"],
    ]
    report(["10,039 utterances of 4.5 s", "s", "as fast"], rows, ["speechbrain"])


if __name__ == "__main__":
    main()
