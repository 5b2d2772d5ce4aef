#!/usr/bin/env python3
"""What a GPU does: features, the BLSTM and fine-tuned encoders, against the CPU and SpeechBrain.

> python benchmarks/gpu.py

Made up: clips as long as IEMOCAP's (log-normal, 3.5 s in the middle, 1 to 20 s), and encoders of
the size of WavLM base plus and Whisper base with random weights, which take as long as trained
ones. One GPU against two threads of the CPU; the encoders are trained in bfloat16, and again as
SpeechBrain's own modules are put together: its wrapper of the same encoder, shuffled batches of
as many utterances, as many processes that read. All in under 8 minutes. ``--miniature`` makes
everything tiny, ``--device cpu`` takes the CPU for the GPU: to see that it runs.
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from made_up import RECIPE, write_encoder, write_release
from measuring import report, seconds
from speechbrain.dataio.dataloader import make_dataloader
from stock import StockNetwork
from torch.nn.utils.rnn import pad_sequence

from softlabels.corpora import prepare
from softlabels.features.frontends import features_of, get_front_end
from softlabels.training import data
from softlabels.training.brain import SoftLabelBrain
from softlabels.training.experiment import feature_store, load
from softlabels.training.loaders import make_loaders
from softlabels.training.main import choose_targets

sys.path.insert(0, str(RECIPE))
from iemocap_prepare import IEMOCAP

RATE = 16000


def lengths_of(count, miniature):
    """Draw the seconds of so many clips."""
    drawn = np.random.default_rng(0).lognormal(np.log(3.5), 0.6, count).clip(1, 20)
    return drawn / 10 if miniature else drawn


def voiced(length, pitch):
    """Make a clip of so many seconds with a voice of a pitch in Hz, and noise."""
    phase = 2 * torch.pi * pitch * torch.arange(round(RATE * length)) / RATE
    buzz = sum(torch.sin(harmonic * phase) / harmonic for harmonic in range(1, 9))
    return 0.1 * buzz + 0.01 * torch.randn(len(phase))


def timed(work, device):
    """Time work on a device, its first run aside."""

    def complete():
        work()
        if device == "cuda":
            torch.cuda.synchronize()

    complete()
    return seconds(complete)


def features(device, count, miniature):
    """Rows about acoustic47 in batches of 64 of similar length."""
    random = np.random.default_rng(1)
    drawn = np.sort(lengths_of(count, miniature) + 0.2)
    clips = [voiced(each, random.uniform(80, 300)) for each in drawn]
    groups = [clips[start : start + 64] for start in range(0, count, 64)]
    front_end, moved = get_front_end("acoustic47"), get_front_end("acoustic47").to(device)

    def of_device():
        for group in groups:
            batch = pad_sequence(group, batch_first=True)
            lengths = torch.tensor([len(clip) for clip in group]) / batch.shape[1]
            yield moved(batch.to(device), lengths.to(device)).cpu()

    with torch.no_grad():
        cpu = timed(lambda: [features_of(front_end, group) for group in groups], "cpu")
        other = timed(lambda: list(of_device()), device)
        differ = [
            (batch[row, : len(alone)] - alone).abs() > 1e-3 * (alone.std(dim=0) + 1e-3)
            for group, batch in zip(groups, of_device(), strict=True)
            for row, alone in enumerate(features_of(front_end, group))
        ]
    unlike = torch.cat(differ).float().mean().item()
    return [
        ["acoustic47, times as fast as on two threads", f"{cpu / other:.1f}", "≥ 50"],
        ["values that differ by over 1/1000 of a deviation", f"{unlike:.3%}", "≤ 0.1 %"],
    ]


class Corpus:
    """A made-up release, and what the recipe makes of it."""

    def __init__(self, folder, count, miniature):
        self.folder = folder
        lengths = lengths_of(count, miniature)
        self.release = write_release(folder / "release", count, lengths, count, dialog=count // 5)
        self.short = ["--batch_size=16"]
        self.short += ["--hidden_size=16", "--lstm_size=8"] if miniature else []

    def run(self, yaml, device, *more):
        """Return a recipe's settings, run options, data and loaders."""
        words = [str(RECIPE / f"hparams/{yaml}.yaml"), "--noprogressbar", f"--device={device}"]
        words += ["--data_folder", str(self.release), "--output_folder", str(self.folder / "run")]
        words += ["--feature_store", str(self.folder / "store"), *self.short, *more]
        experiment = load(IEMOCAP, words)
        hparams, options = experiment.hparams, experiment.run_opts
        hparams["checkpointer"] = None
        cache = self.folder / "cache"
        prepared = prepare(IEMOCAP, self.release, cache=cache, **experiment.preparation)
        chosen = choose_targets(hparams, prepared)
        loaders = make_loaders(hparams, prepared, chosen, feature_store(hparams), options)
        return hparams, options, chosen, loaders["train"]


