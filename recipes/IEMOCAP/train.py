#!/usr/bin/env python3
"""Trains and tests a speech emotion classifier on what annotators said.

> python train.py hparams/modified_soft.yaml --data_folder /path/to/IEMOCAP_full_release

Without ``--data_folder`` it runs on simulated speech. Every setting of the YAML
can be given on the command line: ``--encoder soft``, ``--train_on "[clear]"``,
``--frontend fbank``, ``--test_session 2``. A run that was killed continues when
it is started again.
"""

import dataclasses
import json
import logging
import os
import sys
from contextlib import nullcontext
from pathlib import Path

import speechbrain as sb
import torch
from hyperpyyaml import load_hyperpyyaml
from iemocap_prepare import prepare_iemocap, uncollected
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.utils.distributed import (
    ddp_barrier,
    get_rank,
    if_main_process,
    infer_device,
    run_on_main,
)
from tqdm import tqdm

from softlabels.features.frontends import front_end_fingerprint
from softlabels.features.store import FeatureStore
from softlabels.locks import hold
from softlabels.metrics import majority_class
from softlabels.models.normalization import BY_SPEAKER
from softlabels.simulate.corpus import NOTICE, cached_corpus, is_simulated
from softlabels.training import data
from softlabels.training import identity as runs
from softlabels.training.batches import SimilarLengthBatches
from softlabels.training.brain import SoftLabelBrain
from softlabels.training.export import as_exported, export_model
from softlabels.training.results import result_table, score, write_results
from softlabels.votes.checks import check_train_on

logger = logging.getLogger(__name__)

# Where things lie changes no number, so it is no part of a run's identity.
PLACES = {"data_folder", "output_folder", "save_folder", "feature_store"}
# SpeechBrain's run options that change numbers
OPTIONS = ("precision", "eval_precision", "auto_mix_prec", "bfloat16_mix_prec", "max_grad_norm")
OPTIONS += ("grad_accumulation_factor", "optimizer_step_limit", "skip_nonfinite_grads")
OPTIONS += ("remove_vector_weight_decay", "compile", "jit")
OPTIONS += ("debug", "debug_batches", "debug_epochs")
# what decides who trains, validates and tests
PREPARATION = ("classes", "merge", "minimum_agreement", "own_ratings", "test_session")
PREPARATION += ("valid_fraction", "valid_session", "seed")
SUBSETS = ("train_clear", "train_ambiguous", "valid", "test", "test_ambiguous")


@uncollected()
def prepare(hparams, data_folder):
    """Derive the subsets' manifests; returns name → manifest, and the corpus' digest."""
    settings = {name: hparams[name] for name in PREPARATION}
    save_folder = Path(hparams["save_folder"])
    run_on_main(prepare_iemocap, args=[data_folder, save_folder], kwargs=settings)
    partition = json.loads((save_folder / "partition.json").read_text("utf-8"))
    # all utterances together only where they count, for they take memory
    names = (*SUBSETS, "manifest") if hparams["normalization"] == "speaker" else SUBSETS
    manifests = {
        name: data.load_manifest(save_folder / f"{name}.json", data_folder) for name in names
    }
    return manifests, partition["settings"]["manifest"]


@uncollected()
def choose(hparams, manifests):
    """Give utterances their targets; returns train, valid and held-out manifests."""
    encoder, classes = hparams["annotation_encoder"], hparams["classes"]
    train = {}
    for kind in hparams["train_on"]:
        train.update(data.encoded(manifests[f"train_{kind}"], encoder))
    if not train:
        raise ValueError(
            f"nothing to train on: encoder {encoder.name!r} takes {list(encoder.takes)} "
            f"utterances, and train_on is {list(hparams['train_on'])}"
        )
    if not manifests["valid"]:
        raise ValueError("nothing to validate on: too few clear utterances, or set valid_session")
    return {
        "train": train,
        "valid": data.shares_of_votes(manifests["valid"], classes),
        "held_out": data.shares_of_votes(
            {**manifests["test"], **manifests["test_ambiguous"]}, classes
        ),
    }


def feature_store(hparams):
    """Tell where this run's features are stored."""
    settings = (hparams["feature_store"], hparams["feature_dtype"])
    return FeatureStore(hparams["compute_features"], *settings)


def make_loaders(hparams, manifests, chosen, run_opts):
    """Extract the features that are missing; returns the loaders of train, valid, held_out."""
    store = feature_store(hparams)
    by_speaker = hparams["normalization"] == "speaker"
    # A speaker's normalisation is over all of their audio, whatever anybody said of it.
    parts = [manifests["manifest"]] if by_speaker else chosen.values()
    heard = {key: entry for part in parts for key, entry in part.items()}
    wavs = [entry["wav"] for entry in heard.values()]
    progressbar = not run_opts.get("noprogressbar") and if_main_process()
    store.extract(wavs, progressbar)
    speakers = None
    if by_speaker:
        logger.info(BY_SPEAKER)
        speakers = data.speaker_statistics(heard, store)
    datasets = {name: data.make_dataset(part, store, speakers) for name, part in chosen.items()}
    train = datasets["train"]
    indices = tqdm(range(len(train)), desc="Normalisation", delay=1, disable=not progressbar)
    hparams["mean_var_norm"].fit(train[index]["features"] for index in indices)
    loaders = {}
    for name, part in chosen.items():
        frames = [store.frames(entry["wav"]) for entry in part.values()]
        training = name == "train"
        # training batches are shared out over the processes of torchrun; each scores on its own
        shared = {"rank": get_rank(), "ranks": processes()} if training and processes() > 1 else {}
        batches = SimilarLengthBatches(
            frames, hparams["batch_size"], seed=hparams["seed"], shuffle=training, **shared
        )
        loaders[name] = make_dataloader(datasets[name], batch_sampler=batches)
    return loaders


