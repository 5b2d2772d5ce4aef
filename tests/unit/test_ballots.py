"""Ballots: counts with who voted, checked once; the rules of dominance on a real corpus."""

import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from softlabels import Ballots, votes_from_manifest, votes_from_table
from softlabels.votes import leftover_votes

DATA = Path(os.environ.get("SOFTLABELS_TEST_DATA", Path(__file__).parents[3] / "shared/data"))
CREMA_D = DATA / "crema_d" / "tabulatedVotes.csv"
LABELS = ["a", "b"]
WHO = [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 1]]  # unsorted on purpose
COUNTS = [[2, 1], [0, 1], [0, 0]]


def ballots(**changes):
    fields = {"counts": COUNTS, "labels": LABELS, "who": WHO, "annotators": ["ann", "bob"]}
    return Ballots(**(fields | changes))


def test_who_voted_is_kept_in_order():
    assert ballots().who.tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 1]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"who": [*WHO, WHO[0]]}, "vote of annotator 0 for label 1 on item 1 more than once"),
        ({"who": WHO[1:]}, "counts have 1 for 'b' on item 1, who has 0"),
        ({"who": [*WHO[1:], [3, 0, 1]]}, "who has item 3; there are 3"),
        ({"who": [*WHO[1:], [1, 2, 1]]}, "who has annotator 2; there are 2"),
        ({"who": [*WHO[1:], [1, 0, -1]]}, "who has label -1; there are 2"),
        ({"who": [[0, 1]]}, r"who must be \[V, 3\]"),
        ({"who": [[0.5, 1, 1]]}, r"who must be \[V, 3\], whole numbers"),
        ({"annotators": ["ann", "ann"]}, r"annotators repeats \['ann'\]"),
        ({"labels": ["a", "a"]}, r"labels repeats \['a'\]"),
        ({"counts": [[2, -1], [0, 1], [0, 0]]}, "must be finite and not negative"),
        ({"voters": [2, 1, 0]}, "voters are known from who"),
        ({"who": None, "voters": [1, 1, 0]}, r"1 annotators can't have given item 0 .*\[2, 1\]"),
        ({"who": None, "voters": [2, 1]}, r"voters must be \[3\]"),
    ],
)
def test_ballots_that_contradict_themselves_are_refused_when_built(changes, message):
    with pytest.raises(ValueError, match=message):
        ballots(**changes)


@pytest.mark.parametrize("indices", [[1, 0], [0, 0], [], slice(1, None), [True, False, True], [-1]])
def test_some_items_are_their_rows_and_their_voters(indices):
    whole = ballots()
    some = whole.take(indices)
    numbers = np.arange(3)[indices if indices != [] else slice(0)]
    assert some.counts.tolist() == whole.counts[numbers].tolist()
    expected = [
        [place, annotator, label]
        for place, number in enumerate(numbers)
        for item, annotator, label in whole.who.tolist()
        if item == number
    ]
    assert some.who.tolist() == expected
    assert some.annotators == whole.annotators
    assert some.number_of_voters().tolist() == whole.number_of_voters()[numbers].tolist()


def test_table_votes_and_manifest_tell_the_same_of_who_voted():
    rows = [("u", "bob", "b"), ("u", "ann", "a"), ("u", "ann", "b"), ("v", "bob", "a")]
    rows += [rows[0]]  # given twice, counted once
    manifest = {
        "u": {"votes": [["b"], ["a", "b"]], "annotators": ["bob", "ann"]},
        "v": {"votes": [["a"]], "annotators": ["bob"]},
        "w": {"votes": []},
    }
    expected = {("u", "ann", "a"), ("u", "ann", "b"), ("u", "bob", "b"), ("v", "bob", "a")}
    for items, made in (votes_from_table(rows), votes_from_manifest(manifest)):
        names = {(items[i], made.annotators[a], made.labels[k]) for i, a, k in made.who.tolist()}
        assert names == expected
        assert made.number_of_voters()[:2].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"u": {"votes": [["a"]], "annotators": []}}, "1 annotators voted; their names are"),
        ({"u": {"votes": [["a"], ["b"]], "annotators": ["x", "x"]}}, "utterance 0.*repeats"),
        (
            {"u": {"votes": [["a"]], "annotators": ["x"]}, "v": {"votes": [["a"]]}},
            "entry 'v' has no 'annotators', others have",
        ),
    ],
)
def test_annotators_that_are_not_those_of_the_votes_are_refused(manifest, message):
    with pytest.raises(ValueError, match=message):
        votes_from_manifest(manifest)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (2, [0, -1, 0, 0]),
        ("plurality", [0, 1, 0, 0]),
        ("majority", [-1, 1, 0, -1]),
        (0.5, [0, 1, 0, -1]),
        (0.75, [-1, 1, 0, -1]),
    ],
)
def test_each_rule_by_hand(rule, expected):
    counts = [[2, 1, 1, 0], [0, 1, 0, 0], [3, 1, 0, 0], [2, 1, 1, 1]]
    assert Ballots(counts, list("abcd")).dominant(rule).tolist() == expected


