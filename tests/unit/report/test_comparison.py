"""Differences between encoders: right about chance, wherever it comes from."""

import numpy as np
import pytest
from scipy import stats

from softlabels.report.comparison import compare, missing_evidence

DRAWS = 400


def drawn(random, *, planted=0.0, training_sd=0.0, sessions=5, seeds=3, utterances=300):
    """Two systems that are right at 65 % of utterances, drawn independently."""
    classes = random.integers(0, 4, utterances)
    session = np.arange(utterances) % sessions
    gain, trainings = [], []
    for seed in range(seeds):
        first, second = random.normal(0, training_sd, (2, sessions))[:, session]
        a = random.random(utterances) < 0.65 + first
        b = random.random(utterances) < 0.65 + planted + second
        gain.append(b * 1.0 - a * 1.0)
        trainings.append(session * seeds + seed)
    units = np.tile(np.arange(utterances), seeds)
    return compare(np.hstack(gain), np.tile(classes, seeds), units, np.hstack(trainings))


def test_a_system_compared_with_itself_gives_p_1():
    found = compare(np.zeros(60), np.arange(60) % 3, np.arange(60), np.zeros(60))
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


@pytest.mark.parametrize("training_sd", [0.0, 0.04])
def test_two_systems_of_equal_skill_give_p_values_spread_evenly(training_sd):
    random = np.random.default_rng(1)
    p = [drawn(random, training_sd=training_sd).p for _ in range(DRAWS)]
    # within 0.08 of the diagonal everywhere; chance alone reaches 0.068 at 5 %
    assert stats.kstest(p, "uniform").statistic < 0.08
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.035)


@pytest.mark.parametrize("training_sd", [0.0, 0.04])
@pytest.mark.parametrize("planted", [0.0, 0.1])
def test_intervals_cover_the_true_difference_at_their_nominal_rate(planted, training_sd):
    random = np.random.default_rng(2)
    found = [drawn(random, planted=planted, training_sd=training_sd) for _ in range(DRAWS)]
    covered = np.mean([each.low <= planted <= each.high for each in found])
    assert covered == pytest.approx(0.95, abs=0.035)


def test_a_planted_difference_is_found():
    random = np.random.default_rng(3)
    found = [drawn(random, planted=0.12).p < 0.05 for _ in range(100)]
    assert np.mean(found) > 0.95


def test_luck_in_training_alone_is_not_taken_for_skill():
    # one seed's training was lucky on every utterance; utterances alone would call it certain
    random = np.random.default_rng(4)
    p = [
        drawn(random, training_sd=0.06, sessions=1, seeds=5, utterances=2000).p for _ in range(200)
    ]
    assert np.mean(np.array(p) < 0.05) < 0.12


def test_one_class_and_one_training_is_the_paired_t_test():
    gain = np.random.default_rng(5).integers(-1, 2, 50).astype(float)
    found = compare(gain, [""] * 50, np.arange(50), np.zeros(50))
    wanted = stats.ttest_1samp(gain, 0)
    assert found.value == pytest.approx(gain.mean())
    assert found.p == pytest.approx(wanted.pvalue)
    interval = wanted.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_with_true_classes_the_value_is_the_difference_in_ua():
    # class a gains 1 of 2, class b 0 of 1
    found = compare([1, 0, 0], ["a", "a", "b"], [1, 2, 3], [1, 1, 1])
    assert found.value == pytest.approx(0.25)


def test_one_unit_cannot_be_compared():
    with pytest.raises(ValueError, match="at least two units"):
        compare([1, 0], ["a", "a"], [1, 1], [1, 2])


def test_p_and_interval_are_corrected_by_bonferroni():
    gain = np.random.default_rng(6).normal(0.3, 1, 50)
    alone, of_five = (compare(gain, [""] * 50, np.arange(50), np.zeros(50), n) for n in (1, 5))
    assert of_five.p == pytest.approx(min(5 * alone.p, 1))
    interval = stats.ttest_1samp(gain, 0).confidence_interval(0.99)
    assert (of_five.low, of_five.high) == pytest.approx((interval.low, interval.high))


@pytest.mark.parametrize("comparisons", [1, 3, 10])
def test_p_is_below_5_percent_exactly_where_the_interval_excludes_0(comparisons):
    random = np.random.default_rng(7)
    verdicts = []
    for shift in np.linspace(0, 0.8, 40):
        gain = random.normal(shift, 1, 40)
        found = compare(gain, [""] * 40, np.arange(40), np.arange(40) % 4, comparisons)
        verdicts.append(found.p < 0.05)
        assert (found.low > 0 or found.high < 0) == verdicts[-1]
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize(
    ("trainings", "utterances", "enough"),
    [(1, 900, False), (2, 900, False), (3, 19, False), (3, 20, True)],
)
def test_evidence_is_three_trainings_and_twenty_utterances(trainings, utterances, enough):
    assert (missing_evidence(trainings, utterances) is None) == enough
