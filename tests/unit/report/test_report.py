"""The report of a sweep: claims rest on what finished, damage is named, nothing contradicts."""

import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

import softlabels
from softlabels.encoders.base import ENCODERS
from softlabels.report.content import make_content
from softlabels.report.differences import compare_rows, verdicts
from softlabels.report.page import write_report
from softlabels.report.sweep import read_sweep

ROW = "soft / clear"
BETTER = {"hard / clear": 0.0, ROW: 0.9}


def results(folder):
    return make_content(read_sweep(folder)).as_dict()


def text_of(folder):
    return make_content(read_sweep(folder)).as_markdown()


def test_one_training_gives_no_verdict_and_no_p(make_sweep):
    # planned are 3 seeds × 2 groups; stopped after the first seed's first group
    folder = make_sweep(
        groups="ab",
        skill=BETTER,
        utterances=200,
        unfinished=lambda row, group, seed: (group, seed) != ("a", 1),
    )
    text = text_of(folder)
    assert "more than chance" not in text
    assert "no verdict: 1 training in common with the baseline; at least 3 are needed" in text
    assert not re.search(r", p [=<]|\[[+−]", text)
    assert "1 seed and 1 held-out group," in text
    assert "groups together" not in text
    difference = results(folder)["differences"][ROW]["UA"]
    assert difference["value"] > 0.3
    assert (difference["low"], difference["high"], difference["p"]) == (None, None, None)


def test_too_few_utterances_give_no_verdict(make_sweep):
    compared = compare_rows(read_sweep(make_sweep(skill=BETTER, utterances=24)))  # 18 clear
    assert verdicts(compared)[ROW].startswith("no verdict: 18 utterances in common")


def test_with_evidence_a_better_row_is_found(make_sweep):
    compared = compare_rows(read_sweep(make_sweep(skill=BETTER)))
    assert verdicts(compared)[ROW].endswith("more than chance")
    assert compared.differences[ROW]["JS"].high < 0  # nearer to the annotators


def test_intervals_and_p_are_corrected_alike_for_the_rows_that_ran(make_sweep):
    rows = {f"row {index} / clear": {"name": "soft", "options": {}} for index in range(5)}
    skill = {f"row {index} / clear": 0.3 + 0.05 * index for index in range(5)}
    folder = make_sweep(
        rows=rows,
        skill=skill,
        utterances=120,
        unfinished=lambda row, group, seed: row == "row 4 / clear",
    )
    compared = compare_rows(read_sweep(folder))
    assert compared.rows == 3
    for of_row in compared.differences.values():
        for difference in of_row.values():
            assert (difference.p < 0.05) == (difference.low > 0 or difference.high < 0)
    assert "corrected for 3 rows" in text_of(folder)
    assert "each interval covers at 98.3 %" in text_of(folder)


def test_rows_scored_on_different_utterances_are_compared_on_the_common_ones_and_marked(
    make_sweep,
):
    folder = make_sweep(scored=lambda row, name: row != ROW or name < "a030")
    found = results(folder)
    assert found["compared_in_part"] == {ROW: "30 of 40 utterances"}
    text = text_of(folder)
    assert "| soft / clear † |" in text
    assert "† soft / clear: compared on 30 of 40 utterances." in text
    common = compare_rows(read_sweep(folder)).differences[ROW]["WA"]
    assert common.units == 23  # clear ones of the first 30


def test_rows_that_finished_other_trials_are_compared_on_the_common_ones_and_marked(make_sweep):
    folder = make_sweep(seeds=5, unfinished=lambda row, group, seed: row == ROW and seed == 2)
    text = text_of(folder)
    assert "† soft / clear: compared on 4 of 5 trainings." in text
    assert "| soft / clear † | 4 of 5 |" in text
    assert "1 of 10 trials have no results: gaps are shown as such." in text


def test_the_encoders_compared_are_those_of_the_rows(make_sweep):
    rows = {
        "a / clear": {"name": "modified_soft", "options": {"alpha": 0.5}},
        "b / clear": {"name": "modified_soft", "options": {"alpha": 2.0}},
    }
    found = results(make_sweep(rows=rows))
    names = list(dict.fromkeys(row["encoder"] for row in found["targets"]))
    assert names == ["modified soft, α = 0.5", "modified soft, α = 2"]


@dataclass
class Prior(softlabels.AnnotationEncoder):
    """The training votes' shares, for every utterance."""

    def fit(self, ballots):
        counts = ballots.of(self.classes).sum(axis=0)
        self.prior_ = counts / counts.sum()
        return self

    def targets(self, ballots):
        return np.tile(self.prior_, (len(ballots), 1))


