"""Left-out votes: by hand, by two ways of counting, and as a comparison of targets."""

import csv
import io
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from click.testing import CliRunner

from softlabels import AnnotationEncoder, Ballots, get_encoder, left_out_votes
from softlabels.cli import main
from softlabels.encoders.left_out import _one_by_one
from softlabels.report.canvas import new_figure
from softlabels.report.comparison import compare, ratio_interval
from softlabels.report.forecast_figures import _draw_differences
from softlabels.report.forecasts import ALPHAS, BEST, compare_forecasts, paper_target

LABELS = ("happy", "other", "sad")
CLASSES = ["sad", "happy"]


def corpus(items=300, seed=0, annotators=5):
    random = np.random.default_rng(seed)
    shares = random.dirichlet([1.0, 0.5, 0.3], items)
    given = np.array([random.choice(3, annotators, p=row) for row in shares])
    who = np.stack(
        [
            np.repeat(np.arange(items), annotators),
            np.tile(np.arange(annotators), items),
            given.ravel(),
        ],
        axis=1,
    )
    counts = np.stack([(given == label).sum(axis=1) for label in range(3)], axis=1)
    return Ballots(counts, LABELS, who, tuple("abcde"[:annotators]))


def test_a_mean_by_hand():
    # happy 2, sad 1: ln(1.5 / 2) … each vote of 'happy' leaves 1 and 1, that of 'sad' 2 and 0
    ballots = Ballots([[2, 5, 1], [1, 4, 0], [0, 3, 0]], LABELS)
    encoder = get_encoder("modified_soft", CLASSES, alpha=0.5)
    assert left_out_votes(encoder, ballots) == pytest.approx(
        (2 * np.log(1.5 / 3) + np.log(0.5 / 3)) / 3, abs=1e-6
    )
    soft = get_encoder("soft", CLASSES)
    expected = (2 * np.log(0.5) + np.log(0.001)) / 3
    assert left_out_votes(soft, ballots) == pytest.approx(expected, abs=1e-6)


def test_parts_say_whose_vote_it_was():
    parts = left_out_votes(
        get_encoder("soft", CLASSES), Ballots([[2, 5, 1]], LABELS), per_vote=True
    )
    assert parts.item.tolist() == [0, 0]
    assert parts.label.tolist() == [0, 1]  # the classes' order: sad, happy
    assert parts.times.tolist() == [1, 2]
    assert parts.annotator is None
    with pytest.raises(ValueError, match="not known who"):
        parts.by_annotator()


def test_where_annotators_are_known_each_has_a_mean():
    who = [[0, 0, 0], [0, 1, 0], [0, 2, 2]]
    ballots = Ballots([[2, 0, 1]], LABELS, who, ("ann", "bob", "cat"))
    encoder = get_encoder("modified_soft", CLASSES, alpha=0.5)
    parts = left_out_votes(encoder, ballots, per_vote=True)
    half = pytest.approx(np.log(0.5), abs=1e-6)
    sixth = pytest.approx(np.log(1 / 6), abs=1e-6)
    assert parts.by_annotator() == {"ann": half, "bob": half, "cat": sixth}


@pytest.mark.parametrize("name", ["soft", "hard", "modified_soft", "dirichlet_mixture"])
def test_patterns_and_single_votes_give_the_same_scores(name):
    ballots = corpus()
    encoder = get_encoder(name, CLASSES).fit(ballots)
    parts = left_out_votes(encoder, ballots, per_vote=True)
    one_by_one = _one_by_one(encoder, ballots)
    for field in ("item", "label", "annotator", "times"):
        assert np.array_equal(getattr(parts, field), getattr(one_by_one, field))
    assert np.allclose(parts.score, one_by_one.score, atol=1e-6, equal_nan=True)
    without = Ballots(ballots.counts, LABELS)
    assert left_out_votes(encoder, without) == pytest.approx(parts.mean(), abs=1e-6)


def test_of_dawid_skene_the_vote_of_that_annotator_is_left_out():
    who = [[0, 0, 0], [0, 1, 2], [1, 0, 0], [1, 1, 0], [2, 0, 2], [2, 1, 0]]
    ballots = Ballots([[1, 0, 1], [2, 0, 0], [1, 0, 1]], LABELS, who, ("ann", "bob"))
    encoder = get_encoder("dawid_skene", CLASSES, smoothing=1).fit(ballots)
    parts = left_out_votes(encoder, ballots, per_vote=True)
    alone = Ballots([[0, 0, 1]], LABELS, [[0, 1, 2]], ("ann", "bob"))  # bob's 'sad'
    expected = np.log(encoder.encode_ballots(alone)[0, 1])
    assert parts.score[0] == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="needs to know who voted"):
        left_out_votes(encoder, Ballots([[2, 0, 1]], LABELS))


def test_a_weighted_vote_cannot_be_left_out():
    with pytest.raises(ValueError, match="whole numbers"):
        left_out_votes(get_encoder("soft", CLASSES), Ballots([[0.5, 0.0, 1.5]], LABELS))


