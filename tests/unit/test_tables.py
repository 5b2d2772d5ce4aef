"""Votes from long tables, wide tables and manifests, whatever they are about."""

import numpy as np
import pandas as pd
import pytest

import softlabels
from softlabels.votes.agreement import krippendorff_alpha
from softlabels.votes.tables import votes_from_counts, votes_from_manifest, votes_from_table

ROWS = [
    ("clip 2", "ann", "song"),
    ("clip 1", "ann", "call"),
    ("clip 2", "bob", "song"),
    ("clip 2", "bob", "call"),  # bob hears both
    ("clip 2", "bob", "call"),  # and says one of them twice
    ("clip 1", "cat", ""),  # no vote
    ("clip 3", "cat", None),
]
WANTED = [[1, 2], [1, 0], [0, 0]]


def frame(rows=ROWS, columns=("task", "worker", "label")):
    return pd.DataFrame(rows, columns=list(columns))


@pytest.mark.parametrize(
    "table",
    [
        frame(),
        ROWS,
        [dict(zip(("task", "worker", "label"), row, strict=True)) for row in ROWS],
        (part for part in (frame(ROWS[:2]), frame(ROWS[2:5]), frame(ROWS[5:]))),
        frame().astype({"label": "category", "task": "string"}),
    ],
    ids=["frame", "tuples", "mappings", "parts", "other types"],
)
def test_a_long_table_is_counted_whatever_holds_it(table):
    items, ballots = votes_from_table(table)
    assert items == ["clip 2", "clip 1", "clip 3"]  # in order of first appearance
    assert ballots.labels == ("call", "song")
    assert ballots.counts.tolist() == WANTED


def test_columns_may_have_other_names():
    found = votes_from_table(frame(columns="abc"), item="a", annotator="b", label="c")
    assert found[1].counts.tolist() == WANTED


@pytest.mark.parametrize("annotators", [3, 400])
@pytest.mark.parametrize("k", [2, 7, 1000])
@pytest.mark.parametrize("shuffled", [False, True])
def test_counting_is_that_of_a_plain_loop_for_any_number_of_classes(k, annotators, shuffled):
    random = np.random.default_rng(k)
    table = pd.DataFrame(
        {
            "task": np.repeat(np.arange(60), 8),
            "worker": random.integers(annotators, size=480),
            "label": [f"species {i:04d}" for i in random.integers(k, size=480)],
        }
    )
    if shuffled:
        table = table.sample(frac=1, random_state=0)
    items, ballots = votes_from_table(table)
    given = set(table.itertuples(index=False, name=None))
    for item, row in zip(items, ballots.counts, strict=True):
        wanted = [
            sum((item, w, label) in given for w in range(annotators))
            for label in ballots.labels[:9]
        ]
        assert row[:9].tolist() == wanted
    assert ballots.counts.sum() == len(given)


def test_toxicity_ratings_become_targets():
    rows = [("text", w, label) for w, label in [(1, "toxic"), (2, "toxic"), (3, "fine")]]
    _, ballots = softlabels.votes_from_table(rows)
    encoder = softlabels.get_encoder("modified_soft", ["fine", "toxic"], alpha=1.0)
    assert encoder.encode_ballots(ballots)[0].tolist() == pytest.approx([2 / 5, 3 / 5])


def test_a_wide_table_keeps_the_given_order_of_labels():
    table = pd.DataFrame({"clip": ["a", "b"], "song": [3, 0], "call": ["1", "2"]})
    assert votes_from_counts(table, ["call", "song"], item="clip")[0] == ["a", "b"]
    assert votes_from_counts(table, ["call", "song"])[1].counts.tolist() == [[1, 3], [2, 0]]


def test_an_empty_cell_is_no_vote():
    table = pd.DataFrame({"song": [1, None], "call": ["", "2"]})
    assert votes_from_counts(table, ["song", "call"])[1].counts.tolist() == [[1, 0], [0, 2]]


def test_an_item_with_two_rows_is_refused():
    table = pd.DataFrame({"clip": ["a", "b", "a"], "song": [1, 1, 1]})
    with pytest.raises(ValueError, match=r"item 'a' has more than one row, the second .*row 2"):
        votes_from_counts(table, ["song"], item="clip")


def test_a_row_without_an_item_is_named():
    frame = pd.DataFrame({"clip": ["a", None], "song": [1, 2]})
    with pytest.raises(ValueError, match=r"row 1 of the table .* has no 'clip'"):
        votes_from_counts(frame, ["song"], "clip")


@pytest.mark.parametrize("value", [-1, 0.5, "many", float("inf")])
def test_a_count_that_is_none_is_named(value):
    table = pd.DataFrame({"song": [1, value]}, dtype=object)
    with pytest.raises(ValueError, match=r"row 1 of the table .*column 'song'.*whole number"):
        votes_from_counts(table, ["song"])


