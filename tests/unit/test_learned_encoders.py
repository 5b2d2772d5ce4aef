"""Encoders that learn from votes: known answers, other libraries' answers, and starved corpora."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from softlabels import Ballots, get_encoder, left_out_votes
from softlabels.encoders.confusion import Given, alike, confusions, votes_by_annotator
from softlabels.encoders.dirichlet_multinomial import Levels, climb, fit_dirichlet
from softlabels.encoders.mixture import choose_components, fit_mixture, mixtures
from softlabels.votes.patterns import count_patterns, fold_numbers

DATA = Path(os.environ.get("SOFTLABELS_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
CREMA_D = DATA / "crema_d" / "tabulatedVotes.csv"
LEARNED = ["class_prior", "dirichlet", "dirichlet_mixture", "dawid_skene"]
LABELS = ("angry", "fear", "happy", "other", "sad")
CLASSES = ["happy", "sad", "angry"]


def corpus(items=400, annotators=12, votes=4, labels=LABELS, seed=0):
    """Votes by annotators of unequal reliability on utterances of unequal clarity."""
    random = np.random.default_rng(seed)
    width = len(labels)
    reliability = random.uniform(0.3, 0.95, annotators)
    true = random.integers(width, size=items)
    who = []
    for item in range(items):
        for person in random.choice(annotators, votes, replace=False):
            right = random.random() < reliability[person]
            who.append((item, person, true[item] if right else random.integers(width)))
    who = np.array(who, dtype=np.int64)
    counts = np.zeros((items, width), dtype=np.int64)
    np.add.at(counts, (who[:, 0], who[:, 2]), 1)
    return Ballots(counts, labels, who, tuple(f"w{person}" for person in range(annotators)))


def reordered(ballots, seed):
    """The same ballots, items in another order; and the items' old places."""
    order = np.random.default_rng(seed).permutation(len(ballots))
    return ballots.take(order), order


@pytest.mark.parametrize("width", [1, 3, 150])
def test_patterns_are_the_different_rows_in_order(width):
    counts = np.random.default_rng(0).integers(0, 3, (500, width)) // 2
    for rows in (counts, counts * 10**6, counts / 2):
        expected, of, number = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        found = count_patterns(rows)
        assert np.array_equal(found.counts, expected)
        assert np.array_equal(found.of, of.ravel())
        assert np.array_equal(found.number, number)


def test_folds_of_patterns_are_of_one_size_and_have_every_item_once():
    number = np.random.default_rng(0).integers(1, 9, 100)
    folds = fold_numbers(number, 3)
    assert np.array_equal(folds.sum(axis=0), number)
    assert np.ptp(folds.sum(axis=1)) <= 1
    assert folds.min() >= 0


def test_the_likelihood_is_scipys():
    random = np.random.default_rng(0)
    counts = random.multinomial(6, [0.2, 0.3, 0.5], size=50)
    a = random.uniform(0.1, 5, (3, 2))
    found = Levels(counts).log_likelihood(a)
    for component in range(2):
        reference = stats.dirichlet_multinomial.logpmf(counts, a[:, component], n=6)
        ways = stats.multinomial.logpmf(counts, 6, [1 / 3] * 3) + 6 * np.log(3)
        assert np.allclose(found[:, component], reference - ways, atol=1e-9)


def test_the_fitted_dirichlet_is_the_most_likely_one():
    random = np.random.default_rng(1)
    counts = random.multinomial(5, random.dirichlet([0.5, 1.0, 2.0], 300))
    found = fit_dirichlet(count_patterns(counts))

    def loss(logarithms):
        return -stats.dirichlet_multinomial.logpmf(counts, np.exp(logarithms), n=5).sum()

    best = optimize.minimize(loss, np.zeros(3), tol=1e-10)
    assert np.allclose(found, np.exp(best.x), rtol=1e-3)
    assert loss(np.log(found)) <= best.fun + 1e-6


@pytest.mark.parametrize(
    ("known", "votes"), [((0.3, 0.9, 0.1, 2.0), 10), ((60.0, 30.0, 10.0), 50), ((0.02, 0.04), 3)]
)
def test_a_known_dirichlet_is_recovered(known, votes):
    random = np.random.default_rng(2)
    counts = random.multinomial(votes, random.dirichlet(known, 20_000))
    assert np.allclose(fit_dirichlet(count_patterns(counts)), known, rtol=0.1)


