"""`write_sweep` writes a sweep's folder as a sweep leaves it, with made-up predictions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import soundfile

from softlabels.training.brain import Predictions
from softlabels.training.results import predictions_csv, score

CLASSES = ["neutral", "happy", "sad", "angry"]
HARD = {"name": "hard", "options": {"agreement": 2}}
SOFT = {"name": "soft", "options": {}}
ROWS: dict[str, dict[str, Any]] = {"hard / clear": HARD, "soft / clear": SOFT}


@pytest.fixture
def make_sweep(tmp_path: Path) -> Callable[..., Path]:
    """`write_sweep` into tmp_path."""
    return partial(write_sweep, tmp_path / "sweep")


@pytest.fixture(scope="session")
def sweep_writer() -> Callable[..., Path]:
    """`write_sweep`, for a sweep that several tests share."""
    return write_sweep


def write_sweep(
    folder: Path,
    *,
    rows: Mapping[str, Mapping[str, Any]] = ROWS,
    groups: Sequence[str] = ("a",),
    seeds: int = 3,
    utterances: int = 40,
    skill: Mapping[str, float] | None = None,
    unfinished: Callable[[str, str, int], bool] = lambda row, group, seed: False,
    scored: Callable[[str, str], bool] = lambda row, utterance: True,
    calibrated: Mapping[str, float] = MappingProxyType({}),
    sound: bool = False,
) -> Path:
    """Write sweep.json, the manifest and the trials' results.

    Arguments
    ---------
    folder : Path
        Where to.
    rows : dict
        Row → its encoder.
    groups : sequence of str
        Held-out groups, of two speakers each.
    seeds : int
        Seeds of each row and group.
    utterances : int
        Of each group; one in four is ambiguous.
    skill : dict
        Row → weight of the votes in its predictions, 0.5 if not given.
    unfinished : callable
        (row, group, seed) → whether the trial has no results.
    scored : callable
        (row, utterance) → whether the row's trials scored the utterance.
    calibrated : dict
        Row → the temperature that its trials set; its networks give a precision, too.
    sound : bool
        Whether the utterances' audio is there: half a second of noise.
    """
    random = np.random.default_rng(1)
    manifest: dict[str, Any] = {}
    emotions, shares = {}, {}
    for group, number in product(groups, range(utterances)):
        name = f"{group}{number:03d}"
        first, second = random.permutation(CLASSES)[:2].tolist()
        ambiguous = number % 4 == 3
        third = first if number % 4 == 0 else second
        votes = [[first], [second], ["other"]] if ambiguous else [[first], [first], [third]]
        manifest[name] = {
            "wav": str(folder / f"data/{name}.wav"),
            "speaker": f"{group}{number % 2}",
            "group": group,
            "annotators": ["A", "B", "C"],
            "votes": votes,
        }
        emotions[name] = "" if ambiguous else first
        given = [label for (label,) in votes]
        counts = np.array([given.count(label) for label in CLASSES], float)
        shares[name] = counts / counts.sum()
    trials = []
    for seed, row, group in product(range(1, seeds + 1), rows, groups):
        slug = row.replace(" / ", "_").replace(" ", "_")
        place = f"trials/{slug}/{group}/seed{seed}"
        trials.append({"row": row, "group": group, "seed": seed, "folder": place})
        if unfinished(row, group, seed):
            continue
        ids = [name for name in manifest if manifest[name]["group"] == group and scored(row, name)]
        weight = (skill or {}).get(row, 0.5)
        p = [
            (1 - weight) * random.dirichlet(np.ones(4)) + weight * shares[name] + 1e-9
            for name in ids
        ]
        predictions = Predictions(
            ids,
            [emotions[name] for name in ids],
            [np.log(each / each.sum()).tolist() for each in p],
            [shares[name].tolist() for name in ids],
        )
        more = {}
        if row in calibrated:
            predictions.precisions = (3 + random.random(len(ids))).tolist()
            uncalibrated = score(predictions, CLASSES)
            more = {"temperature": calibrated[row], "uncalibrated": uncalibrated}
            predictions = predictions.at(calibrated[row])
        test = score(predictions, CLASSES)
        metrics = {
            **more,
            "train": {"clear": 90, "ambiguous": 0},
            "test": test,
            "majority": {"class": "sad", "WA": 0.3, "UA": 0.25},
            "epochs": [
                {"epoch": epoch, "loss": 1.4 / epoch, "UA": 0.2 + 0.1 * epoch} for epoch in (1, 2)
            ],
        }
        target = folder / place
        target.mkdir(parents=True)
        (target / "predictions.csv").write_text(predictions_csv(predictions, manifest, CLASSES))
        (target / "run.json").write_text(json.dumps({"versions": {"softlabels": "1"}}))
        (target / "metrics.json").write_text(json.dumps(metrics))
    plan = {
        "format": 3,
        "versions": {"softlabels": "1"},
        "corpus": "tiny",
        "data_folder": str(folder / "data"),
        "simulated": False,
        "classes": CLASSES,
        "agreement": 2,
        "merge": {},
        "normalization": "corpus",
        "baseline": next(iter(rows)),
        "paper": {},
        "rows": [
            {"name": row, "encoder": encoder, "train_on": ["clear"]}
            for row, encoder in rows.items()
        ],
        "curve": [],
        "trials": trials,
    }
    if sound:
        (folder / "data").mkdir(parents=True)
        for name in manifest:
            noise = 0.1 * random.standard_normal(4000)
            soundfile.write(folder / f"data/{name}.wav", noise, 8000)
    (folder / "corpus").mkdir(parents=True)
    (folder / "corpus/manifest.json").write_text(json.dumps(manifest))
    (folder / "sweep.json").write_text(json.dumps(plan))
    return folder