def test_a_manifests_votes_are_counted():
    manifest = {"u1": {"votes": [["sad"], ["sad", "happy"]]}, "u2": {"votes": []}}
    items, ballots = votes_from_manifest(manifest)
    assert (items, ballots.labels) == (["u1", "u2"], ("happy", "sad"))
    assert ballots.counts.tolist() == [[1, 2], [0, 0]]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (frame(columns=("task", "who", "label")), "no column 'worker' in the table; it has"),
        (frame([("a", "b", "c"), (None, "b", "c")]), "row 1 of the table .*has no 'task'"),
        (frame([("a", "b", "c"), ("a", "", "c")]), "row 1 of the table .*has no 'worker'"),
        (frame([("a", "b", 1), ("a", "c", "1")]), "labels that look alike"),
        ([("a", "b")], r"must be \(item, annotator, label\); got \('a', 'b'\)"),
    ],
)
def test_a_table_that_cannot_be_read_says_where(table, told):
    with pytest.raises(ValueError, match=told):
        votes_from_table(table)


def test_a_table_in_parts_may_have_more_possible_votes_than_32_bits_can_number():
    n = 60_000  # items × annotators × labels = 7.2 · 10⁹
    names = [f"n{number}" for number in range(n)]
    labels = ["a", "b"] * (n // 2)
    frame = pd.DataFrame({"task": names, "worker": names, "label": labels})
    items, ballots = votes_from_table(
        frame[start : start + 10_000] for start in range(0, n, 10_000)
    )
    assert items == names
    assert np.array_equal(ballots.counts, np.tile(np.eye(2, dtype=int), (n // 2, 1)))


def test_blanks_around_annotators_and_labels_are_no_part_of_them():
    rows = [("a", "ann", "sad"), ("a", "ann ", " sad"), ("a", "bob", "happy "), ("b", "ann", "  ")]
    items, ballots = votes_from_table(rows)
    assert (items, ballots.labels, ballots.counts.tolist()) == (
        ["a", "b"],
        ("happy", "sad"),
        [[1, 1], [0, 0]],
    )


def test_numbers_as_labels_have_one_name_with_and_without_gaps():
    rows = [("a", "ann", 1.0), ("b", "ann", None), ("c", "ann", 0.0), ("d", "ann", 0.5)]
    assert votes_from_table(rows)[1].labels == ("0", "0.5", "1")


def test_a_column_of_a_long_table_that_stands_twice_raises():
    frame = pd.DataFrame([["a", "ann", "x", "y"]], columns=["task", "worker", "label", "label"])
    with pytest.raises(ValueError, match="'label' occurs twice, or is given twice"):
        votes_from_table(frame)


def test_no_table_at_all():
    with pytest.raises(TypeError, match="data frame or an iterable of rows"):
        votes_from_table("votes.csv")
    assert votes_from_table([])[0] == []


def test_krippendorffs_own_example():
    # K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section C: four
    # observers, twelve units, values missing; nominal α = 0.743
    ratings = ["123321412...", "1233224125.3", ".33323422 51.".replace(" ", ""), "12332441251."]
    assert [len(row) for row in ratings] == [12] * 4
    counts = [[sum(row[u] == v for row in ratings) for v in "12345"] for u in range(12)]
    assert krippendorff_alpha(counts) == pytest.approx(0.743, abs=5e-4)


def test_agreement_by_hand():
    # two items, two votes each, one split: observed 2, n = 4, expected 3·1 + 1·3 = 6
    assert krippendorff_alpha([[2, 0], [1, 1]]) == pytest.approx(1 - 3 * 2 / 6)


def test_where_nothing_can_disagree_there_is_no_agreement():
    assert krippendorff_alpha([[2, 0], [3, 0]]) is None
    assert krippendorff_alpha([[1, 0], [0, 1]]) is None
    assert krippendorff_alpha(np.zeros((0, 3))) is None


@pytest.mark.parametrize(("labels", "voted"), [(["x"], 1), (["x", pd.NA, "x"], 2), ([pd.NA], 0)])
def test_pandas_nullable_columns_are_read_as_others(labels, voted):
    rows = [("u", str(worker), label) for worker, label in enumerate(labels)]
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"]).astype("string")
    items, ballots = votes_from_table(frame)
    assert list(items) == ["u"]
    assert ballots.counts.sum() == voted


@pytest.mark.parametrize(
    ("columns", "row", "labels", "told"),
    [
        (["a", "b"], [1, 1e30], ["a", "b"], "from 0 to 2147483647; got .*1e\\+30"),
        (["a", "a"], [1, 2], ["a"], "'a' occurs twice, or is given twice"),
        (["a", "b"], [1, 2], ["a", "a"], "'a' occurs twice, or is given twice"),
    ],
)
def test_counts_beyond_any_votes_and_columns_that_stand_twice_raise(columns, row, labels, told):
    with pytest.raises(ValueError, match=told):
        votes_from_counts(pd.DataFrame([row], columns=columns), labels)


def test_a_manifests_entry_without_votes_is_named():
    with pytest.raises(ValueError, match="entry 'u2' has no 'votes'"):
        votes_from_manifest({"u1": {"votes": [["happy"]]}, "u2": {"emotion": "happy"}})
