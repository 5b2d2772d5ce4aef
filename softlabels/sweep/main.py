"""Many trainings in one command: planned, run, compared and reported. A recipe's reproduce.py."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from softlabels.corpora import Corpus, Prepared, prepare
from softlabels.corpora.simulated import cached_corpus
from softlabels.encoders.base import ENCODERS
from softlabels.features.store import FeatureStore
from softlabels.locks import hold
from softlabels.report.page import write_report
from softlabels.sweep import rows as planning
from softlabels.sweep.engines import ENGINES
from softlabels.sweep.estimate import estimate_minutes
from softlabels.sweep.options import absolute_files, parse, words_by_network
from softlabels.sweep.plan import describe, load_rows, plan_trials, unfinished, write_plan
from softlabels.sweep.rows import Row
from softlabels.sweep.trials import run_trials
from softlabels.training.experiment import Experiment, feature_store, load
from softlabels.training.hparams import read_tree

logger = logging.getLogger(__name__)

Figures = Callable[[Mapping[str, Any], Sequence[Any]], Mapping[str, tuple[float, float]]]


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
        words = words_by_network(
            ["--data_folder", str(data_folder), *settings],
            {name: [*read_tree(planning.yaml_of(name))] for name in options.networks},
        )
        of_encoder = planning.options_of(options.encoders, options.encoder_options)
        first = planning.plan_rows(options.encoders, options.networks, options=of_encoder)[0]
        of_first = [*first.arguments, *words[first.network]]
        default = load(corpus, [*of_first, "--output_folder", place])
        of_fold = {corpus.folds[0]: options.folds[0]} if corpus.folds[0] else {}
        prepared = prepare(corpus, data_folder, **{**default.preparation, **of_fold})
        takes = {name: ENCODERS.get(name).takes for name in options.encoders}
        curve = planning.curve_rows(options.alphas, default.hparams["alpha"])
        rows = planning.plan_rows(
            options.encoders, options.networks, options.axes, takes, curve.values(), of_encoder
        )
        if options.rows:
            rows = planning.choose_rows(rows, options.rows)
            curve = {alpha: row for alpha, row in curve.items() if row in rows}
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
