"""One training: from a command line to a results folder."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import speechbrain as sb
import torch
from speechbrain.core import RunOptions
from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    infer_device,
    run_on_main,
)

from softlabels import files
from softlabels.corpora import Corpus, Manifest, Prepared, prepare
from softlabels.corpora.manifest import ballots_of
from softlabels.corpora.settings import check_settings as check_preparation
from softlabels.corpora.settings import preparation_settings
from softlabels.corpora.summary import describe_partition
from softlabels.errors import InputError
from softlabels.features.files import AudioFiles
from softlabels.features.frontends import front_end_fingerprint
from softlabels.features.store import FeatureStore
from softlabels.inference.temperature import fit_temperature
from softlabels.locks import hold
from softlabels.losses import choose_loss
from softlabels.metrics import majority_class
from softlabels.models.heads import output_of
from softlabels.pretrained.training import Audio
from softlabels.seal import seal
from softlabels.simulate import NOTICE, cached_corpus, is_simulated
from softlabels.training import data, identity
from softlabels.training.arguments import parse
from softlabels.training.brain import Predictions, SoftLabelBrain, predict
from softlabels.training.export import export_model
from softlabels.training.hparams import build, plain_values, read_tree, resolved
from softlabels.training.loaders import clips, make_loaders, world_size
from softlabels.training.results import result_table, score, write_results
from softlabels.training.settings import SETTINGS, check_settings

logger = logging.getLogger(__name__)

DESCRIPTION = """Train and test a speech emotion classifier on what annotators voted. Run the same
command again to resume what was stopped."""

# Where things lie changes no number, so it is no part of a run's identity.
PLACES = {
    "data_folder",
    "output_folder",
    "save_folder",
    "feature_store",
    "pretrained",
    "embed_weights",
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


# what a run leaves, besides logs and checkpoints
RESULTS = (
    "run.json",
    "hyperparams.yaml",
    "save/partition.json",
    "model",
    "predictions.csv",
    "confusion.png",
    "metrics.json",
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
    if output != hparams.get("output", "softmax"):
        raise InputError(
            f"output is {hparams['output']}, but this YAML's classifier gives {output}; "
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


def prepare_once(experiment: Experiment, data_folder: str | Path) -> Prepared:
    """Prepare the corpus: the main process reads and reports, others take it from the cache."""
    if not if_main_process():
        logging.getLogger("softlabels.corpora").setLevel(logging.ERROR)
        ddp_barrier()
    prepared = prepare(experiment.corpus, data_folder, **experiment.preparation)
    if if_main_process():
        ddp_barrier()
    return prepared


def choose_targets(hparams: Mapping[str, Any], prepared: Prepared) -> dict[str, Manifest]:
    """Give utterances their targets: "train" the encoder's, the others the shares of votes.

    The encoder is fitted on the votes of all training utterances, discarded ones too, and on no
    others.
    """
    encoder, classes = hparams["annotation_encoder"], hparams["classes"]
    encoder.fit(ballots_of(prepared.train, classes))
    train: Manifest = {}
    for kind in hparams["train_on"]:
        train |= data.with_targets(data.of_kind(prepared.train, kind), encoder)
    if not train:
        raise InputError(
            f"nothing to train on: encoder {encoder.name!r} takes {list(encoder.takes)} "
            f"utterances, and train_on is {list(hparams['train_on'])}"
        )
    valid = data.of_kind(prepared.valid, "clear")
    if not valid:
        raise InputError("nothing to validate on: too few clear utterances; see valid_fraction")
    chosen = {"train": train, "valid": data.shares_of_votes(valid, classes)}
    for name, part in prepared.splits.items():
        if name not in ("train", "valid"):
            kinds = {**data.of_kind(part, "clear"), **data.of_kind(part, "ambiguous")}
            chosen[name] = data.shares_of_votes(kinds, classes)
    return chosen


def main(corpus: Corpus, arguments: Sequence[str]) -> None:
    """Train and test as a command line says."""
    experiment = load(corpus, arguments)
    sb.utils.distributed.ddp_init_group(experiment.run_opts)
    with hold(experiment.hparams["output_folder"]) if if_main_process() else nullcontext():
        train_and_test(experiment)
    if world_size() > 1:  # a rank that exits early makes torchrun kill the main one as it writes
        ddp_barrier()
        torch.distributed.destroy_process_group()


def train_and_test(experiment: Experiment) -> None:
    """Train, validate, test and write the results folder; resume what was begun."""
    hparams, run_opts = experiment.hparams, experiment.run_opts
    simulated = hparams["data_folder"] == "simulated"
    data_folder = cached_corpus() if simulated else hparams["data_folder"]
    notice = NOTICE if is_simulated(data_folder) else None

    made_by = describe_run(experiment)
    folder = Path(hparams["output_folder"])
    run_on_main(identity.claim, args=[folder, made_by])
    identity.keep_results(folder)
    sb.create_experiment_directory(experiment_directory=folder)
    run_on_main(files.write, args=[folder / "hyperparams.yaml", experiment.yaml])
    for name in ("matplotlib", "filelock"):  # or log.txt fills with fonts and locks
        logging.getLogger(name).setLevel(logging.WARNING)
    if notice:
        logger.warning(notice)
    prepared = prepare_once(experiment, data_folder)
    made_by["corpus"] = prepared.digest
    run_on_main(identity.claim, args=[folder, made_by])
    partition = json.dumps(prepared.partition, indent=2, ensure_ascii=False)
    place = Path(hparams["save_folder"], "partition.json")
    run_on_main(files.write, args=[place, partition + "\n"])
    chosen = choose_targets(hparams, prepared)
    store = feature_store(hparams)
    loaders = make_loaders(hparams, prepared, chosen, store, run_opts)
    made_by["features"] = store.digest(clips(hparams, prepared, chosen))
    run_on_main(identity.claim, args=[folder, made_by])
    clear = data.of_kind(prepared.train, "clear")
    if hparams["class_weighting"]:
        hparams["class_weights"] = data.class_weights(clear, hparams["classes"])

    brain = SoftLabelBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    brain.fit(hparams["epoch_counter"], loaders["train"], loaders["valid"])
    run_on_main(export_model, args=[brain, loaders["valid"], notice])
    temperature = None
    if hparams["calibration"]:
        valid = predict(brain, loaders["valid"])
        temperature = fit_temperature(valid.log_probabilities, valid.shares)
    tests = [name for name in chosen if name not in ("train", "valid")]
    predictions = {name: predict(brain, loaders[name]) for name in tests}
    if if_main_process():
        write_report(experiment, brain, prepared, chosen, predictions, temperature, made_by, notice)


def write_report(
    experiment: Experiment,
    brain: SoftLabelBrain,
    prepared: Prepared,
    chosen: Mapping[str, Manifest],
    predictions: Mapping[str, Predictions],
    temperature: float | None,
    made_by: Mapping[str, Any],
    notice: str | None,
) -> None:
    """Score the held-out utterances, calibrated if they are to be, write and log the results."""
    hparams = experiment.hparams
    classes = list(hparams["classes"])
    clear = data.of_kind(prepared.train, "clear")
    trained = [key in clear for key in chosen["train"]]
    uncalibrated, calibration = {}, {}
    if temperature is not None:
        uncalibrated = {name: score(each, classes) for name, each in predictions.items()}
        predictions = {name: each.at(temperature) for name, each in predictions.items()}
        calibration = {"temperature": temperature}
    metrics = {
        "notice": notice,
        "data": {
            "corpus": experiment.corpus.name,
            "held_out": hparams["fold"],
            **describe_partition(prepared.partition),
        },
        "normalization": hparams["normalization"],
        "speaker_independent": prepared.speaker_independent,
        "train": {"clear": sum(trained), "ambiguous": len(trained) - sum(trained)},
        "valid": brain.best,
        **calibration,
        **{name: score(each, classes) for name, each in predictions.items()},
        "epochs": brain.epochs,
        "run": made_by,
    }
    encoder = hparams["annotation_encoder"].name
    title = f"{encoder}, {hparams['fold']} held out, seed {hparams['seed']}"
    folder = Path(hparams["output_folder"])
    pictured = f"{title}\n{notice}" if notice else title
    # the first test set last: its metrics.json is the sign of a finished run
    for name in reversed(list(predictions)):
        true = [classes.index(e["emotion"]) for e in data.of_kind(chosen[name], "clear").values()]
        majority = majority_class(true, data.emotion_counts(clear, classes), classes)
        of_test = {**metrics, "test": metrics[name], "majority": majority}
        if uncalibrated:
            of_test["uncalibrated"] = uncalibrated[name]
        place = folder if name == "test" else folder / name
        write_results(place, predictions[name], chosen[name], of_test, classes, pictured)
    if notice:
        files.write(folder / "NOTICE.txt", notice + "\n")
    seal(folder, [*RESULTS, *predictions])
    table = result_table(of_test, title)
    logger.info("Test of epoch %d, in %s:\n\n%s\n", brain.best["epoch"], folder, table)
