"""The temperature against a grid, its edges, and that no decision changes."""

import logging

import numpy as np
import pytest
from scipy.special import log_softmax

from softlabels.inference.temperature import (
    COLDEST,
    HOTTEST,
    at_temperature,
    fit_temperature,
)
from softlabels.training.brain import Predictions

RANDOM = np.random.default_rng(0)
Z = RANDOM.normal(0, 3, (200, 4))


def test_the_temperature_that_made_the_shares_is_recovered():
    shares = np.exp(log_softmax(Z / 3.6, axis=1))
    assert fit_temperature(Z, shares) == pytest.approx(3.6, rel=1e-4)
    assert fit_temperature(log_softmax(Z, axis=1), shares) == pytest.approx(3.6, rel=1e-4)


def test_no_temperature_of_a_grid_is_nearer_to_the_votes():
    votes = np.array([RANDOM.multinomial(3, p) for p in np.exp(log_softmax(Z / 2, axis=1))]) / 3
    best = fit_temperature(Z, votes)

    def loss(temperature):
        return -(votes * log_softmax(Z / temperature, axis=1)).sum(axis=1).mean()

    assert all(loss(best) <= loss(each) + 1e-9 for each in np.geomspace(COLDEST, HOTTEST, 400))


def test_no_decision_changes_at_any_temperature():
    said = Predictions(["u"] * 200, ["a"] * 200, Z.astype(np.float32).tolist(), [[1.0]] * 200)
    for temperature in (COLDEST, 0.7, 1.0, 3.0, HOTTEST):
        found = said.at(temperature).log_probabilities
        assert np.array_equal(np.argmax(found, axis=1), np.argmax(Z.astype(np.float32), axis=1))
    assert Predictions().at(2.0) == Predictions()


def test_an_impossible_class_that_nobody_voted_for_stays_impossible():
    log_p = np.array([[np.log(0.9), np.log(0.1), -np.inf]] * 2)
    shares = np.array([[0.75, 0.25, 0.0]] * 2)
    temperature = fit_temperature(log_p, shares)
    assert temperature == pytest.approx(2, rel=1e-4)
    assert np.exp(at_temperature(log_p, temperature))[0].tolist() == pytest.approx([0.75, 0.25, 0])


@pytest.mark.parametrize(("right", "end"), [(True, COLDEST), (False, HOTTEST)])
def test_the_end_of_the_range_is_told(caplog, right, end):
    log_p = np.log([[0.6, 0.4], [0.3, 0.7]])
    shares = np.eye(2) if right else np.eye(2)[::-1]
    with caplog.at_level(logging.WARNING):
        assert fit_temperature(log_p, shares) == pytest.approx(end)
    assert f"The temperature is {end:g}, the end of its range" in caplog.text


def test_nothing_and_what_diverged_have_no_temperature():
    with pytest.raises(ValueError, match="no validation utterance"):
        fit_temperature(np.zeros((0, 4)), np.zeros((0, 4)))
    with pytest.raises(ValueError, match="must be finite"):
        fit_temperature([[np.nan, 0.0]], [[1.0, 0.0]])
