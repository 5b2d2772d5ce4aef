"""Every row of a sweep against the baseline, on what both have scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from softlabels.metrics import distances
from softlabels.report.comparison import Difference, compare, missing_evidence
from softlabels.report.sweep import Sweep

ENOUGH_SPEAKERS = 10  # fewer are too few to be a sample of speakers
THIN = 0.05  # an interval that reaches this far to both sides decides nothing
TRIAL = ["group", "seed"]


@dataclass(frozen=True)
class Compared:
    """Rows against the baseline.

    Arguments
    ---------
    differences : dict
        Row → ``UA``, ``WA`` (clear utterances) and ``JS`` (to the annotators, all utterances;
        less is nearer) → `Difference`; where the true distributions are known also ``truth``,
        the KL divergence from them to the prediction, in nats.
    units : str
        'speakers' or 'utterances': what the test set was taken to be a draw of.
    rows : int
        How many rows have evidence enough: what p-values and intervals are corrected for.
    without : dict
        Row → why it has no verdict.
    partial : dict
        Row → on what part of its results, or of the baseline's, it was compared.
    """

    differences: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)
    units: str = "utterances"
    rows: int = 0
    without: Mapping[str, str] = field(default_factory=dict)
    partial: Mapping[str, str] = field(default_factory=dict)


def compare_rows(sweep: Sweep, truth: pd.DataFrame | None = None) -> Compared:
    """Compare every row with the baseline, over the trials and utterances that both have.

    Arguments
    ---------
    sweep : Sweep
        What ran.
    truth : pandas.DataFrame, optional
        The true distributions; see `read_truth`.

    Returns
    -------
    compared : Compared
        Rows without anything in common with the baseline are left out. Below 3 trainings or
        20 clear utterances in common (`missing_evidence`) a difference has no interval and no p.
    """
    predictions = sweep.predictions
    if predictions.empty:
        return Compared()
    p, q = (predictions[[f"{kind}_{c}" for c in sweep.classes]] for kind in ("p", "target"))
    with np.errstate(divide="ignore"):
        log_p = np.log(p.to_numpy())
        predictions = predictions.assign(JS=distances(log_p, q.to_numpy())["JS"])
        if truth is not None:  # NaN for an utterance without truth
            true = truth.reindex(predictions["utterance"]).to_numpy()
            predictions["truth"] = distances(log_p, true)["KL"]
    of_row = dict(list(predictions.groupby("row", sort=False)))
    base = of_row.get(sweep.plan["baseline"])
    if base is None:
        return Compared()
    pairs, partial, without = {}, {}, {}
    for row in sweep.rows:
        if row == sweep.plan["baseline"] or row not in of_row:
            continue
        # an utterance whose dominant label differs, by other settings, is another task
        keys = [*TRIAL, "utterance", "subset", "true"]
        both = base.merge(of_row[row], on=keys, suffixes=("", "_new"))
        clear = both[both["subset"] == "clear"]
        if clear["utterance"].nunique() < 2:
            continue
        pairs[row] = both
        if part := _partial(base, of_row[row], both):
            partial[row] = part
        trainings = len(clear[TRIAL].drop_duplicates())
        if why := missing_evidence(trainings, clear["utterance"].nunique()):
            without[row] = why
    fewest = min((_clear(both)["speaker"].nunique() for both in pairs.values()), default=0)
    units = "speakers" if fewest >= ENOUGH_SPEAKERS else "utterances"
    rows = len(pairs) - len(without)
    differences = {
        row: _differences(both, units.removesuffix("s"), max(rows, 1), row in without)
        for row, both in pairs.items()
    }
    return Compared(differences, units, rows, without, partial)


def _differences(
    both: pd.DataFrame, unit: str, comparisons: int, thin: bool
) -> dict[str, Difference]:
    clear = _clear(both)
    right = (clear["predicted_new"] == clear["true"]) * 1.0
    right -= (clear["predicted"] == clear["true"]) * 1.0
    parts = [
        ("UA", clear, right, clear["true"]),
        ("WA", clear, right, [""] * len(clear)),
        ("JS", both, both["JS_new"] - both["JS"], [""] * len(both)),
    ]
    known = both[both["truth"].notna()] if "truth" in both else both[:0]
    if known[unit].nunique() > 1:
        parts.append(("truth", known, known["truth_new"] - known["truth"], [""] * len(known)))
    differences = {}
    for name, part, gain, classes in parts:
        trainings = part["group"].astype(str) + "/" + part["seed"].astype(str)
        difference = compare(gain, classes, part[unit], trainings, comparisons)
        if thin:
            n = difference.units, difference.trainings
            difference = Difference(difference.value, None, None, None, *n)
        differences[name] = difference
    return differences


def _clear(predictions: pd.DataFrame) -> pd.DataFrame:
    return predictions[predictions["subset"] == "clear"]


def _partial(base: pd.DataFrame, row: pd.DataFrame, both: pd.DataFrame) -> str | None:
    """Return what a comparison leaves out; None if nothing."""
    parts = []
    trials = [{*map(tuple, each[TRIAL].to_numpy().tolist())} for each in (base, row)]
    common = trials[0] & trials[1]
    most = max(map(len, trials))
    if len(common) < most:
        parts.append(f"{len(common)} of {most} trainings")
    inside = [
        each[[key in common for key in map(tuple, each[TRIAL].to_numpy().tolist())]]
        for each in (base, row)
    ]
    most = max(each["utterance"].nunique() for each in inside)
    utterances = both["utterance"].nunique()
    if len(both) < max(map(len, inside)):
        parts.append(f"{utterances} of {most} utterances")
    return " and ".join(parts) or None


def verdict(difference: Difference, name: str = "UA") -> str:
    """Return a difference's verdict in words, if there is enough evidence.

    Example
    -------
    >>> verdict(Difference(0.01, -0.08, 0.1, 0.8, units=10, trainings=15))
    'too thin to tell: UA may be 8.0 points lower or 10.0 higher'
    >>> verdict(Difference(0.06, 0.02, 0.1, 0.01, units=10, trainings=15))
    'UA higher by 6.0 points, more than chance'
    """
    assert difference.low is not None
    assert difference.high is not None
    if difference.decided:
        side = "higher" if difference.value > 0 else "lower"
        return f"{name} {side} by {abs(difference.value) * 100:.1f} points, more than chance"
    if difference.low <= -THIN and difference.high >= THIN:
        reach = f"{-difference.low * 100:.1f} points lower or {difference.high * 100:.1f} higher"
        return f"too thin to tell: {name} may be {reach}"
    return f"no difference in {name} beyond chance"


def verdicts(compared: Compared) -> dict[str, str]:
    """Return each row's verdict in words, or why there is none."""
    return {
        row: f"no verdict: {compared.without[row]}"
        if row in compared.without
        else verdict(of_row["UA"])
        for row, of_row in compared.differences.items()
    }