@pytest.mark.parametrize("start", [1e-3, 1.0, 1e3])
def test_no_step_towards_the_dirichlet_lowers_the_likelihood(start):
    patterns = count_patterns(corpus().counts)
    levels = Levels(patterns.counts)
    numbers = levels.numbers(patterns.number[:, None].astype(float))
    a = np.full((5, 1), start)
    likelihoods = [levels.summed(a, numbers)[0]]
    for _ in range(50):
        a = climb(levels, numbers, a, steps=1, tolerance=0)
        likelihoods.append(levels.summed(a, numbers)[0])
    assert (np.diff(likelihoods) >= -1e-9 * abs(likelihoods[0])).all()


def test_no_iteration_lowers_the_mixtures_likelihood():
    steps = mixtures(count_patterns(corpus().counts), components=6)
    likelihoods = [next(steps)[1] for _ in range(100)]
    assert (np.diff(likelihoods) >= -1e-12).all()


def test_a_known_mixture_is_recovered():
    random = np.random.default_rng(3)
    known = np.array([[8.0, 1.0, 1.0], [0.5, 0.5, 3.0]])
    kind = random.random(20_000) < 0.3
    shares = np.where(
        kind[:, None], random.dirichlet(known[0], 20_000), random.dirichlet(known[1], 20_000)
    )
    counts = random.multinomial(12, shares)
    found = fit_mixture(count_patterns(counts), components=2)
    order = np.argsort(found.weights)
    assert np.allclose(found.weights[order], [0.3, 0.7], atol=0.03)
    assert np.allclose(found.concentrations.T[order], known, rtol=0.25)
    shares = found.concentrations / found.concentrations.sum(axis=0)
    assert np.allclose(shares.T[order], known / known.sum(axis=1, keepdims=True), atol=0.03)


def test_one_component_is_hardly_more_than_the_dirichlet():
    patterns = count_patterns(corpus(items=4000).counts)
    one = fit_mixture(patterns, 1).concentrations[:, 0]
    assert np.allclose(one, fit_dirichlet(patterns), rtol=0.01)


def test_the_number_of_components_grows_with_what_there_is_to_tell_apart():
    random = np.random.default_rng(4)
    alike_all = count_patterns(random.multinomial(8, random.dirichlet([2, 2, 2], 2000)))
    assert choose_components(alike_all, np.arange(3)) <= 2
    kinds = 30 * np.eye(4)[random.integers(4, size=2000)] + 0.5
    shares = random.standard_gamma(kinds)
    shares /= shares.sum(axis=1, keepdims=True)
    of_kinds = count_patterns(random.multinomial(8, shares))
    assert choose_components(of_kinds, np.arange(4)) >= 4


def test_modified_soft_is_the_dirichlet_whose_concentrations_are_alpha():
    ballots = corpus()
    dirichlet = get_encoder("dirichlet", CLASSES).fit(ballots)
    dirichlet.concentrations_ = np.full(3, 0.75)
    paper = get_encoder("modified_soft", CLASSES, alpha=0.75)
    assert np.array_equal(
        dirichlet.encode_ballots(ballots), paper.encode_ballots(ballots), equal_nan=True
    )


def test_the_class_priors_strength_is_the_best_forecast():
    ballots = corpus()
    encoder = get_encoder("class_prior", CLASSES).fit(ballots)
    fitted = left_out_votes(encoder, ballots)
    strength = encoder.prior_.sum()
    for other in (0.5, 0.9, 1.1, 2.0):
        weaker = get_encoder("class_prior", CLASSES, strength=strength * other).fit(ballots)
        assert left_out_votes(weaker, ballots) < fitted


def by_annotator(ballots):
    size = (len(ballots), len(ballots.annotators), len(ballots.labels))
    return votes_by_annotator(ballots.who, *size)


@pytest.mark.parametrize("smoothing", [0.0, 10.0])
def test_no_iteration_makes_the_confusion_matrices_less_likely(smoothing):
    ballots = corpus()
    given = Given(*alike(by_annotator(ballots)), 5)
    towards = np.full((5, 5), 0.05) + 0.75 * np.eye(5)
    steps = confusions(given, smoothing, towards)
    likelihoods = [next(steps)[1] for _ in range(50)]
    assert (np.diff(likelihoods) >= -1e-9 * abs(likelihoods[0])).all()


