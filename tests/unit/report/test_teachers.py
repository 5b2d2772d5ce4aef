"""Encoders side by side: all there are, and no broken one stops the others."""

import logging

import numpy as np
import pytest

import softlabels
from softlabels.encoders.base import ENCODERS
from softlabels.report.teachers import compared_encoders
from softlabels.report.votes_figures import draw_audit
from softlabels.votes.counts import partition_counts

CLASSES = ["happy", "sad"]


class Even(softlabels.AnnotationEncoder):
    """Everything is equally likely."""

    def __init__(self, classes, alpha):
        super().__init__(classes)
        self.alpha = alpha

    def encode_counts(self, counts, labels):
        return np.full((len(counts), len(self)), 1 / len(self), np.float32)


class Demanding(Even):
    """Can't be built from an audit's settings."""

    def __init__(self, classes, unheard_of):
        super().__init__(classes, unheard_of)


@pytest.fixture
def installed(monkeypatch):
    """Two encoders of others, for one test."""
    taken = {**ENCODERS.loaded(), "even": Even, "demanding": Demanding}
    monkeypatch.setattr(ENCODERS, "_registered", taken)


def test_an_installed_encoder_is_compared_and_one_that_cannot_be_built_is_named(installed, caplog):
    with caplog.at_level(logging.WARNING):
        found = compared_encoders(CLASSES, alpha=2.0, minimum_agreement=2)
    assert found["even, α = 2"].encode([["happy"]]).tolist() == [0.5, 0.5]
    assert list(found)[:3] == ["hard", "soft", "modified soft, α = 2"]
    assert not any("demanding" in name for name in found)
    assert "'demanding' is left out of the comparison" in caplog.text
    assert "unheard_of" in caplog.text


def test_a_wrong_setting_of_our_own_is_still_an_error():
    with pytest.raises(ValueError, match="alpha"):
        compared_encoders(CLASSES, alpha=-1.0, minimum_agreement=2)


def test_votes_for_no_target_class_can_be_pictured_too(tmp_path):
    counts, labels = np.array([[0, 0, 3], [0, 0, 0]]), [*CLASSES, "other"]
    kinds = partition_counts(counts, labels, CLASSES)
    encoders = compared_encoders(CLASSES, alpha=1.0, minimum_agreement=2)
    draw_audit(counts, labels, kinds, None, [], encoders, tmp_path / "audit.png")
    assert (tmp_path / "audit.png").read_bytes().startswith(b"\x89PNG")
