"""A training's settings: a command line read, its YAML built, all that numbers depend on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from speechbrain.core import RunOptions
from speechbrain.utils.distributed import (
    infer_device,
)

from softlabels.corpora import Corpus
from softlabels.corpora.settings import check_settings as check_preparation
from softlabels.corpora.settings import preparation_settings
from softlabels.errors import InputError
from softlabels.features.files import AudioFiles
from softlabels.features.frontends import front_end_fingerprint
from softlabels.features.store import FeatureStore
from softlabels.losses import choose_loss
from softlabels.losses.registry import output_for
from softlabels.models.heads import output_of
from softlabels.models.pretrained_network import Audio
from softlabels.training import data, identity
from softlabels.training.arguments import parse
from softlabels.training.hparams import build, plain_values, read_tree, resolved
from softlabels.training.loaders import world_size
from softlabels.training.settings import SETTINGS, check_settings

DESCRIPTION = """Train and test a speech emotion classifier on what annotators voted. Run the same
command again to resume what was stopped."""

# Where things lie, and how they are read and kept, changes no number: no part of a run's identity
PLACES = {
    "data_folder",
    "output_folder",
    "save_folder",
    "feature_store",
    "pretrained",
    "embed_weights",
    "players",
    "num_workers",
    "gradient_checkpointing",
}
# SpeechBrain's run options that change numbers
OPTIONS = (
    "precision",
    "eval_precision",
    "auto_mix_prec",
    "bfloat16_mix_prec",
    "max_grad_norm",
    "grad_accumulation_factor",
    "optimizer_step_limit",
    "skip_nonfinite_grads",
    "remove_vector_weight_decay",
    "compile",
    "jit",
    "debug",
    "debug_batches",
    "debug_epochs",
)


@dataclass
class Experiment:
    """A loaded experiment: its YAML, the settings built from it, SpeechBrain's run options.

    Arguments
    ---------
    corpus : Corpus
        What it trains on.
    hparams : dict
        The loaded YAML.
    run_opts : speechbrain.core.RunOptions
        SpeechBrain's run options.
    yaml : str
        The YAML with all that it includes and refers to.
    """

    corpus: Corpus
    hparams: dict[str, Any]
    run_opts: RunOptions
    yaml: str

    @property
    def preparation(self) -> dict[str, Any]:
        """The settings that decide who trains, validates and tests."""
        return {name: self.hparams[name] for name in preparation_settings(self.corpus)}


def load(corpus: Corpus, arguments: Sequence[str]) -> Experiment:
    """Read a command line and its YAML; a wrong setting is an error here."""
    table = {**SETTINGS, **corpus.settings}
    given = parse(arguments, corpus.defaults, table, DESCRIPTION)
    run_opts = given.run_opts
    check_device(run_opts["device"])
    if run_opts["grad_accumulation_factor"] < 1:
        raise InputError(
            "--grad_accumulation_factor must be a whole number of at least 1; got "
            f"{run_opts['grad_accumulation_factor']}"
        )
    if not torch.cuda.is_available() or run_opts["device"] == "cpu":
        names = run_opts.overridden_args | {"distributed_backend"}
        run_opts = dataclasses.replace(run_opts, distributed_backend="gloo", overridden_args=names)
    changes = {**corpus.defaults, **given.overrides}
    tree = read_tree(given.file, {**changes, "fold": corpus.fold(changes)})
    values = plain_values(tree)
    check_settings(values, given.file, table)
    check_preparation(corpus, {name: values[name] for name in preparation_settings(corpus)})
    hparams = build(tree)
    if hparams["annotation_encoder"].name != hparams["encoder"]:  # results would bear its name
        raise InputError(
            f"{given.file} builds the encoder {hparams['annotation_encoder'].name!r}, but "
            f"encoder is {hparams['encoder']!r}; set encoder and encoder_options alone"
        )
    hparams["train_on"] = data.check_train_on(hparams["train_on"])
    data.check_normalization(hparams["normalization"], hparams["compute_features"])
    check_output(hparams)
    place = Path(hparams["output_folder"], "save")
    if Path(hparams["save_folder"]) != place:  # another run's checkpoints would be taken for ours
        raise InputError(f"save_folder must be {place}; got {hparams['save_folder']!r}")
    return Experiment(corpus, hparams, run_opts, resolved(tree))


def check_device(name: str | None) -> None:
    """Refuse a device that isn't there.

    Example
    -------
    >>> check_device("tpu")
    Traceback (most recent call last):
    ...
    softlabels.errors.InputError: --device tpu: there is no such device; give cpu
    """
    there = ["cpu", "cuda"][: 1 + torch.cuda.is_available()]
    there += [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    there += ["mps"] if torch.backends.mps.is_available() else []
    if name is not None and name not in [*there, "cpu:0", "mps:0"]:
        raise InputError(f"--device {name}: there is no such device; give {' or '.join(there)}")


def check_output(hparams: Mapping[str, Any]) -> None:
    """Refuse a loss that isn't of what the network gives, and a network that doesn't give it."""
    output = output_of(hparams["classifier"])
    if output != (hparams.get("output") or output_for(hparams.get("loss"))):
        raise InputError(
            f"output is {hparams.get('output')}, but this YAML's classifier gives {output}; "
            "write classifier: !apply:softlabels.models.get_classifier"
        )
    choose_loss(hparams.get("loss"), hparams["annotation_encoder"].loss, output)


def feature_store(hparams: Mapping[str, Any]) -> FeatureStore | AudioFiles:
    """Return the store of this run's features, or the files where its network takes audio."""
    if isinstance(hparams["compute_features"], Audio):
        return AudioFiles()
    settings = (hparams["feature_store"], hparams["feature_dtype"])
    return FeatureStore(hparams["compute_features"], *settings)


def describe_run(experiment: Experiment) -> dict[str, Any]:
    """Return all that a run's numbers depend on, but for the corpus."""
    hparams, run_opts = experiment.hparams, experiment.run_opts
    optimizer, annealing = hparams["opt_class"], hparams["lr_annealing"]
    given = run_opts.overridden_args
    options = {
        name: hparams[name] if name in hparams and name not in given else run_opts[name]
        for name in OPTIONS
    }
    return {
        "encoder": hparams["annotation_encoder"].describe(),
        "settings": identity.plain_settings(hparams, without=PLACES | experiment.corpus.files),
        "network": {name: " ".join(str(m).split()) for name, m in hparams["modules"].items()},
        "optimizer": f"{optimizer.func.__qualname__} {optimizer.keywords}",
        "annealing": f"{type(annealing).__qualname__} {vars(annealing)}",
        "frontend": front_end_fingerprint(hparams["compute_features"]),
        "options": {
            **options,
            "device": str(run_opts.get("device") or infer_device()),
            "processes": world_size(),
            "threads": torch.get_num_threads(),
        },
        "versions": identity.versions(),
    }