def brain_of(hparams, options):
    """Make a brain that has no checkpoints."""
    return SoftLabelBrain(hparams["modules"], hparams["opt_class"], hparams, options)


def outputs(network, batch, device):
    """Compute what a network gives for a batch, in float32."""
    network = network.eval().to(device)
    with torch.no_grad():
        return network(batch.features.data.to(device), batch.features.lengths.to(device)).cpu()


def unlike(network, loader, device):
    """Return the largest difference between outputs on the CPU and on a device."""
    batch = next(iter(loader))
    exact = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    cpu, other = (outputs(network, batch, each) for each in ("cpu", device))
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = exact
    return (cpu - other).abs().max().item()


def blstm(device, corpus):
    """Rows about an epoch of the BLSTM on stored features."""
    took = {}
    for each in ("cpu", device):
        hparams, options, chosen, loader = corpus.run("modified_soft", each)
        brain = brain_of(hparams, options)
        took[each] = timed(lambda brain=brain, loader=loader: brain.fit([1], loader), each)
    difference = unlike(hparams["embedding_model"], loader, device)
    return [
        [
            "the BLSTM's epoch, utterances a second",
            f"{len(chosen['train']) / took[device]:.0f}",
            "",
        ],
        ["the same, times as fast as on two threads", f"{took['cpu'] / took[device]:.1f}", ""],
        ["its embeddings on both, largest difference", f"{difference:.1e}", "≤ 1e-4"],
    ]


def working(work, device):
    """Return the share of time in which a GPU's kernels run, and the largest memory in GiB."""
    if device != "cuda":
        work()
        return "–", "–"
    torch.cuda.reset_peak_memory_stats()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        whole = seconds(work)
    busy = sum(event.self_device_time_total for event in profile.key_averages()) / 1e6
    return f"{busy / whole:.0%}", f"{torch.cuda.max_memory_allocated() / 2**30:.1f}"


def finetuned(name, device, corpus, miniature):
    """Rows about an epoch of an encoder that is trained, by us and by SpeechBrain's modules."""
    folder = corpus.folder / name
    write_encoder(name, folder, miniature)
    words = [f"--pretrained={folder}", "--freeze=False"]
    words += ["--precision=bf16"] if device == "cuda" else []  # emulated on many a CPU
    words += [f"--num_workers={0 if miniature else 8}"]
    hparams, options, chosen, loader = corpus.run("pretrained", device, *words)
    ours = brain_of(hparams, options)
    stock = {**hparams["modules"]}
    stock["embedding_model"] = StockNetwork(name, folder, hparams["embedding_model"])
    theirs = brain_of({**hparams, "modules": stock}, options)
    stock["embedding_model"].to("cpu")  # until it is its turn
    dataset = data.make_dataset(chosen["train"], feature_store(hparams))
    batches = {"batch_size": hparams["batch_size"], "num_workers": hparams["num_workers"]}
    shuffled = make_dataloader(dataset, shuffle=True, **batches)
    took = {}
    for brain, batched in ((ours, loader), (theirs, shuffled)):
        brain.modules.to(device)
        took[brain] = timed(lambda brain=brain, batched=batched: brain.fit([1], batched), device)
        if brain is ours:
            share, memory = working(lambda: ours.fit([1], loader), device)
        brain.modules.to("cpu")
    difference = unlike(hparams["embedding_model"], loader, device)
    rate = len(chosen["train"]) / took[ours]
    return [
        [f"{name} trained, utterances a second", f"{rate:.1f}", ""],
        ["of the time the GPU works", share, "≥ 80 %"],
        ["largest memory, GiB", memory, ""],
        ["times as fast as SpeechBrain's modules", f"{took[theirs] / took[ours]:.1f}", "≥ 1.5"],
        ["its embeddings on both, largest difference", f"{difference:.1e}", "≤ 1e-3"],
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = "cuda" if torch.cuda.is_available() else "cpu"
    parser.add_argument("--device", choices=("cuda", "cpu"), default=default)
    parser.add_argument("--miniature", action="store_true", help="all of it tiny")
    given = parser.parse_args()
    device, miniature = given.device, given.miniature
    if device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no GPU; --device cpu --miniature shows that the script runs")
    logging.getLogger("speechbrain").setLevel(logging.ERROR)
    torch.manual_seed(0)
    torch.set_num_threads(1 if miniature else 2)
    began, rows = time.perf_counter(), []
    with tempfile.TemporaryDirectory() as place:
        corpus = Corpus(Path(place), 100 if miniature else 600, miniature)
        rows += features(device, 8 if miniature else 256, miniature)
        rows += blstm(device, corpus)
        for name in ("wavlm", "whisper"):
            rows += finetuned(name, device, corpus, miniature)
    rows += [["all of this, s", f"{time.perf_counter() - began:.0f}", "≤ 480"]]
    report([f"on {device}", "", "target"], rows, ["speechbrain", "transformers"])


if __name__ == "__main__":
    main()
