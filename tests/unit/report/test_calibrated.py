"""The report of calibrated trials: both sides of the calibration, and the precision's AUPRC."""

import json

import numpy as np

from softlabels.report.calibrated import calibration_scores, calibration_table
from softlabels.report.content import make_content
from softlabels.report.page import write_report
from softlabels.report.sweep import read_sweep
from softlabels.report.tables import distance_table

ROW = "soft / clear"


def test_a_calibrated_row_shows_every_distance_before_and_after(make_sweep):
    sweep = read_sweep(make_sweep(seeds=2, calibrated={ROW: 2.0}))
    scores = calibration_scores(sweep)
    assert [(each["row"], each["subset"], each["trials"]) for each in scores] == [
        (ROW, subset, 2) for subset in ("clear", "ambiguous", "all")
    ]
    metrics = [each for each in sweep.trials["metrics"] if "uncalibrated" in each]
    for when, name in (("before", "uncalibrated"), ("after", "test")):
        expected = np.mean([each[name]["all"]["KL"] for each in metrics])
        assert np.isclose(scores[2][when]["KL"], expected)
    table = calibration_table(scores)
    assert table["temperature"].tolist() == ["2.00"] * 3
    before, after = (f"{scores[0][when]['ECE']:.3f}" for when in ("before", "after"))
    assert table["ECE"].tolist() == [f"{before}\u00a0→ {after}", "–", "–"]


def test_the_page_has_the_table_where_a_trial_was_calibrated_and_nowhere_else(make_sweep):
    folder = make_sweep(seeds=1)
    write_report(folder)
    assert "Before and after calibration" not in (folder / "report.html").read_text()
    assert json.loads((folder / "results.json").read_text())["calibration"] == []


def test_a_precisions_area_stands_beside_that_of_entropy(make_sweep):
    folder = make_sweep(calibrated={ROW: 2.0})
    write_report(folder)
    assert "Before and after calibration" in (folder / "report.html").read_text()
    scores = make_content(read_sweep(folder)).scores
    assert 0 < scores.loc[(ROW, "all"), "precision_AUPRC"] < 1
    table = distance_table(scores, "more").set_index(["encoder / trained on", "subset"])
    assert table.loc[("hard / clear", "all"), "AUPRC by precision"] == "–"
    assert table.loc[(ROW, "all"), "AUPRC by precision"] != "–"
    without = scores.drop(columns="precision_AUPRC")
    assert "AUPRC by precision" not in distance_table(without, "more")
