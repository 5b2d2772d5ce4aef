"""A sweep's report before anything is drawn: numbers, table, verdicts and caveats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from softlabels.corpora.manifest import ballots_of
from softlabels.corpora.simulated.corpus import NOTICE
from softlabels.corpora.summary import SPEAKERS
from softlabels.encoders import AnnotationEncoder
from softlabels.report.calibrated import calibration_scores
from softlabels.report.ceiling import human_ceiling
from softlabels.report.comparison import LEAST_TRAININGS, LEAST_UTTERANCES, LEVEL
from softlabels.report.differences import Compared, compare_rows, verdicts
from softlabels.report.formats import markdown
from softlabels.report.summary import accuracies, to_annotators
from softlabels.report.sweep import Sweep
from softlabels.report.tables import main_table
from softlabels.report.targets import left_out_scores, row_encoders, target_statistics
from softlabels.report.truth import distance_to_truth, nearest_to_truth, read_truth
from softlabels.votes.agreement import krippendorff_alpha
from softlabels.votes.ballots import Ballots


@dataclass(frozen=True)
class Content:
    """A report's content.

    Arguments
    ---------
    sweep : Sweep
        What ran.
    names : list of str
        The utterances with votes.
    ballots : Ballots
        Their votes.
    encoders : dict
        The rows' encoders: display name → encoder.
    targets : list of dict
        As `softlabels.report.targets.target_statistics` returns them.
    left_out : dict
        As `softlabels.report.targets.left_out_scores` returns it.
    ceiling : dict
        As `softlabels.report.ceiling.human_ceiling` returns it.
    alpha : float or None
        Krippendorff's α.
    compared : Compared
        As `softlabels.report.differences.compare_rows` returns it.
    scores : pandas.DataFrame
        As `softlabels.report.summary.to_annotators` returns it.
    truth : pandas.DataFrame
        As `softlabels.report.truth.distance_to_truth` returns it; empty where it is unknown.
    """

    sweep: Sweep
    names: list[str]
    ballots: Ballots
    encoders: Mapping[str, AnnotationEncoder]
    targets: list[dict[str, Any]]
    left_out: Mapping[str, tuple[float, float]]
    ceiling: Mapping[str, Any]
    alpha: float | None
    compared: Compared
    scores: pd.DataFrame
    truth: pd.DataFrame

    @property
    def notice(self) -> str | None:
        """The warning that simulated speech carries."""
        return NOTICE if self.sweep.plan["simulated"] else None

    @property
    def table(self) -> pd.DataFrame:
        """The main table, of strings."""
        return main_table(self.sweep, self.compared, self.ceiling)

    @property
    def verdicts(self) -> dict[str, str]:
        """Row → what it shows."""
        return verdicts(self.compared)

    @property
    def notes(self) -> list[str]:
        """How the figures came about."""
        near = len(self.truth) and len(self.sweep.predictions)
        first = [nearest_to_truth(self.truth)] if near else []
        notes = [*first, *_notes(self.sweep, self.compared), *self.sweep.notes]
        if learning := [name for name, encoder in self.encoders.items() if encoder.learns()]:
            notes.append(
                f"In the tables and pictures of targets, {', '.join(learning)} learned from the "
                "votes of the whole corpus; for each training, from its training votes alone."
            )
        return notes

    def as_markdown(self) -> str:
        """Write table, verdicts and notes as Markdown."""
        head = [f"**{self.notice}**", ""] if self.notice else []
        verdicts = [f"- {row}: {verdict}." for row, verdict in self.verdicts.items()]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([*head, markdown(self.table), "", *verdicts, *notes]) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return all numbers as JSON's types."""
        return {
            "plan": {key: value for key, value in self.sweep.plan.items() if key != "trials"},
            "rows": _plain(accuracies(self.sweep).rename_axis("row").reset_index()),
            "differences": {
                row: {name: asdict(difference) for name, difference in of_row.items()}
                for row, of_row in self.compared.differences.items()
            },
            "units": self.compared.units,
            "no_verdict": dict(self.compared.without),
            "compared_in_part": dict(self.compared.partial),
            "ceiling": dict(self.ceiling),
            "krippendorff_alpha": self.alpha,
            "to_annotators": _plain(self.scores.reset_index()),
            "calibration": calibration_scores(self.sweep),
            "targets": self.targets,
            "left_out_votes": {k: v for k, (v, share) in self.left_out.items() if share == 1},
            "truth": _plain(self.truth),
            "trials": _plain(self.sweep.trials),
        }