def test_no_flat_or_sharp_target_wins():
    ballots = corpus(2000)
    scores = [
        left_out_votes(get_encoder("modified_soft", CLASSES, alpha=a), ballots) for a in ALPHAS
    ]
    best = int(np.argmax(scores))
    assert 0 < best < len(ALPHAS) - 1


def test_the_interval_is_that_of_clustered_means():
    random = np.random.default_rng(0)
    values, clusters = random.normal(size=60), random.integers(12, size=60)
    found = ratio_interval(values, np.ones(60, dtype=int), clusters)
    reference = compare(values, np.zeros(60), clusters, np.zeros(60))
    assert found == pytest.approx((reference.value, reference.low, reference.high))


def test_every_encoder_is_compared_on_the_same_votes():
    found = compare_forecasts(corpus(), CLASSES)
    names = [row.encoder for row in found.rows]
    assert {"class_prior", "dawid_skene", "dirichlet", "dirichlet_mixture", "soft"} <= set(names)
    assert names[-1] == "hard"  # has no target for some
    assert found.rows[-1].votes < found.votes
    assert all(row.votes == found.votes for row in found.rows[:-1])
    scores = [row.score for row in found.rows[:-1]]
    assert scores == sorted(scores, reverse=True)
    assert found.clusters == (corpus().of(CLASSES).sum(axis=1) > 1).sum()
    paper = next(row for row in found.rows if row.target == "modified soft, α = 0.75")
    for row in found.rows[:-1]:
        if row is not paper:
            assert row.gain == pytest.approx(row.score - paper.score, abs=1e-9)
            assert row.low < row.gain < row.high


def test_votes_are_scored_by_annotator_and_add_up():
    ballots = corpus()
    who = ballots.who[ballots.who[:, 1] < 4]  # the fifth annotator's votes are somebody else's
    fewer = ballots.who[(ballots.who[:, 1] == 4) & (ballots.who[:, 0] < 50)]
    who = np.concatenate([who, fewer])
    found = compare_forecasts(Ballots.from_who(who, 300, LABELS, "abcde"), CLASSES)
    votes = [each.votes for each in found.by_annotator]
    assert votes == sorted(votes, reverse=True)
    assert found.by_annotator[-1].annotator == "e"
    assert sum(votes) == found.votes
    for row in found.rows:
        if row.votes == found.votes:
            scores = [each.scores[row.target] for each in found.by_annotator]
            assert np.average(scores, weights=votes) == pytest.approx(row.score)
    assert compare_forecasts(Ballots(ballots.counts, LABELS), CLASSES).by_annotator == ()


def test_an_annotator_who_disagrees_is_forecast_worst():
    agreed = [[item, person, item % 2 * 2] for item in range(60) for person in range(3)]
    odd = [[item, 3, 2 - item % 2 * 2] for item in range(60)]
    found = compare_forecasts(Ballots.from_who(agreed + odd, 60, LABELS, "abcd"), CLASSES)
    for row in found.rows[:-1]:
        scores = {each.annotator: each.scores[row.target] for each in found.by_annotator}
        assert min(scores, key=scores.get) == "d"


def test_alpha_is_chosen_without_the_fold_that_it_is_scored_on():
    # in all groups but one annotators agree, so that one gets the smallest α, and the others' α
    # is larger because of it
    agree = [[4, 0, 0], [0, 0, 4]] * 20
    differ = [[3, 0, 1], [1, 0, 3]] * 10
    groups = ["g1"] * 20 + ["g2"] * 20 + ["odd"] * 20
    found = compare_forecasts(Ballots(agree + differ, LABELS), CLASSES, groups, folds=3)
    (best,) = (row for row in found.rows if row.target == BEST)
    assert found.folds == 3
    assert sorted(best.options["alpha"])[0] == min(ALPHAS)
    assert sorted(best.options["alpha"])[1] > min(ALPHAS)


@dataclass
class Spy(AnnotationEncoder):
    """Remembers whose votes it was fitted to, in the vote for 'other'."""

    def fit(self, ballots):
        self.groups_ = sorted(set(ballots.counts[:, 1].tolist()))
        return self

    def targets(self, ballots):
        assert not set(ballots.counts[:, 1].tolist()) & set(self.groups_)
        return np.full((len(ballots), len(self)), 1 / len(self))


def test_an_encoder_is_fitted_on_other_groups_votes():
    from softlabels.encoders.base import ENCODERS

    groups = np.repeat(np.arange(7), 4)
    counts = np.stack([np.full(28, 2), groups, np.ones(28, dtype=int)], axis=1)
    with ENCODERS.temporarily("spy", Spy):
        found = compare_forecasts(Ballots(counts, LABELS), CLASSES, groups, folds=3)
    (spy,) = (row for row in found.rows if row.encoder == "spy")
    assert spy.score == pytest.approx(np.log(0.5), abs=1e-6)