def test_dawid_skene_without_smoothing_is_crowd_kits():
    aggregation = pytest.importorskip("crowdkit.aggregation")
    import pandas as pd

    ballots = corpus(items=600, votes=5)
    reference = aggregation.DawidSkene(n_iter=15, tol=-np.inf)
    frame = pd.DataFrame(ballots.who, columns=["task", "worker", "label"])
    probabilities = reference.fit_predict_proba(frame).sort_index().sort_index(axis=1).to_numpy()
    given = Given(by_annotator(ballots), np.ones(len(ballots)), 5)
    steps = confusions(given, 0.0, np.eye(5))
    for _ in range(15):
        confusion, _ = next(steps)
    assert np.allclose(given.posterior(confusion), probabilities, atol=1e-6)


def test_known_confusions_are_recovered():
    random = np.random.default_rng(5)
    known = np.array(
        [[[0.9, 0.1], [0.2, 0.8]], [[0.6, 0.4], [0.4, 0.6]], [[0.95, 0.05], [0.5, 0.5]]]
    )
    true = (random.random(20_000) < 0.4).astype(int)
    given = (random.random((20_000, 3)) < known[:, :, 1].T[true]).astype(int)
    who = np.stack(
        [np.repeat(np.arange(20_000), 3), np.tile(np.arange(3), 20_000), given.ravel()], axis=1
    )
    counts = np.stack([(given == 0).sum(axis=1), (given == 1).sum(axis=1)], axis=1)
    ballots = Ballots(counts, ("a", "b"), who, ("x", "y", "z"))
    encoder = get_encoder("dawid_skene", ["a", "b"], smoothing=0).fit(ballots)
    assert np.allclose(encoder.confusion_, known, atol=0.06)
    assert np.allclose(encoder.prior_, [0.6, 0.4], atol=0.06)
    assert np.allclose(encoder.pooled_, known.mean(axis=0), atol=0.04)
    # listeners' votes, not the true class: no target is surer than they are together
    targets = encoder.encode_ballots(ballots)
    assert targets.max() < 0.9
    assert np.allclose(targets.mean(axis=0), counts.sum(axis=0) / counts.sum(), atol=0.01)


def test_a_rare_annotator_is_like_all_and_one_who_is_new_is_too():
    ballots = corpus(annotators=6)
    who = np.vstack([ballots.who, [[0, 6, 0]]])
    counts = ballots.counts.copy()
    counts[0, 0] += 1
    rare = Ballots(counts, ballots.labels, who, (*ballots.annotators, "rare"))
    encoder = get_encoder("dawid_skene", CLASSES, smoothing=100).fit(rare)
    assert np.allclose(
        encoder.confusion_[encoder.annotators_.index("rare")], encoder.pooled_, atol=0.1
    )
    one = np.array([[0, 0, 2]])
    new = Ballots([[0, 0, 1, 0, 0]], LABELS, one, ["new"])
    alone = Ballots([[0, 0, 1, 0, 0]], LABELS, one, ["rare"])
    assert np.allclose(encoder.encode_ballots(new), encoder.encode_ballots(alone), atol=0.05)


def test_without_annotators_dawid_skene_names_an_encoder_that_needs_none():
    anonymous = Ballots([[2, 1]], ["happy", "sad"])
    with pytest.raises(ValueError, match=r"needs to know who voted.*'dirichlet_mixture'"):
        get_encoder("dawid_skene", ["happy", "sad"]).fit(anonymous)
    with pytest.raises(ValueError, match="needs to know who voted"):
        get_encoder("dawid_skene", CLASSES).fit(corpus()).encode([["happy"]])


def test_too_many_confusion_matrices_are_refused():
    labels = tuple(f"l{index}" for index in range(1000))
    who = np.stack([np.arange(200), np.arange(200), np.arange(200)], axis=1)
    counts = np.zeros((200, 1000), dtype=np.int64)
    counts[np.arange(200), np.arange(200)] = 1
    ballots = Ballots(counts, labels, who, tuple(f"w{index}" for index in range(200)))
    with pytest.raises(ValueError, match=r"200000000 cells.*'dirichlet_mixture'"):
        get_encoder("dawid_skene", labels[:3]).fit(ballots)