def test_a_tie_and_no_vote_dominate_by_no_rule():
    for rule in (1, 2, "plurality", "majority", 0.1):
        assert Ballots([[2, 2], [0, 0]], LABELS).dominant(rule).tolist() == [-1, -1]
        assert Ballots([[0]], ["a"]).dominant(rule).tolist() == [-1]
        assert Ballots(np.zeros((2, 0)), []).dominant(rule).tolist() == [-1, -1]


def test_shares_are_of_annotators_not_of_votes_where_that_is_known():
    votes = [["a"], ["a", "b"], ["c", "d"]]  # a: 2 of 3 annotators, 2 of 5 votes
    known = Ballots.from_votes([votes])
    assert known.dominant("majority").tolist() == [0]
    assert Ballots(known.counts, known.labels).dominant("majority").tolist() == [-1]


def test_a_share_is_reached_in_spite_of_rounding():
    assert 0.28 * 25 > 7  # in floats
    assert Ballots([[7, 6, 6, 6]], list("abcd")).dominant(0.28).tolist() == [0]


@pytest.mark.skipif(not CREMA_D.exists(), reason="no votes of CREMA-D")
@pytest.mark.parametrize(
    ("classes", "rule", "expected"),
    [
        ("ADFHNS", "plurality", [6798, 644, 0]),
        ("ADFHNS", "majority", [5012, 2430, 0]),
        ("AHNS", "plurality", [5606, 1790, 46]),
        ("AHNS", "majority", [4307, 3089, 46]),
    ],
)
def test_the_voice_votes_of_crema_d_are_partitioned_as_known(classes, rule, expected):
    with CREMA_D.open(newline="") as file:
        voice = [row for row in csv.DictReader(file) if int(row[""]) < 200_000]
    voted = Ballots([[int(row[label]) for label in "ADFHNS"] for row in voice], list("ADFHNS"))
    assert voted.counts.sum() == 68_568
    kinds = voted.partition(list(classes), rule)
    assert [int((kinds == kind).sum()) for kind in ("clear", "ambiguous", "discarded")] == expected


def test_a_data_frames_columns_are_taken_by_name():
    frame = pd.DataFrame({"b": [1], "a": [2]})
    assert Ballots(frame, LABELS).counts.tolist() == [[2, 1]]
    for wrong in (frame.rename(columns={"a": "c"}), frame[["b"]], frame.assign(c=1)):
        with pytest.raises(ValueError, match=r"columns .* are not the labels"):
            Ballots(wrong, LABELS)


def test_masked_counts_are_refused():
    counts = np.ma.masked_array([[2, 1]], mask=[[False, True]])
    with pytest.raises(ValueError, match=r"masked at \[0, 1\].*filled\(0\)"):
        Ballots(counts, LABELS)
    assert Ballots(np.ma.masked_array([[2, 1]]), LABELS).counts.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("Happy", "'Happy' and 'happy' differ in case alone"),
        ("happy\u200b", r"'happy\u200b' and 'happy' differ in Unicode form or invisible"),
        ("happy\u00a0", r"'happy\xa0' and 'happy' differ in Unicode form or invisible"),
        ("happy;sad", "'happy;sad' holds several labels"),
        ("happy, sad", "'happy, sad' holds several labels"),
        ("happy/sad", "'happy/sad' holds several labels"),
    ],
)
def test_votes_for_what_may_be_meant_for_a_class_are_reported_in_one_line(label, hint):
    message = leftover_votes(Ballots([[3, 2, 1]], ["happy", label, "other"]), ["happy", "sad"])
    assert message.startswith("3 of 6 votes go to no class: ")
    assert hint in message
    assert "\n" not in message


def test_two_spellings_of_an_accent_are_reported():
    made = Ballots([[1, 1]], ["joye\u0301", "joy\u00e9"])
    assert "differ in Unicode form" in leftover_votes(made, ["joy\u00e9"])


def test_where_all_votes_count_there_is_nothing_to_report():
    assert leftover_votes(Ballots([[3, 0]], ["happy", "Happy"]), ["happy"]) is None
    assert leftover_votes(Ballots([[3, 1]], ["happy", "other"]), ["happy"]) == (
        "1 of 4 votes go to no class: other (1)"
    )
