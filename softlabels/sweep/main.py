"""Many trainings in one command: planned, run, compared and reported. A recipe's reproduce.py."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from softlabels import files
from softlabels.corpora import Corpus, Prepared, prepare
from softlabels.corpora.manifest import manifest_bytes
from softlabels.corpora.simulated import cached_corpus, is_simulated
from softlabels.encoders.base import ENCODERS
from softlabels.features.store import FeatureStore
from softlabels.locks import hold
from softlabels.report.page import write_report
from softlabels.report.sweep import FORMAT, SWEEP_FILE
from softlabels.seal import seal
from softlabels.sweep import rows as planning
from softlabels.sweep.engines import ENGINES
from softlabels.sweep.estimate import estimate_minutes
from softlabels.sweep.processes import TRAINING
from softlabels.sweep.rows import Row
from softlabels.sweep.trials import Trial, run_trials
from softlabels.training import identity
from softlabels.training.arguments import refuse_repeated
from softlabels.training.experiment import Experiment, describe_run, feature_store, load
from softlabels.training.settings import SETTINGS

logger = logging.getLogger(__name__)

DESCRIPTION = """Train several encoders several times each, compare them, and write a report.

Each trial is train.py in a process of its own. Run the same command again to resume what was
killed. A setting of the YAML that is given here holds for all trials."""

Figures = Callable[[Mapping[str, Any], Sequence[Any]], Mapping[str, tuple[float, float]]]


@dataclass(frozen=True)
class Planned:
    """A planned trial: its row, what it holds out, its seed."""

    row: Row
    fold: str
    seed: int
    trial: Trial


def parse(corpus: Corpus, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line; settings of the YAML come back as they were typed."""
    setting, values = corpus.folds
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data_folder", default="simulated", help="a release; simulated speech if not given")
    add("--output_folder", type=Path, help="default: results/<corpus>/reproduction")
    add("--encoders", default="hard,soft,modified_soft", help="the first one is the baseline")
    add("--network", default="blstm", help="networks, as blstm,ecapa, or a YAML's path")
    add("--encoder_options", default="{}", help="{power: 3}: each encoder takes those it has")
    add("--trials", type=int, default=5, help="trainings of each row: seeds 1, 2, …")
    if setting:
        add(f"--{setting}s", dest="folds", default=str(values[0]), help="held out: 1,3 or all")
    add("--alphas", help="modified soft targets' α, for the curve: 0,0.25,0.5,0.75,1,1.5,2,4")
    add("--axis", action="append", default=[], metavar="SETTING=A,B", help="vary a setting too")
    add("--jobs", type=int, default=os.cpu_count(), help="trials at once")
    add("--threads", type=int, default=1, help="of each trial; its numbers depend on it")
    add("--backend", choices=[*ENGINES], default="local", help="where trials run")
    add("--scheduler", help="the Dask scheduler's or Ray cluster's address")
    add("--dry-run", action="store_true", help="show the trials and about how long they take")
    refuse_repeated(parser, [word for word in arguments if word.partition("=")[0] != "--axis"])
    options, settings = parser.parse_known_args(arguments)
    try:
        options.alphas = [float(a) for a in options.alphas.split(",")] if options.alphas else []
        axes = [axis.split("=", 1) for axis in options.axis]
        options.axes = {name: each.split(",") for name, each in axes}
    except ValueError as error:
        parser.error(f"--alphas or --axis can't be read: {error}")
    options.encoders = options.encoders.split(",")
    options.networks = [
        os.path.abspath(name) if name.endswith((".yaml", ".yml")) else name
        for name in options.network.split(",")
    ]
    kind = SETTINGS["encoder_options"].kind
    of_encoders = kind.read(options.encoder_options)
    if not kind.takes(of_encoders):
        parser.error(f"--encoder_options must be {kind}; got {options.encoder_options!r}")
    if options.alphas and "alpha" in of_encoders:
        parser.error("--encoder_options has alpha, which --alphas varies; leave one of them out")
    options.encoder_options = of_encoders
    asked = getattr(options, "folds", "all")
    known = {str(value): value for value in values}
    names = list(known) if asked == "all" else list(dict.fromkeys(asked.split(",")))
    if wrong := [name for name in names if name not in known]:
        parser.error(f"--{setting}s are among {', '.join(known)}, or all; got {', '.join(wrong)}")
    options.folds = [value for name, value in known.items() if name in names]
    if min(options.trials, options.jobs, options.threads) < 1:
        parser.error("--trials, --jobs and --threads are at least 1")
    given = {word.removeprefix("--").partition("=")[0] for word in settings} | {*options.axes}
    planned = {"encoder", "train_on", "seed", setting} | ({"alpha"} if options.alphas else set())
    if taken := given & planned:
        parser.error(f"--{', --'.join(sorted(taken))}: the plan itself varies that")
    return options, settings


