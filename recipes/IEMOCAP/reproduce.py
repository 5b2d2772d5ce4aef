#!/usr/bin/env python3
"""Trains the paper's rows several times each, compares them, and writes a report.

> python reproduce.py --data_folder /path/to/IEMOCAP_full_release --jobs 2
> python reproduce.py --alphas 0,0.25,0.5,0.75,1,1.5,2,4 --test_sessions all
> python reproduce.py --axis frontend=acoustic47,fbank --number_of_epochs 10
> python reproduce.py --backend dask --scheduler tcp://node1:8786 --jobs 32

Every trial is train.py in a process of its own. Killed and started again, it goes
on where it was. A setting of the YAML that is given here holds for all trials.
"""

import argparse
import contextlib
import json
import logging
import os
import shlex
import sys
import tempfile
from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path

import joblib
import torch
import train
from estimate import estimate_minutes
from iemocap_prepare import prepare_iemocap
from iemocap_release import SESSIONS
from paper import BOTH, MAJORITY, MODIFIED, ROWS, SOFT, Row, is_papers_corpus
from tqdm import tqdm

from softlabels.locks import hold
from softlabels.report.page import write_report
from softlabels.report.sweep import FORMAT, SWEEP_FILE
from softlabels.simulate.corpus import cached_corpus, is_simulated
from softlabels.sweep.trials import Trial, run_trials
from softlabels.training import identity as runs

RECIPE = Path(__file__).resolve().parent
PLANNED = {"encoder", "train_on", "seed", "test_session"}  # settings that tell trials apart


def parse(arguments):
    """Read the command line; settings of the YAML come back as they were given."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data_folder", default="simulated", help="a release; simulated speech if not given")
    add("--output_folder", type=Path, help="default: results/<corpus>/reproduction")
    add("--trials", type=int, default=5, help="trainings of each row: seeds 1, 2, …")
    add("--test_sessions", default="1", help="held-out sessions, as 1,3 or all")
    add("--alphas", help="modified soft targets' α, for the curve: 0,0.25,0.5,0.75,1,1.5,2,4")
    add("--axis", action="append", default=[], metavar="SETTING=A,B", help="vary a setting too")
    add("--jobs", type=int, default=os.cpu_count(), help="trials at once")
    add("--threads", type=int, default=1, help="of each trial; its numbers depend on it")
    add("--backend", choices=["loky", "dask", "ray"], default="loky", help="where trials run")
    add("--scheduler", help="the Dask scheduler's or Ray cluster's address")
    add("--dry-run", action="store_true", help="show the trials and about how long they take")
    options, settings = parser.parse_known_args(arguments)
    every = options.test_sessions == "all"
    try:
        asked = SESSIONS if every else [int(s) for s in options.test_sessions.split(",")]
        options.sessions = sorted(set(asked))
        options.alphas = [float(a) for a in options.alphas.split(",")] if options.alphas else []
        axes = [axis.split("=", 1) for axis in options.axis]
        options.axes = {name: values.split(",") for name, values in axes}
    except ValueError as error:
        parser.error(f"--test_sessions, --alphas or --axis can't be read: {error}")
    if not set(options.sessions) <= set(SESSIONS):
        parser.error(f"--test_sessions are among 1 to 5, or all; got {options.test_sessions}")
    if min(options.trials, options.jobs, options.threads) < 1:
        parser.error("--trials, --jobs and --threads are at least 1")
    for before, word in pairwise(["", *settings]):
        if not word.startswith("--") and (not before.startswith("--") or "=" in before):
            parser.error(f"{word!r} is no --setting and no value of one")
    given = {word.removeprefix("--").partition("=")[0] for word in settings} | {*options.axes}
    if taken := given & (PLANNED | ({"alpha"} if options.alphas else set())):
        parser.error(f"--{', --'.join(sorted(taken))}: the plan itself varies that")
    return options, settings


def plan_rows(options, default_alpha):
    """Tell the table's rows, and the curve: α → row."""
    curve = {}
    for alpha in sorted(set(options.alphas)):
        known = {0.0: SOFT, default_alpha: MODIFIED}
        curve[alpha] = known.get(alpha, Row("modified_soft", BOTH, alpha=alpha))
    rows = [*ROWS, *(row for row in curve.values() if row not in ROWS)]
    points = [
        dict(zip(options.axes, values, strict=True)) for values in product(*options.axes.values())
    ]
    rows = [replace(row, axes=point) for point in points for row in rows]
    names = [row.name for row in rows]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"rows of one name: {sorted(twice)}; values of α or an axis are too alike")
    return rows, [] if options.axes else [[alpha, row.name] for alpha, row in curve.items()]