@pytest.mark.parametrize(
    ("counts", "groups", "message"),
    [
        ([[2, 0, 1]] * 4, ["a"] * 4, "1 groups"),
        ([[1, 2, 0]] * 4, None, "no vote can be left out"),
        ([[2, 0, 1]] * 4, ["a"] * 3, "4 items and 3 groups"),
    ],
)
def test_what_cannot_be_compared_is_refused(counts, groups, message):
    with pytest.raises(ValueError, match=message):
        compare_forecasts(Ballots(counts, LABELS), CLASSES, groups)


def test_the_advice_keeps_the_papers_target_where_the_rest_may_be_chance():
    few = compare_forecasts(corpus(6, seed=2), CLASSES, folds=2)
    assert few.advice().startswith("Take modified soft, α = 0.75")
    many = compare_forecasts(corpus(2000), CLASSES)
    assert many.rows[0].low > 0
    assert many.advice().startswith(f"Take {many.rows[0].target}")
    assert "times the probability" in many.advice()


def softlabels(*arguments, code=0):
    done = CliRunner().invoke(main, [*map(str, arguments)])
    assert done.exit_code == code, done.stderr
    return done


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    ballots = corpus(60)
    file = tmp_path_factory.mktemp("votes") / "votes.csv"
    rows = [f"u{item},{person},{LABELS[label]},s{item % 6}" for item, person, label in ballots.who]
    file.write_text("\n".join(["task,worker,label,speaker", *rows]) + "\n")
    return file


def test_compare_prints_a_table_and_a_sentence_and_draws(table, tmp_path):
    picture = tmp_path / "targets.png"
    options = ["--classes", "sad,happy", "--groups", "speaker", "--picture", picture]
    done = softlabels("compare", table, *options)
    assert "of 6 groups of 'speaker'; 5 folds" in done.stdout
    assert "\ndawid skene, smoothing = 10  " in done.stdout
    assert "Nats a vote, by annotator:" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Take ")
    assert picture.stat().st_size > 10_000


def test_a_target_that_forecasts_no_vote_has_no_mark_in_the_picture():
    forecasts = compare_forecasts(Ballots([[1, 0, 1], [0, 0, 2]], LABELS), CLASSES)
    axes = new_figure((10, 5)).subplots()
    _draw_differences(axes, forecasts)
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    marked = {row.target: not np.isnan(x) for row, x in zip(forecasts.rows, marks, strict=True)}
    assert [target for target, is_marked in marked.items() if not is_marked] == ["hard"]
    assert marks[[row.target for row in forecasts.rows].index(paper_target())] == 0


def test_an_interval_that_may_be_chance_has_true_minus_signs():
    rows = compare_forecasts(corpus(60), CLASSES).rows
    best = replace(rows[0], gain=0.01, low=-0.02, high=0.04)
    advice = replace(compare_forecasts(corpus(60), CLASSES), rows=(best, *rows[1:])).advice()
    assert "may be chance (95 % interval −0.020 to +0.040)" in advice


def test_compare_writes_json_and_csv(table):
    options = ["--classes", "sad,happy", "--folds", "2"]
    content = json.loads(softlabels("compare", table, *options, "--format", "json").stdout)
    assert content["clusters"] <= 60
    assert content["folds"] == 2
    assert sorted(each["annotator"] for each in content["by_annotator"]) == list("01234")
    rows = list(
        csv.DictReader(
            io.StringIO(softlabels("compare", table, *options, "--format", "csv").stdout)
        )
    )
    assert [row["target"] for row in rows] == [row["target"] for row in content["rows"]]
    assert float(rows[0]["score"]) == pytest.approx(content["rows"][0]["score"])
    assert [json.loads(row["options"]) for row in rows] == [
        row["options"] for row in content["rows"]
    ]


def test_compare_reads_counts_and_manifests_with_groups(tmp_path):
    wide = tmp_path / "wide.csv"
    wide.write_text("happy,sad,speaker\n" + "2,1,a\n1,2,b\n3,0,a\n0,3,b\n")
    options = ["--groups", "speaker", "--format", "json"]
    content = json.loads(softlabels("compare", wide, "--counts", "happy,sad", *options).stdout)
    assert content["clusters"] == 2
    assert content["left_out"] == ["dawid skene, smoothing = 10: it needs to know who voted"]
    votes = {"2,1": [["happy"], ["happy"], ["sad"]], "1,2": [["sad"], ["sad"], ["happy"]]}
    entries = {
        f"u{n}": {"votes": votes["2,1" if n % 2 else "1,2"], "speaker": n % 2} for n in range(4)
    }
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(entries))
    assert json.loads(softlabels("compare", manifest, *options).stdout)["clusters"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task,worker,label,speaker\nu,a,x,s\nu,b,x,t\n", "'u' has several 'speaker'"),
        ("task,worker,label,speaker\nu,a,x,\n", "'u' has no 'speaker'"),
        ("task,worker,label\nu,a,x\n", "no column 'speaker'"),
    ],
)
def test_wrong_groups_are_named(text, message, tmp_path):
    file = tmp_path / "votes.csv"
    file.write_text(text)
    assert message in softlabels("compare", file, "--groups", "speaker", code=1).stderr
