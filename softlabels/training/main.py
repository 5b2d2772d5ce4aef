"""One training: from a command line to a results folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import speechbrain as sb
import torch
from speechbrain.utils.distributed import (
    ddp_barrier,
    if_main_process,
    run_on_main,
)

from softlabels import files
from softlabels.corpora import Corpus, Manifest, Prepared, prepare
from softlabels.corpora.manifest import ballots_of
from softlabels.corpora.simulated import NOTICE, cached_corpus, is_simulated
from softlabels.corpora.summary import describe_partition
from softlabels.errors import InputError
from softlabels.inference.temperature import fit_temperature
from softlabels.locks import hold
from softlabels.metrics import majority_class
from softlabels.report.run_page import write_run_page
from softlabels.seal import seal
from softlabels.training import data, identity
from softlabels.training.brain import Predictions, SoftLabelBrain, predict
from softlabels.training.classes import class_weights, emotion_counts
from softlabels.training.experiment import Experiment, describe_run, feature_store, load
from softlabels.training.export import export_model
from softlabels.training.loaders import clips, make_loaders, world_size
from softlabels.training.results import result_table, score, write_results

logger = logging.getLogger(__name__)

# what a run leaves, besides logs and checkpoints
RESULTS = (
    "run.json",
    "hyperparams.yaml",
    "save/partition.json",
    "model",
    "predictions.csv",
    "confusion.png",
    "report.html",
    "doubtful.csv",
    "annotators.csv",
    "metrics.json",
)


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
    """Train and test from command-line arguments."""
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
        hparams["class_weights"] = class_weights(clear, hparams["classes"])

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
        majority = majority_class(true, emotion_counts(clear, classes), classes)
        of_test = {**metrics, "test": metrics[name], "majority": majority}
        if uncalibrated:
            of_test["uncalibrated"] = uncalibrated[name]
        place = folder if name == "test" else folder / name
        write_run_page(
            place,
            title if name == "test" else f"{title}, {name}",
            of_test,
            chosen[name],
            dict(zip(predictions[name].ids, predictions[name].log_probabilities, strict=True)),
            hparams["annotation_encoder"],
            hparams.get("players", "link"),
        )
        write_results(place, predictions[name], chosen[name], of_test, classes, pictured)
    if notice:
        files.write(folder / "NOTICE.txt", notice + "\n")
    seal(folder, [*RESULTS, *predictions])
    table = result_table(of_test, title)
    logger.info("Test of epoch %d, in %s:\n\n%s\n", brain.best["epoch"], folder, table)
