"""Reads what a sweep left: its plan, its trials' predictions and the corpus' votes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from softlabels.training.identity import METRICS_FILE, PREDICTIONS_FILE, RUN_FILE

SWEEP_FILE, FORMAT = "sweep.json", 2


@dataclass
class Sweep:
    """A sweep, as far as it has run.

    Arguments
    ---------
    folder : Path
        Where it lies.
    plan : dict
        sweep.json.
    trials : pandas.DataFrame
        A planned trial a row: ``row, session, seed, folder, metrics`` (None if missing).
    predictions : pandas.DataFrame
        All trials' predictions.csv, with ``row, session, seed, speaker``.
    learning : pandas.DataFrame
        An epoch of a trial a row: ``row, session, seed, epoch, loss, UA``.
    manifest : dict
        Every utterance of the corpus with its votes.
    notes : list of str
        What a reader must be told of how it came about.
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
        Trials without results are there, with no metrics.

    Raises
    ------
    ValueError
        If the folder holds no sweep, or one of another format.
    """
    place = Path(folder)
    try:
        plan = json.loads((place / SWEEP_FILE).read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{place} holds no {SWEEP_FILE}: make one with reproduce.py") from None
    except ValueError:  # damaged
        plan = None
    if not isinstance(plan, dict):
        plan = {}
    if plan.get("format") != FORMAT:
        made_by = plan.get("versions", {}).get("softlabels", "an unknown version")
        raise ValueError(
            f"{place / SWEEP_FILE} has format {plan.get('format')!r}, written by softlabels "
            f"{made_by}; this version reads format {FORMAT}: run reproduce.py again"
        )
    manifest = json.loads((place / "corpus/manifest.json").read_text("utf-8"))
    speakers = {name: entry["speaker"] for name, entry in manifest.items()}
    trials, predictions, learning, versions, notes = [], [], [], set(), []
    for trial in plan["trials"]:
        key = {name: trial[name] for name in ("row", "session", "seed")}
        found = place / trial["folder"]
        metrics = None
        if (found / METRICS_FILE).exists():
            try:
                metrics, made_by, said, epochs = _results(found)
            except ValueError as error:
                remedy = "remove that trial's folder and run reproduce.py again"
                notes.append(f"Damaged, and counted as missing: {error}; {remedy}.")
            else:
                versions.add(made_by)
                predictions.append(said.assign(**key, speaker=said["utterance"].map(speakers)))
                learning += [{**key, **epoch} for epoch in epochs]
        trials.append({**key, "folder": trial["folder"], "metrics": metrics})
    missing = sum(trial["metrics"] is None for trial in trials)
    if missing:
        notes.append(f"{missing} of {len(trials)} trials have no results: gaps are shown as such.")
    if len(versions) > 1:
        notes.append(f"The trials were run with {len(versions)} different sets of versions.")
    return Sweep(
        folder=place,
        plan=plan,
        trials=pd.DataFrame(trials),
        predictions=pd.concat(predictions, ignore_index=True) if predictions else pd.DataFrame(),
        learning=pd.DataFrame(learning),
        manifest=manifest,
        notes=notes,
    )


def _results(trial: Path) -> tuple[dict[str, Any], str, pd.DataFrame, list[dict[str, float]]]:
    """Read a finished trial: metrics, versions, predictions, epochs; an error names its file."""

    def read(name: str, by: Callable[[Path], Any]) -> Any:
        try:
            return by(trial / name)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise ValueError(f"{trial / name} ({error})") from error

    def predictions(file: Path) -> pd.DataFrame:
        said = pd.read_csv(file, keep_default_na=False)
        numbers = [name for name in said if name.startswith(("target_", "p_"))]
        said = said.astype({"utterance": str, **dict.fromkeys(numbers, float)})
        if not said["utterance"].is_unique or said[numbers].isna().any(axis=None):
            raise ValueError("an utterance stands twice, or a number is missing")
        return said

    metrics = read(METRICS_FILE, lambda file: _checked(json.loads(file.read_text("utf-8"))))
    made_by = read(RUN_FILE, lambda file: json.loads(file.read_text("utf-8"))["versions"])
    said = read(PREDICTIONS_FILE, predictions)
    if len(said) != metrics["test"]["all"]["n"]:
        raise ValueError(
            f"{trial / PREDICTIONS_FILE} (other utterances than {METRICS_FILE} tells of)"
        )
    return metrics, json.dumps(made_by, sort_keys=True), said, read("train_log.txt", _learning)


def _checked(metrics: Any) -> dict[str, Any]:
    """Raise a LookupError or TypeError where what the report needs is missing."""
    metrics["test"]["clear"]["UA"], metrics["test"]["all"]["n"], metrics["majority"]["UA"]
    return dict(metrics)


def _learning(log: Path) -> list[dict[str, float]]:
    """Read SpeechBrain's training log: an epoch's training loss and validation UA."""
    number = r"([-+.\deEnaif]+)"
    pattern = re.compile(rf"epoch: (\d+).*?train loss: {number}.*?valid UA: {number}")
    matches = (pattern.search(line) for line in log.read_text("utf-8").splitlines())
    # a run that was killed within an epoch logs it again: the later one counts
    epochs = {int(m[1]): {"loss": float(m[2]), "UA": float(m[3])} for m in matches if m}
    return [{"epoch": epoch, **values} for epoch, values in sorted(epochs.items())]
