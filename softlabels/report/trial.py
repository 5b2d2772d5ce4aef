"""Reads one trial's results folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from softlabels.errors import InputError
from softlabels.report.names import METRICS_FILE, PREDICTIONS_FILE, RUN_FILE
from softlabels.seal import SEAL_FILE, check_seal


@dataclass
class TrialResults:
    """A finished trial.

    Arguments
    ---------
    metrics : dict
        metrics.json.
    versions : str
        The packages' versions, as JSON.
    predictions : pandas.DataFrame
        predictions.csv.
    features : str
        The digest of the features that it used; "" where it isn't known.
    """

    metrics: dict[str, Any]
    versions: str
    predictions: pd.DataFrame
    features: str = ""

    @property
    def epochs(self) -> list[dict[str, float]]:
        """``epoch``, training ``loss`` and validation ``UA`` of each epoch."""
        return list(self.metrics.get("epochs", []))


def read_trial(folder: Path) -> TrialResults | None:
    """Read a trial's results; None if it has not finished.

    Raises
    ------
    ValueError
        If a file is damaged; the message names it.
    """
    if not (folder / METRICS_FILE).exists():
        return None
    metrics = _read(folder / METRICS_FILE, _metrics)
    versions, features = _read(folder / RUN_FILE, _run)
    predictions = _read(folder / PREDICTIONS_FILE, _predictions)
    if len(predictions) != metrics["test"]["all"]["n"]:
        raise InputError(
            f"{folder / PREDICTIONS_FILE} ({len(predictions)} utterances, "
            f"{metrics['test']['all']['n']} in {METRICS_FILE})"
        )
    if (folder / SEAL_FILE).exists() and (changed := check_seal(folder)):
        raise InputError(f"{changed[0]} (its bytes are not those that were written)")
    return TrialResults(metrics, versions, predictions, features)


def _read(file: Path, read: Callable[[Path], Any]) -> Any:
    try:
        return read(file)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{file} ({error})") from error


def _metrics(file: Path) -> dict[str, Any]:
    metrics = json.loads(file.read_text("utf-8"))
    needed = {
        ("train",): ("clear", "ambiguous"),
        ("test", "clear"): ("WA", "UA", "recall", "confusion"),
        ("test", "all"): ("n",),
        ("majority",): ("WA", "UA"),
    }
    for path, keys in needed.items():
        part = metrics
        for name in path:
            part = part[name]
        if missing := [key for key in keys if key not in part]:
            raise ValueError(f"{'.'.join(path)} lacks {', '.join(missing)}")
    return dict(metrics)


def _run(file: Path) -> tuple[str, str]:
    run = json.loads(file.read_text("utf-8"))
    return json.dumps(run["versions"], sort_keys=True), str(run.get("features", ""))


def _predictions(file: Path) -> pd.DataFrame:
    table = pd.read_csv(file, keep_default_na=False)
    numbers = [name for name in table if name.startswith(("target_", "p_"))]
    table = table.astype({"utterance": str, **dict.fromkeys(numbers, float)})
    if not table["utterance"].is_unique:
        raise ValueError("an utterance occurs twice")
    if table[numbers].isna().any(axis=None):
        raise ValueError("a number is missing")
    return table
