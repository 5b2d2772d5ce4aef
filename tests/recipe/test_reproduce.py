"""From one command to the paper's table: trials, resuming, failures and the report."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
from iemocap_prepare import IEMOCAP
from paper import CLEAR_TEST, CLEAR_TRAIN, is_papers_corpus

from softlabels.errors import InputError
from softlabels.report.page import write_report
from softlabels.sweep.options import absolute_files, parse
from softlabels.sweep.rows import choose_rows, plan_rows

RECIPE = Path(__file__).parents[2] / "recipes/IEMOCAP"
ROWS = plan_rows(["hard", "soft", "modified_soft"], takes={"hard": ("clear",)})

SMALL = ["--number_of_epochs", "1", "--hidden_size", "8", "--lstm_size", "4"]
SWEEP = ["--trials", "1", "--alphas", "0,0.75", "--jobs", "2", *SMALL]
ROW_NAMES = [row.name for row in ROWS]
PICTURES = ["forest", "targets", "alpha", "recall", "learning", "reliability", "confusions"]


def sweep(python, release, folder, *more):
    words = ["reproduce.py", "--data_folder", str(release), *SWEEP, *more]
    return python([*words, "--output_folder", str(folder)], cwd=RECIPE)


@pytest.fixture(scope="module")
def swept(python, everyday_corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    done = sweep(python, everyday_corpus, folder)
    assert done.returncode == 0, done.stderr
    return folder, done.stdout


@pytest.fixture
def copy(swept, tmp_path):
    """A copy of the sweep, to break."""
    return Path(shutil.copytree(swept[0], tmp_path / "sweep"))


def test_the_papers_rows_are_run_and_reported(swept):
    folder, said = swept
    with open(folder / "table.csv", encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    names = [line["encoder / trained on"] for line in table]
    assert names == ["majority class", *ROW_NAMES, "an annotator against the others"]
    assert {line["trials"] for line in table[1:-1]} == {"1 of 1"}
    assert "paper UA %" not in table[0]  # these are not the paper's data
    assert (folder / "table.md").read_text("utf-8").splitlines()[0] in said
    for picture in PICTURES:
        assert (folder / f"{picture}.png").stat().st_size > 1000
    page = (folder / "report.html").read_text("utf-8")
    assert page.count("<img") == len(list(folder.glob("*.png")))
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # self-contained


def test_a_trials_numbers_are_those_of_train_py(swept):
    folder, _ = swept
    results = json.loads((folder / "results.json").read_text("utf-8"))
    (row,) = [each for each in results["rows"] if each["row"] == "hard / clear"]
    metrics = json.loads((folder / "trials/hard_clear/session1/seed1/metrics.json").read_text())
    assert row["UA_mean"] == pytest.approx(metrics["test"]["clear"]["UA"])
    assert row["clear"] == metrics["train"]["clear"]
    assert len(results["trials"]) == len(ROWS)


def test_alpha_0_is_soft_and_the_default_is_the_tables_row(swept):
    plan = json.loads((swept[0] / "sweep.json").read_text("utf-8"))
    both = "clear + ambiguous"
    assert plan["curve"] == [[0.0, f"soft / {both}"], [0.75, f"modified soft / {both}"]]


def test_finished_trials_are_not_run_again_and_a_failed_one_is_shown(copy, python, everyday_corpus):
    broken = copy / "trials/soft_clear/session1/seed1"
    (broken / "metrics.json").unlink()
    (broken / "predictions.csv").unlink()
    (broken / "predictions.csv").mkdir()  # a folder where a file should be
    (copy / "trials/hard_clear/session1/seed1/metrics.json").unlink()  # as if killed
    before = {file: file.stat().st_mtime_ns for file in sorted(copy.glob("trials/*/*/*/trial.log"))}
    done = sweep(python, everyday_corpus, copy)
    assert done.returncode == 1
    assert "FAILED: soft / clear, session1, seed 1" in done.stderr
    assert "Is a directory" in done.stderr
    again = {file.parts[-4] for file, time in before.items() if file.stat().st_mtime_ns != time}
    assert again == {"soft_clear", "hard_clear"}


def test_results_of_other_settings_are_refused_and_not_reported(copy, python, everyday_corpus):
    (copy / "table.md").unlink()
    before = (copy / "sweep.json").read_bytes()
    done = sweep(python, everyday_corpus, copy, "--dropout", "0.3")
    assert done.returncode == 1
    assert "settings.dropout: 0.5 there, 0.3 now" in done.stderr
    assert (copy / "sweep.json").read_bytes() == before
    assert not (copy / "table.md").exists()


def test_a_sweep_of_another_format_is_refused_with_the_reason(copy, tmp_path):
    plan = json.loads((copy / "sweep.json").read_text("utf-8"))
    (copy / "sweep.json").write_text(json.dumps({**plan, "format": 0}))
    with pytest.raises(
        ValueError, match=r"has format 0, written by softlabels .*: run the sweep's"
    ):
        write_report(copy)
    (copy / "sweep.json").write_text("[")
    with pytest.raises(ValueError, match=r"sweep\.json is damaged .*run the sweep's command again"):
        write_report(copy)
    with pytest.raises(ValueError, match=r"holds no sweep\.json"):
        write_report(tmp_path / "nowhere")


def test_simulated_speech_is_told_with_its_distance_to_the_truth(swept):
    folder, said = swept
    assert "simulated speech: not comparable with the paper" in said
    page = (folder / "report.html").read_text("utf-8")
    assert "simulated speech: not comparable with the paper" in page
    results = json.loads((folder / "results.json").read_text("utf-8"))
    told = {line["what"]: line["JS"] for line in results["truth"]}
    assert {"targets: hard", "predictions: hard / clear"} < set(told)
    assert all(0 < js < 0.6932 for js in told.values())


def test_the_papers_figures_stand_beside_its_own_corpus_only():
    counts = {"discarded": 979}
    partition = {
        "train": {"clear": CLEAR_TRAIN, "ambiguous": 3693, **counts},
        "valid": {"clear": dict.fromkeys(CLEAR_TRAIN, 0), "ambiguous": 0, **counts},
        "test": {"clear": CLEAR_TEST, "ambiguous": 690, "discarded": 0},
    }
    assert is_papers_corpus(partition)
    partition["train"] = {**partition["train"], "ambiguous": 3692}
    assert not is_papers_corpus(partition)


def test_a_dry_run_shows_trials_and_time_and_runs_nothing(python, everyday_corpus, tmp_path):
    merge = "{Excited: Happiness}"
    more = ["--axis", "frontend=mfcc,fbank", "--merge", merge, "--test_sessions", "3"]
    rows = [
        f"{name}, frontend {each} / clear"
        for name in ("hard", "soft")
        for each in ("mfcc", "fbank")
    ]
    for row in rows:
        more += ["--row", row]
    done = sweep(python, everyday_corpus, tmp_path / "dry", "--dry-run", *more)
    assert done.returncode == 0, done.stderr
    assert "4 trials, 0 of them finished" in done.stdout
    assert done.stdout.count("--frontend fbank") == 2
    assert re.search(r"about \d+ min for what is left, 2 at once", done.stdout)
    assert not list((tmp_path / "dry").rglob("metrics.json"))
    assert not (tmp_path / "dry").exists()


def test_a_pretrained_encoders_folder_is_found_from_wherever_the_sweep_is_started(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "whisper").mkdir()
    words = ["--pretrained", "whisper", "--pretrained=openai/whisper-base", "--lr", "1"]
    expected = ["--pretrained", str(tmp_path / "whisper"), *words[2:]]
    assert absolute_files(IEMOCAP, words) == expected


def test_a_row_that_is_not_planned_is_named_with_those_that_are():
    with pytest.raises(InputError, match="no row is named 'soft'; there are hard / clear; soft"):
        choose_rows(plan_rows(["hard", "soft"]), ["soft"])


@pytest.mark.parametrize(
    "wrong",
    [
        ["--test_sessions", "7"],
        ["--alphas", "much"],
        ["--trials", "0"],
        ["--axis", "frontend"],
        ["--encoder", "soft"],
        ["--train_on=[clear]"],
        ["--axis", "seed=1,2"],
        ["--alphas", "0,1", "--alpha", "0.5"],
        ["--trials", "2", "--trials=3"],
    ],
)
def test_wrong_options_say_what_is_allowed(wrong):
    with pytest.raises(SystemExit) as error:
        parse(IEMOCAP, wrong)
    assert error.value.code == 2


def test_an_unknown_setting_is_refused_before_anything_runs(python, everyday_corpus, tmp_path):
    done = sweep(python, everyday_corpus, tmp_path / "sweep", "--learning_rate", "0.1")
    assert done.returncode == 2
    assert "there is no setting --learning_rate" in done.stderr
    done = sweep(python, everyday_corpus, tmp_path / "sweep", "--lr=0.1", "hparams/soft.yaml")
    assert done.returncode == 2
    assert "'hparams/soft.yaml' belongs to no option" in done.stderr
    assert not list(tmp_path.rglob("trial.log"))
