"""Annotators compared with the others: by hand, and on people whose habits are known."""

import numpy as np
import pytest

from softlabels.report import annotators as module
from softlabels.report.annotators import OTHER, compare_annotators
from softlabels.report.people import show_annotators
from softlabels.votes import Ballots


def ballots(votes, people):
    return Ballots.from_votes(votes, annotators=people)


def test_agreement_is_the_share_of_the_others_who_gave_the_same_label():
    # on the first item a has 1 of 2 others behind them, on the second 0 of 3
    votes = [[["x"], ["x"], ["y"]], [["y"], ["x"], ["x"], ["x"]]]
    table = compare_annotators(ballots(votes, [["a", "b", "c"], ["a", "b", "c", "d"]])).table
    assert table.loc["a", "agreement"] == pytest.approx((1 / 2 + 0) / 2)
    assert table.loc["b", "agreement"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    # of the others, b and c disagree on the first item, and all agree on the second
    assert table.loc["a", "others"] == pytest.approx((0 + 1) / 2)
    assert table.loc["a", "difference"] == pytest.approx((1 / 2 - 0 + 0 - 1) / 2)
    # the standard error of the mean of 1/2 and −1
    assert table.loc["a", "standard_error"] == pytest.approx(0.75)
    assert table.loc["d", "items"] == 1
    assert np.isnan(table.loc["d", "standard_error"])


def test_an_annotator_of_several_labels_agrees_by_each_of_them():
    votes = [[["x", "y"], ["x"], ["x"]]]
    table = compare_annotators(ballots(votes, [["a", "b", "c"]])).table
    assert table.loc["a", "agreement"] == pytest.approx((2 / 2 + 0 / 2) / 2)
    assert table.loc["b", "agreement"] == pytest.approx(2 / 2)
    assert table.loc["a", "others"] == pytest.approx(1)


def test_an_item_of_one_annotator_counts_for_nobody():
    votes = [[["x"]], [["x"], ["x"]]]
    found = compare_annotators(ballots(votes, [["alone"], ["a", "b"]]))
    assert dict(found.table["items"]) == {"a": 1, "b": 1, "alone": 0}
    assert np.isnan(found.table.loc["alone", "agreement"])
    assert compare_annotators(ballots([[["x"]]], [["alone"]])) is None
    assert compare_annotators(Ballots([[2, 1]], ["x", "y"])) is None  # nobody knows who voted


def test_a_confusion_counts_an_annotators_votes_by_those_of_the_others():
    votes = [[["y"], ["x"], ["x"]], [["x"], ["x"], ["z"]]]
    found = compare_annotators(ballots(votes, [["a", "b", "c"]] * 2), ["x", "y", "z"])
    place = list(found.table.index).index("a")
    assert found.labels == ("x", "y", "z")
    # others x x: one vote for y; others x z: one vote for x, half a row each
    assert found.confusions[place].tolist() == [[0.5, 1, 0], [0, 0, 0], [0.5, 0, 0]]
    assert found.most_confused(place) == ("x", "y", pytest.approx(1 / 1.5))
    assert found.confusions.sum() == 6


def test_who_votes_at_random_comes_first_and_who_has_too_few_items_is_left_out():
    random = np.random.default_rng(1)
    true = random.integers(0, 3, 400)
    right = {"good": 0.9, "fair": 0.7, "random": 0.0, "rare": 0.0}
    votes, people = [], []
    for number, label in enumerate(true):
        names = ["good", "fair", "random", "other"] + ["rare"] * (number < 10)
        drawn = [
            label if random.random() < right.get(n, 0.8) else random.integers(3) for n in names
        ]
        votes.append([[str(each)] for each in drawn])
        people.append(names)
    found = compare_annotators(ballots(votes, people))
    listed = [found.table.index[place] for place in found.least_reliable()]
    assert listed == ["random", "fair", "other", "good"]
    first = found.table.loc["random"]
    assert first["difference"] < -5 * first["standard_error"]


def test_of_many_annotators_the_least_reliable_are_shown_and_the_page_says_so(monkeypatch):
    monkeypatch.setattr(module, "LISTED", 5)
    people = [[f"p{n}", f"p{n + 1}", f"p{n + 2}"] for n in range(50) for _ in range(20)]
    found = compare_annotators(ballots([[["x"], ["x"], ["y"]]] * 1000, people))
    page = show_annotators(found)
    assert page["lead"].startswith("52 annotators. The 5 who differ most from the others")
    assert len(page["rows"]) == 5
    assert len(found.as_csv().splitlines()) == 53


def test_rare_labels_are_one_in_a_confusion():
    votes = [[[f"label {n:02d}"], [f"label {n:02d}"]] for n in range(20)]
    found = compare_annotators(ballots(votes, [["a", "b"]] * 20))
    assert len(found.labels) == 13
    assert found.labels[-1] == OTHER
    assert found.confusions.sum(axis=(1, 2)).tolist() == [20, 20]
