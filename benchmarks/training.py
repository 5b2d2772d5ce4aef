#!/usr/bin/env python3
"""Training is faster than by the stock wirings, and what is left is arithmetic.

> python benchmarks/training.py --data_folder /path/to/corpus

The same network, audio, number of updates and batch size three times: the recipe as
it is; (a) features computed in `compute_forward`, shuffled batches, SpeechBrain's
LSTM with `lengths`; (b) the same without `lengths`, so over the padding, which is
wrong. Each trains in turn; a run of 20 epochs is the first, and 19 times the median
of the next three; ours begins with the extraction.
"""

import sys
import tempfile
import time
from pathlib import Path

import speechbrain as sb
import torch
from made_up import RECIPE
from measuring import data_folder, medians, report, seconds
from speechbrain.core import RunOptions
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.nnet.RNN import LSTM
from speechbrain.utils.data_pipeline import provides, takes

from softlabels.corpora import prepare
from softlabels.features.audio import read_mono
from softlabels.models.blstm import MaskedAttention, frames_from_lengths
from softlabels.training.brain import SoftLabelBrain
from softlabels.training.experiment import feature_store, load
from softlabels.training.loaders import make_loaders
from softlabels.training.main import choose_targets

sys.path.insert(0, str(RECIPE))
from iemocap_prepare import IEMOCAP

EPOCHS = 20
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
QUIET = RunOptions.from_dictionary({"noprogressbar": True, "device": DEVICE})


class StockNetwork(torch.nn.Module):
    """The recipe's network with SpeechBrain's LSTM, over packed sequences or over padding."""

    def __init__(self, hparams, packed):
        super().__init__()
        size, lstm_size = hparams["hidden_size"], hparams["lstm_size"]
        self.packed, self.frame_step = packed, hparams["frame_step"]
        self.full_in = torch.nn.Linear(hparams["input_size"], size)
        self.lstm = LSTM(lstm_size, input_size=size, bidirectional=True)
        self.attention = MaskedAttention(2 * lstm_size)
        self.full_out = torch.nn.Linear(2 * lstm_size, size)
        self.dropout = torch.nn.Dropout(hparams["dropout"])

    def forward(self, features, lengths):
        frames = frames_from_lengths(lengths, features)
        features = features[:, :: self.frame_step]
        frames = (frames + self.frame_step - 1) // self.frame_step
        hidden = self.dropout(self.full_in(features).relu())
        # it truncates lengths · frames, which can lose the longest utterance's last frame
        exact = (frames + 0.5) / features.shape[1]
        both, _ = self.lstm(hidden, lengths=exact if self.packed else None)
        both = self.dropout(both[:, : features.shape[1]])
        pooled, _ = self.attention(both, frames)
        return self.dropout(self.full_out(pooled).relu())


class StockBrain(SoftLabelBrain):
    """Computes the features of every batch anew."""

    def compute_forward(self, batch, stage):
        batch = batch.to(self.device)
        wavs, lengths = batch.sig
        with torch.no_grad():
            features = self.modules.compute_features(wavs, lengths)
        features = self.modules.mean_var_norm(features, lengths)
        return self.modules.classifier(self.modules.embedding_model(features, lengths))


def build(folder, data):
    """Load the recipe's settings afresh."""
    words = [str(RECIPE / "hparams/modified_soft.yaml"), "--data_folder", str(data)]
    words += ["--output_folder", str(folder / "run"), "--feature_store", str(folder / "store")]
    return load(IEMOCAP, words)


def stock(hparams, chosen, packed):
    """A stock wiring's brain and loader."""

    @takes("wav")
    @provides("sig")
    def sig(wav):
        return read_mono(wav, 16000)

    keys = ["id", "sig", "target", "counts", "emotion"]
    dataset = DynamicItemDataset(dict(chosen["train"]), [sig], keys)
    loader = make_dataloader(dataset, batch_size=hparams["batch_size"], shuffle=True)
    network = StockNetwork(hparams, packed)
    modules = {**hparams["modules"], "embedding_model": network}
    return StockBrain(modules, hparams["opt_class"], hparams, QUIET), loader


def epochs(brain, loader):
    """Train an epoch at each call."""
    counter = iter(range(1, EPOCHS + 1))
    return lambda: brain.fit([next(counter)], loader)


def recurrent_rate(model, loader):
    """Floating-point operations a second of both LSTMs, forwards and backwards, on an epoch."""
    operations, start = 0, time.perf_counter()
    for batch in loader:
        features = batch.features.data[:, :: model.frame_step].to(DEVICE)
        hidden = torch.zeros(*features.shape[:2], model.full_in.out_features, device=DEVICE)
        hidden.requires_grad_()
        for lstm in (model.forward_lstm, model.backward_lstm):
            lstm(hidden)[0].sum().backward()
            multiplied = 4 * lstm.hidden_size * (lstm.input_size + lstm.hidden_size)
            operations += 3 * 2 * multiplied * hidden[..., 0].numel()
    return operations / (time.perf_counter() - start)