def plan_trials(rows, options, data_folder, settings, partition):
    """Tell every trial: the rows of one seed before those of the next."""
    places = ("--data_folder", str(data_folder))
    utterances = {
        "clear": sum(partition["train"]["clear"].values()),
        "ambiguous": partition["train"]["ambiguous"],
    }
    trials = []
    for seed, row, session in product(range(1, options.trials + 1), rows, options.sessions):
        slug = row.name.replace(" / ", "_").replace(" + ", "+").replace(" = ", "")
        slug = slug.replace(" ", "_").replace("/", "-")
        trial = Trial(
            name=f"{row.name}, session {session}, seed {seed}",
            script=RECIPE / "train.py",
            arguments=(
                *(*row.arguments, *places, *settings),
                *("--test_session", str(session), "--seed", str(seed)),
            ),
            folder=options.output_folder / "trials" / slug / f"session{session}" / f"seed{seed}",
            work=sum(utterances[kind] for kind in row.train_on),
        )
        trials.append((row, session, seed, trial))
    return trials


def look_at(trials, corpus):
    """Load each trial's settings, so that a wrong one, or one that other settings have
    results of, is found before anything runs.

    Returns the trials that are not finished, a feature store for each front end of
    theirs, and the settings of one.
    """
    left, stores, hparams = [], {}, None
    for trial in tqdm(trials, desc="Settings", delay=1):
        _, loaded, run_opts, _ = train.load(trial.command[2:])
        identity = {**train.identity(loaded, run_opts), "corpus": corpus}
        if runs.is_finished(trial.folder, identity):
            continue
        runs.check_claim(trial.folder, identity)
        left.append(trial)
        store = train.feature_store(loaded)
        stores.setdefault(store.folder, store)
        hparams = hparams or loaded
    return left, stores.values(), hparams


def backend(options):
    """Choose where joblib runs trials."""
    if options.backend == "dask":
        from dask.distributed import Client

        Client(options.scheduler)
    elif options.backend == "ray":
        import ray
        from ray.util.joblib import register_ray

        ray.init(address=options.scheduler)
        register_ray()
    return joblib.parallel_config(backend=options.backend)


def main(arguments):
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("speechbrain").setLevel(logging.WARNING)
    options, settings = parse(arguments)
    simulated = options.data_folder == "simulated"
    data_folder = Path(cached_corpus() if simulated else options.data_folder).resolve()
    if options.output_folder is None:
        options.output_folder = RECIPE / "results" / data_folder.name / "reproduction"
    options.output_folder = options.output_folder.resolve()
    os.chdir(RECIPE)
    torch.set_num_threads(options.threads)  # as the trials have: it is part of their identity

    with hold(options.output_folder):
        with tempfile.TemporaryDirectory() as nowhere:  # loading makes a results folder
            place = ["--output_folder", nowhere]
            default = train.load([*MODIFIED.arguments, *settings, *place])[1]
        prepared = options.output_folder / "corpus"
        asked = {name: default[name] for name in train.PREPARATION}
        asked["test_session"] = options.sessions[0]
        partition = prepare_iemocap(data_folder, prepared, **asked)
        manifest = json.loads((prepared / "manifest.json").read_text("utf-8"))
        rows, curve = plan_rows(options, default["alpha"])
        planned = plan_trials(rows, options, data_folder, settings, partition)
        trials = [trial for *_, trial in planned]
        left, stores, hparams = look_at(trials, partition["settings"]["manifest"])
        print(f"{len(trials)} trials, {len(trials) - len(left)} of them finished")
        if options.dry_run:
            for trial in left:
                print(f"  {trial.name}: {shlex.join(trial.command[1:])}")
            if left:
                minutes = estimate_minutes(left, hparams, manifest, options.jobs, options.threads)
                print(f"about {minutes:.0f} min for what is left, {options.jobs} at once")
            return 0
        for store in stores:
            store.extract([e["wav"].format(data_root=data_folder) for e in manifest.values()])
        known = options.sessions == [1] and is_papers_corpus(partition)
        sweep = describe(planned, rows, curve, data_folder, known, default)
        text = json.dumps(sweep, indent=1, ensure_ascii=False)
        runs.write_text(options.output_folder / SWEEP_FILE, text + "\n")
        with backend(options):
            failures = run_trials(left, options.output_folder, options.jobs, options.threads)
        for failure in failures:
            print(f"\nFAILED: {failure.trial.name}: {failure.reason}", file=sys.stderr)
        print(write_report(options.output_folder))
    return 1 if failures else 0


def describe(planned, rows, curve, data_folder, known, default):
    """Tell the report what was planned; known: whether the data are the paper's."""
    figures = {row.name: row.paper for row in rows if known and row.paper and not row.axes}
    return {
        "format": FORMAT,
        "versions": runs.versions(),
        "corpus": data_folder.name,
        "data_folder": str(data_folder),
        "simulated": is_simulated(data_folder),
        "classes": list(default["classes"]),
        "alpha": default["alpha"],
        "minimum_agreement": default["minimum_agreement"],
        "merge": default["merge"],
        "own_ratings": default["own_ratings"],
        "normalization": default["normalization"],
        "baseline": rows[0].name,
        "paper": {**figures, **({"majority class": MAJORITY} if known else {})},
        "rows": [
            {"name": row.name, "encoder": row.encoder, "train_on": row.train_on} for row in rows
        ],
        "curve": curve,
        "trials": [
            {
                "row": row.name,
                "session": session,
                "seed": seed,
                "folder": str(Path(*trial.folder.parts[-4:])),
            }
            for row, session, seed, trial in planned
        ],
    }


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1:]))
    sys.exit(130)