def processes():
    """Tell how many processes torchrun started."""
    return int(os.environ.get("WORLD_SIZE", 1))


def identity(hparams, run_opts):
    """Tell what makes this run: all that its numbers depend on."""
    optimizer, annealing = hparams["opt_class"], hparams["lr_annealing"]
    given = run_opts.overridden_args
    options = {
        name: hparams[name] if name in hparams and name not in given else run_opts[name]
        for name in OPTIONS
    }
    return {
        "teacher": hparams["annotation_encoder"].describe(),
        "settings": runs.plain_settings(hparams, without=PLACES),
        "network": {name: " ".join(str(m).split()) for name, m in hparams["modules"].items()},
        "optimizer": f"{optimizer.func.__qualname__} {optimizer.keywords}",
        "annealing": f"{type(annealing).__qualname__} {vars(annealing)}",
        "frontend": front_end_fingerprint(hparams["compute_features"]),
        "options": {
            **options,
            "device": str(run_opts.get("device") or infer_device()),
            "processes": processes(),
            "threads": torch.get_num_threads(),
        },
        "versions": runs.versions(),
    }


def report(brain, hparams, manifests, chosen, made_by, notice):
    """Score what the brain said of the held-out session; write it, and print the table."""
    classes = list(hparams["classes"])
    test = score(brain.predictions, classes)
    true = [classes.index(entry["emotion"]) for entry in manifests["test"].values()]
    counts = data.emotion_counts(manifests["train_clear"], classes)
    trained = [key in manifests["train_clear"] for key in chosen["train"]]
    metrics = {
        "notice": notice,
        "normalization": hparams["normalization"],
        "train": {"clear": sum(trained), "ambiguous": len(trained) - sum(trained)},
        "valid": brain.best,
        "test": test,
        "majority": majority_class(true, counts, classes),
        "run": made_by,
    }
    name = f"{hparams['annotation_encoder'].name}, session {hparams['test_session']} held out"
    title = f"{name}, seed {hparams['seed']}"
    folder = Path(hparams["output_folder"])
    pictured = f"{title}\n{notice}" if notice else title
    write_results(folder, brain.predictions, chosen["held_out"], metrics, classes, pictured)
    if notice:
        runs.write_text(folder / "NOTICE.txt", notice + "\n")
    table = result_table(metrics, title)
    logger.info("Test of epoch %d, in %s:\n\n%s\n", brain.best["epoch"], folder, table)


def load(arguments):
    """Read a command line and its YAML; returns file, settings, run options, overrides."""
    hparams_file, run_opts, overrides = sb.parse_arguments(arguments)
    if not torch.cuda.is_available() or run_opts["device"] == "cpu":
        given = run_opts.overridden_args | {"distributed_backend"}
        run_opts = dataclasses.replace(run_opts, distributed_backend="gloo", overridden_args=given)
    with open(hparams_file, encoding="utf-8") as file:
        hparams = load_hyperpyyaml(file, overrides)
    hparams["train_on"] = check_train_on(hparams["train_on"])
    data.check_normalization(hparams["normalization"], hparams["mean_var_norm"])
    place = Path(hparams["output_folder"], "save")
    if Path(hparams["save_folder"]) != place:  # another run's checkpoints would be taken for ours
        raise ValueError(f"save_folder must be {place}; got {hparams['save_folder']!r}")
    if (epochs := hparams["number_of_epochs"]) < 1:
        raise ValueError(f"number_of_epochs must be at least 1; got {epochs}")
    return hparams_file, hparams, run_opts, overrides


def main(arguments):
    loaded = load(arguments)
    sb.utils.distributed.ddp_init_group(loaded[2])
    with hold(loaded[1]["output_folder"]) if if_main_process() else nullcontext():
        train_and_test(*loaded)
    if processes() > 1:  # one that goes while the main one still writes may take it along
        ddp_barrier()
        torch.distributed.destroy_process_group()


def train_and_test(hparams_file, hparams, run_opts, overrides):
    simulated = hparams["data_folder"] == "simulated"
    data_folder = cached_corpus() if simulated else hparams["data_folder"]
    notice = NOTICE if is_simulated(data_folder) else None

    made_by = identity(hparams, run_opts)
    run_on_main(runs.claim, args=[hparams["output_folder"], made_by])
    sb.create_experiment_directory(
        experiment_directory=hparams["output_folder"],
        hyperparams_to_save=hparams_file,
        overrides=overrides,
    )
    for name in ("matplotlib", "filelock"):  # or log.txt fills with fonts and locks
        logging.getLogger(name).setLevel(logging.WARNING)
    if notice:
        logger.warning(notice)
    manifests, corpus = prepare(hparams, data_folder)
    made_by["corpus"] = corpus
    run_on_main(runs.claim, args=[hparams["output_folder"], made_by])
    chosen = choose(hparams, manifests)
    loaders = make_loaders(hparams, manifests, chosen, run_opts)

    brain = SoftLabelBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
    )
    if hparams["class_weighting"]:
        weights = data.class_weights(manifests["train_clear"], hparams["classes"])
        brain.class_weights = weights.to(brain.device)
    brain.train_sampler = loaders["train"].batch_sampler
    brain.fit(hparams["epoch_counter"], loaders["train"], loaders["valid"])
    with as_exported(brain):
        brain.evaluate(loaders["valid"])
    validated = brain.predictions.log_probabilities
    brain.evaluate(loaders["held_out"])
    run_on_main(export_model, args=[brain, validated, notice])
    if if_main_process():
        report(brain, hparams, manifests, chosen, made_by, notice)


if __name__ == "__main__":
    main(sys.argv[1:])