def matmul_rate(rows, inner, columns):
    """Floating-point operations a second of one matrix product."""
    a, b = torch.randn(rows, inner, device=DEVICE), torch.randn(inner, columns, device=DEVICE)
    count = max(1, int(2e9 / (rows * inner * columns)))

    def work():
        for _ in range(count):
            a @ b
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    work()
    return 2 * rows * inner * columns * count / min(seconds(work) for _ in range(5))


def where_time_goes(epoch):
    """Shares of an epoch's time by kind of work."""
    kinds = {
        "LSTMs": ("mkldnn_rnn_layer", "mkldnn_rnn_layer_backward", "_cudnn_rnn"),
        "matrix products of the other layers": ("addmm", "mm", "bmm"),
        "reading batches": ("enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__",),
        "optimiser": ("Optimizer.step#Adam.step",),
    }
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        whole = seconds(epoch)
    events = {event.key.removeprefix("aten::"): event for event in profile.key_averages()}
    for kind, names in kinds.items():
        kernels = [events[name].cpu_time_total for name in names if name in events]
        yield kind, 1e-6 * sum(kernels) / whole


def reading_a_batch(hparams, prepared, chosen, size=16):
    """Seconds that reading a batch from the feature store takes, and an update with it."""
    hparams = {**hparams, "batch_size": size}
    store = feature_store(hparams)
    loader = make_loaders(hparams, prepared, chosen, store, QUIET)["train"]
    brain = SoftLabelBrain(hparams["modules"], hparams["opt_class"], hparams, QUIET)
    epoch = epochs(brain, loader)
    epoch()
    update = seconds(epoch) / len(loader)
    wavs = [entry["wav"] for entry in chosen["train"].values()]
    read = seconds(lambda: [store[wavs[i]] for batch in loader.batch_sampler for i in batch])
    return read / len(loader), update


def main():
    data = data_folder(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        experiment = build(folder, data)
        hparams = experiment.hparams
        prepared = prepare(IEMOCAP, data, **experiment.preparation)
        chosen = choose_targets(hparams, prepared)
        began = time.perf_counter()
        loaders = make_loaders(hparams, prepared, chosen, feature_store(hparams), QUIET)
        extraction = time.perf_counter() - began
        ours = SoftLabelBrain(hparams["modules"], hparams["opt_class"], hparams, QUIET)
        runs = {
            "softlabels": epochs(ours, loaders["train"]),
            "(a) packed": epochs(*stock(build(folder, data).hparams, chosen, packed=True)),
            "(b) padded": epochs(*stock(build(folder, data).hparams, chosen, packed=False)),
        }
        # torch imports its compiler, for a second, with a process' first optimiser
        torch.optim.Adam([torch.zeros(1)])
        first = {name: seconds(epoch) for name, epoch in runs.items()}
        second = medians(runs)
        whole = {name: first[name] + (EPOCHS - 1) * second[name] for name in runs}
        whole["softlabels"] += extraction
        rows = [
            [
                name,
                f"{second[name]:.2f}",
                f"{second[name] / second['softlabels']:.1f}",
                f"{whole[name]:.0f}",
                f"{whole[name] / whole['softlabels']:.1f}",
            ]
            for name in runs
        ]
        updates = len(loaders["train"])
        report(
            [f"{updates} updates an epoch", "epoch, s", "times ours", "20 epochs, s", "times ours"],
            rows,
            ["speechbrain"],
        )
        reading, update = reading_a_batch(hparams, prepared, chosen)
        model = hparams["embedding_model"]
        shares = list(where_time_goes(runs["softlabels"]))
        rate = recurrent_rate(model, loaders["train"])
        hidden = model.forward_lstm.hidden_size
        gates = matmul_rate(hparams["batch_size"], hidden, 4 * hidden)
        full = matmul_rate(2048, 2048, 2048)
        rows = [[f"{name}, share of an epoch", f"{share:.1%}"] for name, share in shares]
        rows += [
            [
                "reading a batch of 16 from the store, share of an update with it",
                f"{reading / update:.1%}",
            ]
        ]
        rows += [["the rest", f"{1 - sum(share for _, share in shares):.1%}"]]
        rows += [
            ["LSTMs, GFLOP/s", f"{rate / 1e9:.1f}"],
            ["this machine's 2048³ matrix product, GFLOP/s", f"{full / 1e9:.1f}"],
            [
                "the product of one frame's step, which can't be larger, GFLOP/s",
                f"{gates / 1e9:.1f}",
            ],
            ["utterances a second", f"{len(chosen['train']) / second['softlabels']:.0f}"],
        ]
        report(["where the time goes", ""], rows, ["speechbrain"])


if __name__ == "__main__":
    sb.utils.seed_everything(0)
    main()
