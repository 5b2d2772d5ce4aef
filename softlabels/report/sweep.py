"""Reads a sweep's folder: its plan, its trials' results and the corpus' votes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from softlabels.errors import InputError
from softlabels.report.trial import read_trial
from softlabels.seal import SEAL_FILE, check_seal

SWEEP_FILE, FORMAT = "sweep.json", 3
MANIFEST_FILE = "corpus/manifest.json"
PLAN_KEYS = (
    "versions",
    "corpus",
    "data_folder",
    "simulated",
    "classes",
    "agreement",
    "merge",
    "normalization",
    "baseline",
    "paper",
    "rows",
    "curve",
    "trials",
)
ROW_KEYS = ("name", "encoder", "train_on")
TRIAL_KEYS = ("row", "group", "seed", "folder")
AGAIN = "run the sweep's command again"


@dataclass
class Sweep:
    """A sweep, as far as it has run.

    Arguments
    ---------
    folder : Path
        Its folder.
    plan : dict
        sweep.json.
    trials : pandas.DataFrame
        A planned trial a row: ``row, group, seed, folder, metrics`` (None if missing).
    predictions : pandas.DataFrame
        All trials' predictions.csv, with ``row, group, seed, speaker``.
    learning : pandas.DataFrame
        An epoch of a trial a row: ``row, group, seed, epoch, loss, UA``.
    manifest : dict
        Every utterance of the corpus with the votes that count.
    notes : list of str
        Caveats: missing and damaged trials, mixed versions.
    """

    folder: Path
    plan: dict[str, Any]
    trials: pd.DataFrame
    predictions: pd.DataFrame
    learning: pd.DataFrame
    manifest: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def classes(self) -> list[str]:
        """The target classes."""
        return list(self.plan["classes"])

    @property
    def rows(self) -> list[str]:
        """The names of the rows, in the order of the plan."""
        return [row["name"] for row in self.plan["rows"]]

    @property
    def finished(self) -> pd.DataFrame:
        """The trials that have results."""
        return self.trials[self.trials["metrics"].notna()]


def read_sweep(folder: str | Path) -> Sweep:
    """Read a sweep's folder.

    Arguments
    ---------
    folder : str or Path
        The folder that holds sweep.json.

    Returns
    -------
    sweep : Sweep
        Trials without results have no metrics; damaged ones are named in the notes.

    Raises
    ------
    ValueError
        If the folder holds no sweep, one of another format, or a damaged one.
    """
    place = Path(folder)
    plan = _read_plan(place / SWEEP_FILE)
    manifest = _read_manifest(place / MANIFEST_FILE)
    if (place / SEAL_FILE).exists() and (changed := check_seal(place)):
        raise InputError(f"{changed[0]} is damaged, its bytes are not those written: {AGAIN}")
    speakers = {name: entry["speaker"] for name, entry in manifest.items()}
    trials, predictions, learning, versions, notes = [], [], [], set(), []
    features: dict[tuple[str, str, frozenset[str]], set[str]] = {}
    takes = {row["name"]: row["train_on"] for row in plan["rows"]}
    for trial in plan["trials"]:
        key = {name: trial[name] for name in ("row", "group", "seed")}
        metrics = None
        try:
            results = read_trial(place / trial["folder"])
        except ValueError as error:
            notes.append(
                f"Damaged, and counted as missing: {error}; remove that trial's folder and {AGAIN}."
            )
        else:
            if results is not None:
                metrics = results.metrics
                versions.add(results.versions)
                if "clear" in takes[key["row"]]:  # else the seed decides which clips are needed
                    tested = frozenset(results.predictions["utterance"])
                    same_clips = (key["row"], key["group"], tested)
                    features.setdefault(same_clips, set()).add(results.features)
                speaker = results.predictions["utterance"].map(speakers)
                predictions.append(results.predictions.assign(**key, speaker=speaker))
                learning += [{**key, **epoch} for epoch in results.epochs]
        trials.append({**key, "folder": trial["folder"], "metrics": metrics})
    missing = sum(trial["metrics"] is None for trial in trials)
    if missing:
        notes.append(f"{missing} of {len(trials)} trials have no results: gaps are shown as such.")
    if len(versions) > 1:
        notes.append(f"The trials were run with {len(versions)} different sets of versions.")
    mixed = [f"{row}, {group}" for (row, group, _), each in features.items() if len(each) > 1]
    if mixed:
        notes.append(f"The audio changed between trainings of {mixed[0]}: they can't be compared.")
    return Sweep(
        folder=place,
        plan=plan,
        trials=pd.DataFrame(trials, columns=[*TRIAL_KEYS, "metrics"]),
        predictions=pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(),
        learning=pd.DataFrame(learning),
        manifest=manifest,
        notes=notes,
    )


def _read_plan(file: Path) -> dict[str, Any]:
    try:
        plan = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{file.parent} holds no {SWEEP_FILE}: make one with reproduce.py"
        ) from None
    except ValueError as error:
        raise InputError(f"{file} is damaged ({error}): {AGAIN}") from None
    if not isinstance(plan, dict) or plan.get("format") != FORMAT:
        written = plan if isinstance(plan, dict) else {}
        version = dict(written.get("versions") or {}).get("softlabels", "an unknown version")
        raise InputError(
            f"{file} has format {written.get('format')!r}, written by softlabels {version}; "
            f"this version reads format {FORMAT}: {AGAIN}"
        )
    _check_keys(plan, PLAN_KEYS, str(file))
    for name, keys in (("rows", ROW_KEYS), ("trials", TRIAL_KEYS)):
        for index, entry in enumerate(plan[name]):
            _check_keys(entry, keys, f"{file}, {name}[{index}]")
    names = [row["name"] for row in plan["rows"]]
    for name in [plan["baseline"], *(trial["row"] for trial in plan["trials"])]:
        if name not in names:
            raise InputError(f"{file}: {name!r} is not among its rows {names}: {AGAIN}")
    return plan


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{file} is missing: {AGAIN}") from None
    except ValueError as error:
        raise InputError(f"{file} is damaged ({error}): {AGAIN}") from None
    if not isinstance(manifest, dict):
        raise InputError(f"{file} must hold utterances by name; got {type(manifest).__name__}")
    for name, entry in manifest.items():
        _check_keys(entry, ("votes", "speaker"), f"{file}, {name!r}")
    return manifest


def _check_keys(entry: Any, keys: tuple[str, ...], place: str) -> None:
    missing = [key for key in keys if not isinstance(entry, dict) or key not in entry]
    if missing:
        raise InputError(f"{place} lacks {', '.join(missing)}: {AGAIN}")
