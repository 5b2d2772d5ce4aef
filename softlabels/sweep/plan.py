"""The plan of a sweep: its trials, those that are left, and what sweep.json holds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softlabels import files
from softlabels.corpora import Corpus, Prepared
from softlabels.corpora.manifest import manifest_bytes
from softlabels.corpora.simulated import is_simulated
from softlabels.report.sweep import FORMAT, SWEEP_FILE
from softlabels.seal import seal
from softlabels.sweep import rows as planning
from softlabels.sweep.processes import TRAINING
from softlabels.sweep.rows import Row
from softlabels.sweep.trials import Trial
from softlabels.training import identity
from softlabels.training.experiment import Experiment, describe_run, load


@dataclass(frozen=True)
class Planned:
    """A planned trial: its row, what it holds out, its seed."""

    row: Row
    fold: str
    seed: int
    trial: Trial


def plan_trials(
    corpus: Corpus,
    rows: Iterable[Row],
    options: argparse.Namespace,
    script: Path,
    words: Mapping[str, Sequence[str]],
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
                    arguments=(*row.arguments, *words[row.network], *of_fold, "--seed", str(seed)),
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
