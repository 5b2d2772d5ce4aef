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