def absolute_files(corpus: Corpus, words: Sequence[str]) -> list[str]:
    """Make the paths among a command line's settings absolute: trials run in another folder.

    Example
    -------
    >>> from softlabels.corpora.table import TABLE
    >>> absolute_files(TABLE, ["--votes=/a/../b.csv", "--item", "clip"])
    ['--votes=/b.csv', '--item', 'clip']
    """
    absolute: list[str] = []
    for before, word in pairwise(["", *words]):
        name, equals, value = word.partition("=")
        if before.removeprefix("--") in corpus.files:
            word = os.path.abspath(word)
        elif equals and name.removeprefix("--") in corpus.files:
            word = f"{name}={os.path.abspath(value)}"
        absolute.append(word)
    return absolute


def plan_trials(
    corpus: Corpus,
    rows: Iterable[Row],
    options: argparse.Namespace,
    script: Path,
    words: Sequence[str],
    partition: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> list[Planned]:
    """Plan every trial: the rows of one seed before those of the next."""
    setting, _ = corpus.folds
    utterances = {
        "clear": sum(partition["train"]["clear"].values()),
        "ambiguous": partition["train"]["ambiguous"],
    }
    rows = list(rows)
    planned = []
    for seed in range(1, options.trials + 1):
        for row in rows:
            for value in options.folds or [None]:
                fold = corpus.fold({**settings, setting: value})
                of_fold = (f"--{setting}", str(value)) if setting else ()
                trial = Trial(
                    name=f"{row.name}, {fold}, seed {seed}",
                    script=script,
                    arguments=(*row.arguments, *words, *of_fold, "--seed", str(seed)),
                    folder=options.output_folder / "trials" / row.slug / fold / f"seed{seed}",
                    work=sum(utterances[kind] for kind in row.train_on),
                    modules=TRAINING,
                )
                planned.append(Planned(row, fold, seed, trial))
    return planned


def load_rows(corpus: Corpus, planned: Iterable[Planned], place: str) -> dict[Row, Experiment]:
    """Load each row's settings once, so that a wrong one is an error before anything runs."""
    experiments: dict[Row, Experiment] = {}
    for each in planned:
        if each.row not in experiments:
            words = [*each.trial.arguments, "--noprogressbar", "--output_folder", place]
            experiments[each.row] = load(corpus, words)
    return experiments


def unfinished(
    corpus: Corpus, planned: Iterable[Planned], experiments: Mapping[Row, Experiment], digest: str
) -> list[Planned]:
    """Return the trials without results; a folder that holds another run's is an error."""
    setting, _ = corpus.folds
    identities = {row: describe_run(each) for row, each in experiments.items()}
    left = []
    for each in planned:
        made_by = {**identities[each.row], "corpus": digest}
        made_by["settings"] = {**made_by["settings"], "seed": each.seed}
        if setting:
            made_by["settings"]["fold"] = each.fold
            value = {str(v): v for v in corpus.folds[1]}[each.fold.removeprefix(setting[5:])]
            made_by["settings"][setting] = value
        if not identity.is_finished(each.trial.folder, made_by):
            identity.check_claim(each.trial.folder, made_by)
            left.append(each)
    return left


def main(
    corpus: Corpus,
    arguments: Sequence[str],
    script: Path,
    figures: Figures = lambda partition, folds: {},
) -> int:
    """Run a sweep from command-line arguments.

    Arguments
    ---------
    corpus : Corpus
        The corpus.
    arguments : sequence of str
        The command line.
    script : pathlib.Path
        The recipe's train.py; trials run in its folder.
    figures : callable
        ``figures(partition, folds)`` → row → published WA and UA in percent, where these data are
        the published ones.

    Returns
    -------
    code : int
        0, or 1 if a trial failed.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("speechbrain").setLevel(logging.WARNING)
    logging.getLogger("softlabels.sweep").setLevel(logging.INFO)
    options, settings = parse(corpus, arguments)
    settings = absolute_files(corpus, settings)
    simulated = options.data_folder == "simulated"
    data_folder = Path(cached_corpus() if simulated else options.data_folder).resolve()
    if options.output_folder is None:
        options.output_folder = script.parent / "results" / data_folder.name / "reproduction"
    options.output_folder = options.output_folder.resolve()
    os.chdir(script.parent)
    torch.set_num_threads(options.threads)  # as the trials have: it is part of their identity
    held = nullcontext() if options.dry_run else hold(options.output_folder)
    with held, tempfile.TemporaryDirectory() as place:  # loading makes a results folder
        words = ["--data_folder", str(data_folder), *settings]
        of_encoder = planning.options_of(options.encoders, options.encoder_options)
        first = planning.plan_rows(options.encoders, options.networks, options=of_encoder)[0]
        default = load(corpus, [*first.arguments, *words, "--output_folder", place])
        of_fold = {corpus.folds[0]: options.folds[0]} if corpus.folds[0] else {}
        prepared = prepare(corpus, data_folder, **{**default.preparation, **of_fold})
        takes = {name: ENCODERS.get(name).takes for name in options.encoders}
        curve = planning.curve_rows(options.alphas, default.hparams["alpha"])
        rows = planning.plan_rows(
            options.encoders, options.networks, options.axes, takes, curve.values(), of_encoder
        )
        if options.axes or len(options.networks) > 1:
            curve = {}  # there would be several
        planned = plan_trials(
            corpus, rows, options, script, words, prepared.partition, default.preparation
        )
        experiments = load_rows(corpus, planned, place)
        left = unfinished(corpus, planned, experiments, prepared.digest)
        print(f"{len(planned)} trials, {len(planned) - len(left)} of them finished")
        trials = [each.trial for each in left]
        if options.dry_run:
            for trial in trials:
                print(f"  {trial.name}: {shlex.join(trial.command[1:])}")
            if trials:
                hparams = experiments[left[0].row].hparams
                minutes = estimate_minutes(
                    trials, hparams, prepared.all, options.jobs, options.threads
                )
                print(f"about {minutes:.0f} min for what is left, {options.jobs} at once")
            return 0
        bars = sys.stderr.isatty()
        extract({each.row: experiments[each.row] for each in left}, prepared, bars)
        published = figures(prepared.partition, options.folds)
        plan = describe(planned, curve, experiments, prepared, published, data_folder)
        write_plan(options.output_folder, plan, prepared)
        with ENGINES[options.backend](options.scheduler, options.threads) as engine:
            failures = run_trials(
                trials,
                options.output_folder,
                options.jobs,
                options.threads,
                progressbar=bars,
                engine=engine,
            )
        for failure in failures:
            print(f"\nFAILED: {failure.trial.name}: {failure.reason}", file=sys.stderr)
        print(write_report(options.output_folder))
    return 1 if failures else 0


def extract(experiments: Mapping[Row, Experiment], prepared: Prepared, progressbar: bool) -> None:
    """Extract all utterances' features, once for each front end."""
    stores: dict[Path, FeatureStore] = {}
    for experiment in experiments.values():
        store = feature_store(experiment.hparams)
        if isinstance(store, FeatureStore):
            stores.setdefault(store.folder, store)
    for store in stores.values():
        wavs = [entry["wav"] for entry in prepared.all.values()]
        if not progressbar:
            logger.info("features of %d utterances, in %s", len(wavs), store.folder)
        store.extract(wavs, progressbar)


def write_plan(folder: Path, plan: Mapping[str, Any], prepared: Prepared) -> None:
    """Write sweep.json and the corpus' votes, which the report reads."""
    place = folder / "corpus"
    place.mkdir(parents=True, exist_ok=True)
    text = manifest_bytes(prepared.all).decode()
    files.write(place / "manifest.json", text)
    partition = json.dumps(prepared.partition, indent=2, ensure_ascii=False)
    files.write(place / "partition.json", partition + "\n")
    text = json.dumps(plan, indent=1, ensure_ascii=False)
    files.write(folder / SWEEP_FILE, text + "\n")
    seal(folder, [SWEEP_FILE, "corpus"])


def describe(
    planned: Sequence[Planned],
    curve: Mapping[float, Row],
    experiments: Mapping[Row, Experiment],
    prepared: Prepared,
    published: Mapping[str, tuple[float, float]],
    data_folder: Path,
) -> dict[str, Any]:
    """Return what sweep.json holds: what was planned, on which data, by which settings."""
    first = next(iter(experiments.values()))
    settings = prepared.partition["settings"]
    return {
        "format": FORMAT,
        "versions": identity.versions(),
        "corpus": data_folder.name,
        "data_folder": str(data_folder),
        "simulated": is_simulated(data_folder),
        "classes": settings["classes"],
        "agreement": settings["agreement"],
        "merge": settings["merge"],
        "normalization": first.hparams["normalization"],
        "speaker_independent": prepared.speaker_independent,
        "baseline": planned[0].row.name,
        "paper": dict(published),
        "rows": [
            planning.described(row, experiment.hparams["annotation_encoder"].describe())
            for row, experiment in experiments.items()
        ],
        "curve": [[alpha, row.name] for alpha, row in curve.items()],
        "trials": [
            {
                "row": each.row.name,
                "group": each.fold,
                "seed": each.seed,
                "folder": f"trials/{each.row.slug}/{each.fold}/seed{each.seed}",
            }
            for each in planned
        ],
    }