@pytest.mark.parametrize("name", LEARNED)
def test_the_order_of_votes_and_of_classes_changes_nothing(name):
    ballots = corpus()
    again, order = reordered(ballots, seed=1)
    targets = get_encoder(name, CLASSES).fit(ballots).encode_ballots(ballots)
    encoder = get_encoder(name, CLASSES).fit(again)
    assert np.allclose(encoder.encode_ballots(ballots), targets, atol=1e-6, equal_nan=True)
    assert np.allclose(encoder.encode_ballots(again), targets[order], atol=1e-6, equal_nan=True)
    other = get_encoder(name, CLASSES[::-1]).fit(ballots)
    assert np.allclose(other.encode_ballots(ballots)[:, ::-1], targets, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("name", LEARNED)
def test_the_number_of_threads_changes_nothing(name):
    code = (
        "import numpy as np\nfrom softlabels import Ballots, get_encoder\n"
        "random = np.random.default_rng(0)\n"
        "who = np.stack([np.repeat(np.arange(3000), 4), np.tile(np.arange(4), 3000), "
        "random.choice(3, 12000, p=[.6, .3, .1])], axis=1)\n"
        "counts = np.zeros((3000, 3), int)\nnp.add.at(counts, (who[:, 0], who[:, 2]), 1)\n"
        "b = Ballots(counts, ['a', 'b', 'c'], who, ['w', 'x', 'y', 'z'])\n"
        f"print(get_encoder({name!r}, ['a', 'b']).fit(b).encode_ballots(b)[:50].tolist())"
    )
    runs = []
    for threads in ("1", "4"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        runs.append(done.stdout)
    assert runs[0] == runs[1]


def starved(counts):
    """Ballots, with annotators, of these counts."""
    counts = np.asarray(counts, dtype=np.int64)
    item, label = np.nonzero(counts)
    times = counts[item, label]
    item, label = np.repeat(item, times), np.repeat(label, times)
    annotator = np.arange(len(item)) - np.searchsorted(item, item)
    names = tuple(f"w{index}" for index in range(annotator.max() + 1))
    labels = tuple(f"l{index}" for index in range(counts.shape[1]))
    return Ballots(counts, labels, np.stack([item, annotator, label], axis=1), names)


STARVED = {
    "a class never voted for": [[3, 0, 0], [2, 1, 0], [1, 2, 0]],
    "all votes alike": [[3, 0]] * 5,
    "one vote an utterance": np.eye(3, dtype=int)[[0, 1, 1, 2, 2, 2]],
    "two utterances": [[2, 1], [0, 3]],
    "one utterance": [[2, 1]],
    "one class": [[3], [2]],
    "all agree": [[5, 0], [0, 5], [5, 0]],
    "two classes": [[1, 1], [2, 0], [0, 1]],
    "a thousand classes": np.eye(1000, dtype=int)[:50] * 2 + np.eye(1000, k=1, dtype=int)[:50],
    "very many votes": [[100_000, 50], [20, 99_999]],
    "some without votes": [[2, 1], [0, 0], [0, 3]],
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in LEARNED), ("dirichlet_mixture", {"components": "auto"})],
)
@pytest.mark.parametrize("case", STARVED)
def test_starved_votes_give_finite_targets(name, options, case):
    if (name, case) == ("dawid_skene", "very many votes"):
        pytest.skip("as many annotators")
    ballots = starved(STARVED[case])
    encoder = get_encoder(name, ballots.labels, **options).fit(ballots)
    targets = encoder.encode_ballots(ballots)
    voted = ballots.counts.any(axis=1)
    assert np.isfinite(targets[voted]).all()
    assert np.allclose(targets[voted].sum(axis=1), 1, atol=1e-5)
    assert np.isnan(targets[~voted]).all()
    everything = Ballots(np.ones((1, ballots.counts.shape[1]), dtype=int), ballots.labels)
    if name != "dawid_skene":  # what was never seen in training
        assert np.isfinite(encoder.encode_ballots(everything)).all()


def test_weighted_votes_are_learned_from_unless_one_must_be_left_out():
    ballots = Ballots(corpus().counts * 0.5, LABELS)
    for name, options in (
        ("dirichlet", {}),
        ("dirichlet_mixture", {"components": 3}),
        ("class_prior", {"strength": 2}),
    ):
        encoder = get_encoder(name, CLASSES, **options).fit(ballots)
        assert np.isfinite(encoder.encode_ballots(ballots)).all(axis=1).any()
    for name, options in (("dirichlet_mixture", {"components": "auto"}), ("class_prior", {})):
        with pytest.raises(ValueError, match="one vote can be left out only where"):
            get_encoder(name, CLASSES, **options).fit(ballots)