def make_content(sweep: Sweep) -> Content:
    """Compute the content of a sweep's report."""
    plan, classes, truth = sweep.plan, sweep.classes, read_truth(sweep)
    voted = {name: entry for name, entry in sweep.manifest.items() if any(entry["votes"])}
    names, ballots = list(voted), ballots_of(voted, classes)
    encoders = row_encoders(plan["rows"], classes, ballots)
    return Content(
        sweep=sweep,
        names=names,
        ballots=ballots,
        encoders=encoders,
        targets=target_statistics(ballots, encoders, plan["agreement"]),
        left_out=left_out_scores(ballots, encoders, [e["group"] for e in voted.values()]),
        ceiling=human_ceiling(
            (entry["votes"] for entry in voted.values()), classes, plan["agreement"]
        ),
        alpha=krippendorff_alpha(ballots.counts),
        compared=compare_rows(sweep, truth),
        scores=to_annotators(sweep),
        truth=pd.DataFrame()
        if truth is None
        else distance_to_truth(sweep, truth, names, ballots, encoders),
    )


def _plain(table: pd.DataFrame) -> Any:
    """Return a table as JSON's types: a dictionary a row, None for a gap."""
    return json.loads(table.to_json(orient="records"))


def _notes(sweep: Sweep, compared: Compared) -> list[str]:
    """Return how the figures were computed, of finished trials only."""
    done = sweep.finished
    if done.empty:
        return []
    seeds, groups = (
        f"{(n := done[name].nunique())} {noun}{'' if n == 1 else 's'}"
        for name, noun in (("seed", "seed"), ("group", "held-out group"))
    )
    notes = [
        f"WA and UA: mean ± standard deviation over a row's finished trials, of {seeds} and "
        f"{groups}, on clear utterances."
    ]
    if compared.differences:
        notes.append(
            f"Δ: difference to {sweep.plan['baseline']} in points, over the clear utterances of "
            "the held-out groups, paired by seed, group and utterance. No verdict, interval or p "
            f"from fewer than {LEAST_TRAININGS} trainings of both rows or {LEAST_UTTERANCES} clear "
            "utterances."
        )
    if compared.rows:
        level = 100 * (1 - LEVEL / compared.rows)
        notes.append(
            f"An interval counts both chances: which {compared.units} are in the test set, and how "
            "the trainings went (two-way clustered variance, Student's t). Intervals and p are "
            f"corrected for {compared.rows} row{'' if compared.rows == 1 else 's'} in the same way "
            f"(Bonferroni: each interval covers at {level:.3g} %, all together at 95 %): p < 0.05 "
            "where an interval excludes 0, and nowhere else."
        )
        if compared.units == "utterances":
            notes.append("Too few speakers were held out to generalise to other speakers.")
        if done["seed"].nunique() == 1:
            notes.append("One seed: the variation between trainings is hardly counted.")
    notes += [f"† {row}: compared on {part}." for row, part in compared.partial.items()]
    if sweep.plan["normalization"] == "speaker":
        notes.append(
            "Features were normalised by each speaker's own unlabelled audio, test speakers' too."
        )
    if speakers := SPEAKERS[sweep.plan.get("speaker_independent", True)]:
        notes.append(f"{speakers}.")
    return notes
