"""Whose predictions a sweep's page compares with the votes, and on which test set."""

import csv
import json

import pandas as pd
import pytest

from softlabels.report.content import make_content
from softlabels.report.other_tests import other_tests_table
from softlabels.report.page import write_report
from softlabels.report.sweep import read_sweep
from softlabels.report.sweep_clips import best_row, sweep_clips

HARD, SOFT = "hard / clear", "soft / clear"


def test_clips_are_compared_with_the_best_rows_mean_over_seeds(make_sweep):
    folder = make_sweep(skill={HARD: 0.2, SOFT: 0.9}, groups="ab", utterances=8)
    sweep = read_sweep(folder)
    assert best_row(sweep) == SOFT
    clips, what, target = sweep_clips(make_content(sweep), SOFT)
    assert (
        what == "Of the 16 held-out clips with votes. Predictions: soft / clear, mean over 3 seeds."
    )
    assert target == "soft"
    files = sorted(folder.glob("trials/soft_clear/b/*/predictions.csv"))
    tables = [pd.read_csv(file, index_col="utterance") for file in files]
    mean = sum(table.loc["b003", "p_sad"] for table in tables) / 3
    place = clips.names.index("b003")
    assert clips.predictions[place, clips.classes.index("sad")] == pytest.approx(mean)
    assert clips.targets[place].sum() == pytest.approx(1)


def test_the_row_can_be_chosen_and_an_unknown_one_is_an_error(make_sweep):
    folder = make_sweep(skill={HARD: 0.2, SOFT: 0.9}, seeds=1)
    write_report(folder, "none", HARD)
    assert "Predictions: hard / clear." in (folder / "report.html").read_text()
    with open(folder / "doubtful.csv", newline="") as file:
        assert {"item", "votes_other", "target_sad", "p_sad"} <= set(
            csv.DictReader(file).fieldnames
        )
    with pytest.raises(ValueError, match="no row 'mild'; it has hard / clear, soft / clear"):
        write_report(folder, "none", "mild")


def test_without_predictions_the_clips_are_those_of_the_corpus(make_sweep):
    folder = make_sweep(unfinished=lambda *trial: True)
    clips, what, _ = sweep_clips(make_content(read_sweep(folder)), HARD)
    assert what == "Of all 40 clips with votes; hard / clear has no predictions yet."
    assert clips.predictions is None


def test_a_row_whose_encoder_needs_annotators_is_reported(make_sweep):
    rows = {"dawid skene / clear": {"name": "dawid_skene", "options": {}}}
    folder = make_sweep(rows=rows)
    (folder / "data").mkdir()
    (folder / "data/truth.csv").write_text("utterance,neutral,happy,sad,angry\na000,1,0,0,0\n")
    write_report(folder)
    assert not (folder / "targets.png").exists()  # a pattern of votes doesn't say whose they are


def test_every_test_set_of_several_has_its_scores(make_sweep):
    folder = make_sweep(rows={SOFT: {"name": "soft", "options": {}}}, seeds=2)
    assert other_tests_table(read_sweep(folder)).empty
    for seed, file in enumerate(sorted(folder.glob("trials/*/*/*/metrics.json"))):
        metrics = json.loads(file.read_text())
        second = json.loads(json.dumps(metrics["test"]))
        second["clear"]["UA"] = 0.5 + 0.1 * seed
        file.write_text(json.dumps({**metrics, "test2": second}))
    table = other_tests_table(read_sweep(folder)).set_index("test set")
    assert list(table.index) == ["test", "test2"]
    assert table.loc["test2", "UA %"] == "55.0 ± 7.1"
    assert table.loc["test2", "trials"] == "2"
    write_report(folder)
    assert "All test sets" in (folder / "report.html").read_text()
