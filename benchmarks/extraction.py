#!/usr/bin/env python3
"""Features are extracted faster than by openSMILE or Praat, each on all cores.

> python benchmarks/extraction.py --data_folder /path/to/corpus

Ours is the feature store from an empty folder: audio read, features computed and
written. The peers read the same audio in a pool of processes that is started
beforehand, and keep nothing.
"""

import multiprocessing
import tempfile

import soundfile
import torch
from measuring import CORES, clips, data_folder, medians, report, seconds, seconds_of
from peers import emobase, praat_harmonicity, praat_pitch, sound

from softlabels.features.audio import read_mono
from softlabels.features.frontends import get_front_end
from softlabels.features.store import FeatureStore

SMILE = emobase()


def smile_clip(file):
    SMILE.process_signal(soundfile.read(file, dtype="float32")[0], 16000)


def pitch_clip(file):
    praat_pitch(sound(soundfile.read(file)[0]))


def harmonicity_clip(file):
    praat_harmonicity(sound(soundfile.read(file)[0]))


def store_clips(files, workers):
    with tempfile.TemporaryDirectory() as folder:
        store = FeatureStore(get_front_end("acoustic47"), folder, workers=workers)
        store.extract(files, progressbar=False)


def on_gpu(files):
    """Seconds of the front end alone on the GPU, in batches of 64 of similar length."""
    compute = get_front_end("acoustic47").cuda()
    wavs = sorted((read_mono(file, 16000) for file in files), key=len)
    groups = [wavs[start : start + 64] for start in range(0, len(wavs), 64)]

    def work():
        for group in groups:
            batch = torch.nn.utils.rnn.pad_sequence(group, batch_first=True).cuda()
            lengths = torch.tensor([len(wav) / batch.shape[1] for wav in group])
            compute(batch, lengths).cpu()

    work()
    return min(seconds(work) for _ in range(3))


def main():
    files = clips(data_folder(__doc__))
    audio = seconds_of(files)
    with multiprocessing.get_context("fork").Pool(CORES) as pool:

        def each(work):
            return lambda: pool.map(work, files, chunksize=4)

        peers = {
            "openSMILE, emobase": smile_clip,
            "Praat, pitch alone": pitch_clip,
            "Praat, harmonicity alone": harmonicity_clip,
        }
        works = {name: each(work) for name, work in peers.items()}
        works["acoustic47 into the store"] = lambda: store_clips(files, CORES)
        for work in peers.values():
            pool.map(work, files[: 4 * CORES])
        took = medians(works)
    ours = took["acoustic47 into the store"]
    rows = [
        [name, f"{audio / second:.0f}", f"{second / ours:.1f}"] for name, second in took.items()
    ]
    if torch.cuda.is_available():
        second = on_gpu(files)
        rows.append(["acoustic47 on the GPU", f"{audio / second:.0f}", f"{second / ours:.4f}"])
    report(
        [
            f"{len(files)} clips, {audio / 60:.0f} min",
            "audio s / s",
            "acoustic47 is … times as fast",
        ],
        rows,
        ["opensmile", "praat-parselmouth"],
    )


if __name__ == "__main__":
    main()