@pytest.mark.parametrize("name", LEARNED)
def test_votes_without_one_for_a_class_teach_nothing(name):
    ballots = corpus()
    with pytest.raises(ValueError, match=r"nothing can be learned from 400 items.*\['calm'\]"):
        get_encoder(name, ["calm"]).fit(ballots)


@pytest.mark.parametrize("name", LEARNED)
def test_labels_that_training_did_not_have_are_passed_over(name):
    ballots = corpus()
    encoder = get_encoder(name, CLASSES).fit(ballots)
    counts = np.array([[1, 1, 1]])
    who = np.array([[0, 0, 0], [0, 1, 1], [0, 2, 2]])
    test = Ballots(counts, ("happy", "sad", "calm"), who, ("w0", "w1", "w2"))
    without = Ballots([[1, 1]], ("happy", "sad"), who[:2], ("w0", "w1"))
    assert np.allclose(encoder.encode_ballots(test), encoder.encode_ballots(without), atol=1e-6)


@pytest.mark.parametrize("name", LEARNED)
def test_what_was_learned_is_saved_and_loaded(name, tmp_path):
    ballots = corpus()
    fitted = get_encoder(name, CLASSES).fit(ballots)
    fitted.save(tmp_path / "encoder.json")
    fresh = get_encoder(name, CLASSES)
    with pytest.raises(ValueError, match="call fit"):
        fresh.encode_ballots(ballots)
    fresh.load(tmp_path / "encoder.json")
    assert np.array_equal(
        fresh.encode_ballots(ballots), fitted.encode_ballots(ballots), equal_nan=True
    )
    with pytest.raises(ValueError, match="learned from other votes"):
        get_encoder(name, CLASSES).fit(corpus(seed=9)).load(tmp_path / "encoder.json")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("class_prior", {"strength": -1}),
        ("class_prior", {"strength": "best"}),
        ("class_prior", {"strength": float("nan")}),
        ("dirichlet_mixture", {"components": 0}),
        ("dirichlet_mixture", {"components": 2.5}),
        ("dirichlet_mixture", {"components": "many"}),
        ("dawid_skene", {"smoothing": -1}),
        ("dawid_skene", {"smoothing": "auto"}),
        ("dawid_skene", {"smoothing": float("inf")}),
    ],
)
def test_wrong_options_are_refused_when_built(name, options):
    ((option, value),) = options.items()
    with pytest.raises(ValueError, match=f"{option} must be .*{value}"):
        get_encoder(name, CLASSES, **options)


@pytest.fixture(scope="module")
def crema_d():
    """CREMA-D's votes on voices: training and test speakers."""
    if not CREMA_D.exists():
        pytest.skip("no CREMA-D")
    with CREMA_D.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row[""]) < 200_000]
    counts = np.array([[int(row[label]) for label in "ADFHNS"] for row in rows])
    test = np.array([int(row["fileName"][:4]) % 5 == 0 for row in rows])
    ballots = Ballots(counts, tuple("ADFHNS"))
    return ballots.take(~test), ballots.take(test)


@pytest.mark.parametrize(
    ("name", "options", "classes", "score"),
    [
        ("soft", {}, "ADFHNS", -1.505),
        ("soft", {}, "NHSA", -0.981),
        ("modified_soft", {"alpha": 0.75}, "ADFHNS", -1.229),
        ("modified_soft", {"alpha": 0.75}, "NHSA", -0.801),
        ("class_prior", {}, "ADFHNS", -1.191),
        ("class_prior", {}, "NHSA", -0.750),
        ("dirichlet", {}, "ADFHNS", -1.188),
        ("dirichlet", {}, "NHSA", -0.747),
        ("dirichlet_mixture", {}, "ADFHNS", -1.152),
        ("dirichlet_mixture", {}, "NHSA", -0.720),
    ],
)
def test_left_out_votes_on_crema_d(crema_d, name, options, classes, score):
    training, test = crema_d
    encoder = get_encoder(name, list(classes), **options).fit(training)
    assert left_out_votes(encoder, test) == pytest.approx(score, abs=0.0006)