def test_an_encoder_that_learns_is_shown_with_a_caveat(make_sweep):
    with ENCODERS.temporarily("prior", Prior):
        rows = {"prior / clear": {"name": "prior", "options": {}}}
        content = make_content(read_sweep(make_sweep(rows=rows)))
    assert {row["encoder"] for row in content.targets} == {"prior"}
    assert "prior learned from the votes of the whole corpus" in content.as_markdown()


def test_the_votes_are_those_of_the_manifest(make_sweep):
    folder = make_sweep()
    file = folder / "corpus/manifest.json"
    before = results(folder)["ceiling"]["n"]
    manifest = json.loads(file.read_text())
    name = next(iter(manifest))
    manifest[name]["votes"] *= 2
    file.write_text(json.dumps(manifest))
    assert results(folder)["ceiling"]["n"] > before


def test_the_page_needs_nothing_else_and_its_first_picture_is_the_forest(make_sweep):
    folder = make_sweep()
    write_report(folder)
    page = (folder / "report.html").read_text("utf-8")
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    first, *_ = re.findall(r'alt="([^"]+)"', page)
    assert first.startswith("Difference to hard / clear")
    pictures = {file.stem for file in folder.glob("*.png")}
    expected = {"forest", "targets", "recall", "learning", "reliability", "confusions"}
    assert pictures == expected


def test_a_sweep_without_any_results_is_reported_as_such(make_sweep):
    text = write_report(make_sweep(unfinished=lambda *trial: True))
    assert "| soft / clear | 0 of 3 | – | – | – | – | – |" in text
    assert "6 of 6 trials have no results" in text
    assert "seed" not in text


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("metrics.json", "{"),
        ("metrics.json", '{"train": {}}'),
        ("predictions.csv", "utterance\nx\nx\n"),
        ("run.json", "null"),
    ],
)
def test_a_damaged_trial_is_a_gap_and_its_file_is_named(make_sweep, name, damage):
    folder = make_sweep()
    (folder / "trials/soft_clear/a/seed1" / name).write_text(damage)
    text = text_of(folder)
    assert re.search(rf"counted as missing: \S*soft_clear/a/seed1/{name} \(", text)
    assert "| soft / clear † | 2 of 3 |" in text


@pytest.mark.parametrize("key", ["classes", "baseline", "agreement", "trials"])
def test_a_plan_that_lacks_a_key_is_refused_by_its_name(make_sweep, key):
    folder = make_sweep()
    plan = json.loads((folder / "sweep.json").read_text())
    del plan[key]
    (folder / "sweep.json").write_text(json.dumps(plan))
    with pytest.raises(ValueError, match=rf"sweep\.json lacks {key}: run the sweep's command"):
        write_report(folder)


def test_an_entry_that_lacks_a_key_is_refused_by_its_place(make_sweep):
    folder = make_sweep()
    plan = json.loads((folder / "sweep.json").read_text())
    del plan["trials"][1]["group"]
    (folder / "sweep.json").write_text(json.dumps(plan))
    with pytest.raises(ValueError, match=r"trials\[1\] lacks group"):
        write_report(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"u1": {"votes"', r"manifest\.json is damaged"),
        ('{"u1": {"votes": []}}', r"manifest\.json, 'u1' lacks speaker"),
        ("[]", "must hold utterances by name"),
        (None, r"manifest\.json is missing"),
    ],
)
def test_a_damaged_manifest_is_refused_with_the_remedy(make_sweep, text, message):
    folder = make_sweep()
    file = folder / "corpus/manifest.json"
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(ValueError, match=message):
        write_report(folder)


def test_numbers_have_one_kind_of_minus(make_sweep):
    text = text_of(make_sweep(skill={"hard / clear": 0.9, ROW: 0.0}))
    cells = [line for line in text.splitlines() if line.startswith(f"| {ROW}")]
    assert "−" in cells[0]
    assert "-" not in cells[0]


@pytest.mark.parametrize(
    ("takes", "digests", "noted"),
    [
        (["clear"], "abc", True),
        (["clear"], "aaa", False),
        (["ambiguous"], "abc", False),  # each seed validates on other clear clips
    ],
)
def test_audio_that_changed_between_trainings_of_a_row_is_noted(make_sweep, takes, digests, noted):
    folder = make_sweep()
    plan = json.loads((folder / "sweep.json").read_text())
    plan["rows"] = [{**row, "train_on": takes} for row in plan["rows"]]
    (folder / "sweep.json").write_text(json.dumps(plan))
    for seed, digest in enumerate(digests, start=1):
        run = {"versions": {"softlabels": "1"}, "features": digest}
        (folder / f"trials/hard_clear/a/seed{seed}/run.json").write_text(json.dumps(run))
    notes = [note for note in read_sweep(folder).notes if "audio changed" in note]
    assert len(notes) == noted
    assert all("between trainings of hard / clear, a: they can't be compared" in n for n in notes)
