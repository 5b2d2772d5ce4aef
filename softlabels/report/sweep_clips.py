"""A sweep's clips: one row's predictions of each held-out clip, its votes and targets."""

from __future__ import annotations

import numpy as np

from softlabels.encoders import get_encoder
from softlabels.errors import InputError
from softlabels.report.clips import Clips
from softlabels.report.content import Content
from softlabels.report.summary import accuracies
from softlabels.report.sweep import Sweep
from softlabels.report.targets import display_name


def best_row(sweep: Sweep) -> str:
    """Return the row with the highest mean UA; the baseline where nothing has finished."""
    means = accuracies(sweep)["UA_mean"].astype(float)
    return str(means.idxmax()) if means.notna().any() else str(sweep.plan["baseline"])


def sweep_clips(content: Content, row: str) -> tuple[Clips, str, str]:
    """Collect a row's predictions, the mean over its seeds, of all clips that it was tested on.

    Arguments
    ---------
    content : Content
        The report's content.
    row : str
        The row.

    Returns
    -------
    clips : Clips
        With the targets of the row's encoder. All clips with votes, and no predictions, where
        no trial of the row has finished.
    what, target : str
        Which clips and predictions these are, and whose targets, for a reader.

    Raises
    ------
    InputError
        If the sweep has no such row.
    """
    sweep = content.sweep
    if row not in sweep.rows:
        raise InputError(f"{sweep.folder} has no row {row!r}; it has {', '.join(sweep.rows)}")
    described = sweep.plan["rows"][sweep.rows.index(row)]["encoder"]
    name = display_name(get_encoder(described["name"], sweep.classes, **described["options"]))
    targets = content.encoders[name].encode_ballots(content.ballots)
    place = {utterance: index for index, utterance in enumerate(content.names)}
    columns = [f"p_{each}" for each in sweep.classes]
    predicted = sweep.predictions
    if len(predicted):
        predicted = predicted[(predicted["row"] == row) & predicted["utterance"].isin(place)]
    if len(predicted):
        means = predicted.groupby("utterance")[columns].mean()  # sorted by utterance
        tested = np.array([place[utterance] for utterance in means.index])
        predictions = means.to_numpy(dtype=float)
        seeds = predicted["seed"].nunique()
        over = f", mean over {seeds} seeds" if seeds > 1 else ""
        what = f"Of the {len(tested)} held-out clips with votes. Predictions: {row}{over}."
    else:
        tested, predictions = np.arange(len(content.names)), None
        what = f"Of all {len(tested)} clips with votes; {row} has no predictions yet."
    clips = Clips(
        [content.names[index] for index in tested],
        content.ballots.take(tested),
        sweep.classes,
        [str(sweep.manifest[content.names[index]].get("wav", "")) for index in tested],
        np.asarray(targets, dtype=float)[tested],
        predictions,
    )
    learned = ", learned from all of the corpus' votes" if content.encoders[name].learns() else ""
    return clips, what, f"{name}{learned}"
