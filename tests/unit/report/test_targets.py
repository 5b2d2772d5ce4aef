"""Encoders side by side: all there are, and no broken one stops the others."""

import logging
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import softlabels
from softlabels.encoders.base import ENCODERS
from softlabels.report import votes_figures
from softlabels.report.audit import audit_votes, installed_encoders
from softlabels.report.targets import commonest_patterns, left_out_scores
from softlabels.report.votes_figures import draw_audit

CLASSES = ["happy", "sad"]


@dataclass
class Even(softlabels.AnnotationEncoder):
    """Everything is equally likely."""

    alpha: float

    def targets(self, ballots):
        return np.full((len(ballots), len(self)), 1 / len(self))


@dataclass
class Demanding(Even):
    """Can't be built from an audit's settings."""

    unheard_of: int


@pytest.fixture
def installed():
    """Two encoders of others, for one test."""
    with ENCODERS.temporarily("even", Even), ENCODERS.temporarily("demanding", Demanding):
        yield


def test_an_installed_encoder_is_compared_and_one_that_cannot_be_built_is_named(installed, caplog):
    with caplog.at_level(logging.WARNING):
        found = installed_encoders(CLASSES, alpha=2.0, agreement=2)
    assert found["even, α = 2"].encode([["happy"]]).tolist() == [0.5, 0.5]
    assert list(found)[:3] == ["hard", "soft", "modified soft, α = 2"]
    assert not any("demanding" in name for name in found)
    assert "'demanding' is left out of the comparison" in caplog.text
    assert "unheard_of" in caplog.text


def test_a_wrong_setting_of_our_own_is_still_an_error():
    with pytest.raises(ValueError, match="alpha"):
        installed_encoders(CLASSES, alpha=-1.0, agreement=2)


def test_votes_for_no_target_class_can_be_pictured_too(tmp_path):
    ballots = softlabels.Ballots([[0, 0, 3], [0, 0, 0]], [*CLASSES, "other"])
    audit = audit_votes(ballots, CLASSES, alpha=1.0, agreement=2, patterns=8)
    assert audit.patterns == []
    draw_audit(audit, tmp_path / "audit.png")
    assert (tmp_path / "audit.png").read_bytes().startswith(b"\x89PNG")


def test_the_names_of_encoders_do_not_overlap_in_the_picture(monkeypatch, tmp_path):
    drawn = []
    monkeypatch.setattr(votes_figures, "save_figure", lambda figure, file: drawn.append(figure))
    ballots = softlabels.Ballots([[3, 1], [1, 2]], ["happy", "sad"])
    draw_audit(audit_votes(ballots, CLASSES, alpha=0.75, agreement=2, patterns=1), tmp_path / "x")
    renderer = FigureCanvasAgg(drawn[0]).get_renderer()
    drawn[0].draw(renderer)
    titles = [axes.title for axes in drawn[0].axes if axes.get_title()]
    boxes = [title.get_window_extent(renderer) for title in titles]
    assert len(boxes) > 4
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert boxes[-1].x1 <= drawn[0].bbox.x1


def test_the_commonest_pattern_comes_first():
    counts = np.array([[0, 3], [2, 1], [3, 0], [2, 1]])
    patterns = [(row.tolist(), number) for row, number in commonest_patterns(counts, most=3)]
    assert patterns == [([2, 1], 2), ([3, 0], 1), ([0, 3], 1)]


def test_left_out_votes_are_forecast_by_encoders_fitted_on_other_groups():
    """Of group b nothing is learned: there the shares of group a's votes are the prior."""
    ballots = softlabels.Ballots([[3, 1], [3, 1], [1, 3], [1, 3]], ["happy", "sad"])
    encoder = softlabels.get_encoder("class_prior", ["happy", "sad"], strength=2)
    scores = left_out_scores(ballots, {"prior": encoder}, ["a", "a", "b", "b"])
    # the others' prior is (2 + 1) / 10 for happy: of [3, 1] happy is left out three times, with
    # (2 + 0.6) / 5, and sad once, with 1.4 / 5
    assert scores["prior"] == pytest.approx(((3 * np.log(2.6 / 5) + np.log(1.4 / 5)) / 4, 1))
    assert left_out_scores(ballots, {"prior": encoder}, ["a"] * 4) == {}
