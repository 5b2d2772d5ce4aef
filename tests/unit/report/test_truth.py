"""Distances to the true distributions of a corpus that has them."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from softlabels.report.content import make_content
from softlabels.report.sweep import read_sweep


@pytest.mark.parametrize("merge", [{}, {"Excited": "Happy"}])
def test_the_truth_is_merged_as_the_votes_are(make_sweep, merge):
    folder = make_sweep()
    plan = json.loads((folder / "sweep.json").read_text())
    (folder / "sweep.json").write_text(json.dumps(plan | {"simulated": True, "merge": merge}))
    (folder / "data").mkdir()
    names = ["neutral", "happy", "sad", "angry", "excited"]
    (folder / "data/truth.csv").write_text(f"utterance,{','.join(names)}\na000,.1,.2,.3,.2,.2\n")
    content = make_content(read_sweep(folder))
    happy = 0.4 if merge else 0.2
    truth = np.array([0.1, happy, 0.3, 0.2])
    (found,) = content.truth.loc[content.truth["what"] == "targets: soft", "JS"]
    votes = [
        label
        for (label,) in json.loads((folder / "corpus/manifest.json").read_text())["a000"]["votes"]
    ]
    shares = np.array([votes.count(name) for name in names[:4]]) / 3
    assert found == pytest.approx(jensenshannon(shares, truth / truth.sum()) ** 2)
    assert "Nearest to the true distributions, by JS: the predictions of" in content.notes[0]
    assert content.as_markdown().startswith("**simulated speech")


def test_a_rows_distance_to_the_truth_is_compared_with_the_baselines_on_any_corpus(make_sweep):
    folder = make_sweep(skill={"hard / clear": 0.2, "soft / clear": 0.8})
    manifest = json.loads((folder / "corpus/manifest.json").read_text())
    (folder / "data").mkdir()
    lines = ["utterance,intended,neutral,happy,sad,angry,other"]
    for name, entry in list(manifest.items())[1:]:  # the first one's truth is unknown
        votes = [label for (label,) in entry["votes"]]
        shares = [
            (votes.count(label) + 0.2) / 3.8 for label in ("neutral", "happy", "sad", "angry")
        ]
        lines.append(f"{name},x,{','.join(map(str, shares))},0")
    (folder / "data/truth.csv").write_text("\n".join(lines) + "\n")
    content = make_content(read_sweep(folder))
    difference = content.compared.differences["soft / clear"]["truth"]
    kl = content.truth.set_index("what")["KL"]
    expected = kl["predictions: soft / clear"] - kl["predictions: hard / clear"]
    assert difference.value == pytest.approx(expected)
    assert difference.units == 39
    assert difference.high < 0
    assert difference.p < 0.05
    assert content.notice is None


def test_a_truth_without_a_class_is_refused_by_its_file(make_sweep):
    folder = make_sweep()
    (folder / "data").mkdir()
    (folder / "data/truth.csv").write_text("utterance,neutral,happy,sad\na000,1,0,0\n")
    with pytest.raises(ValueError, match=r"truth\.csv has no column 'angry'; it has"):
        make_content(read_sweep(folder))
