"""About how long trials take, from a few measured steps of training."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from softlabels.features.frontends import SAMPLE_RATE
from softlabels.losses import soft_cross_entropy
from softlabels.sweep.trials import Trial

STEPS = 5
START = 8.0  # seconds of imports, once for all trials
AROUND = 2.0  # seconds of a trial that aren't training: it is prepared, checked, scored and written


def estimate_minutes(
    trials: Sequence[Trial],
    hparams: Mapping[str, Any],
    manifest: Mapping[str, Mapping[str, Any]],
    jobs: int,
    threads: int,
) -> float:
    """Estimate the minutes that trials take, several at once.

    Arguments
    ---------
    trials : list of Trial
        Their ``work`` is the number of training utterances.
    hparams : dict
        The settings of one of them, as loaded from its YAML.
    manifest : dict
        id → entry with ``duration`` in seconds.
    jobs, threads : int
        Trials at once, and threads of each.
    """
    duration = np.mean([entry["duration"] for entry in manifest.values()])
    steps = sum(trial.work for trial in trials) / hparams["batch_size"]
    seconds = hparams["number_of_epochs"] * steps * _step_seconds(hparams, duration, threads)
    seconds += len(trials) * AROUND
    return (START + seconds / min(jobs, len(trials))) / 60


def _step_seconds(hparams: Mapping[str, Any], duration: float, threads: int) -> float:
    """Time a step on random features of the mean length."""
    torch.set_num_threads(threads)
    modules = torch.nn.ModuleList([hparams["embedding_model"], hparams["classifier"]])
    optimizer = hparams["opt_class"](modules.parameters())
    batch, classes = hparams["batch_size"], len(hparams["classes"])
    with torch.no_grad():
        one = hparams["compute_features"](torch.zeros(1, round(SAMPLE_RATE * duration)))
    features = torch.randn(batch, *one.shape[1:])
    targets = torch.full((batch, classes), 1 / classes)
    times = []
    for _ in range(STEPS):
        started = time.perf_counter()
        optimizer.zero_grad()
        outputs = modules[1](modules[0](features, torch.ones(batch)))
        soft_cross_entropy(outputs.log_softmax(dim=-1), targets).backward()
        optimizer.step()
        times.append(time.perf_counter() - started)
    return float(np.median(times))
