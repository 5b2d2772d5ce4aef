"""The built-in corpus: its layout, its votes, its voice, its place in the cache."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from softlabels.cache import cache_folder
from softlabels.corpora.simulated import corpus as simulate
from softlabels.corpora.simulated.corpus import NOTICE, cached_corpus, is_simulated, simulate_corpus
from softlabels.corpora.simulated.latent import LABELS, TARGETS, draw_prosody, draw_truth, draw_vote
from softlabels.corpora.simulated.voice import SAMPLE_RATE, Prosody, Speaker, synthesise
from softlabels.votes import Ballots

ENTRY = re.compile(r"^\[(\d+\.\d{4}) - (\d+\.\d{4})\]\t(\S+)\t([a-z]{3})\t\[(\d\.\d{4}(, )?){3}\]$")
RATING = re.compile(r"^C-(E[234]|[FM]1):\t((?:[A-Z][a-z]+; ?)+)\t\(\)$")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return simulate_corpus(tmp_path_factory.mktemp("small"), utterances=80, progressbar=False)


@pytest.fixture
def mute(monkeypatch):
    """Votes are drawn before the voice speaks, so a mute corpus has the same ones."""
    monkeypatch.setattr(simulate, "synthesise", lambda *_: np.zeros(160))


def read_release(folder):
    """Utterance → annotators' votes and own ratings, by the issue's description."""
    votes, own, name = {}, {}, None
    for file in sorted(folder.glob("Session?/dialog/EmoEvaluation/*.txt")):
        for line in file.read_text().splitlines():
            if line.startswith("["):
                name = ENTRY.match(line)[3]
                assert name.startswith(file.stem)
                assert name not in votes
                votes[name], own[name] = [], []
            elif line.startswith("C-"):
                rater, labels = RATING.match(line).groups()
                assert rater[0] == "E" or rater[0] == name[-4]
                (votes if rater[0] == "E" else own)[name].append(labels.strip(" ;").split("; "))
    return votes, own


def parts(votes):
    """Utterances' partition and dominant label ('' where there is none)."""
    ballots = Ballots.from_votes(votes.values(), LABELS)
    names = np.array([*ballots.labels, ""])
    return ballots.partition(TARGETS), names[ballots.dominant()]


def contents(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_the_layout_is_iemocaps(corpus):
    votes, own = read_release(corpus)
    assert len(votes) == 80
    assert all(len(annotators) == 3 for annotators in votes.values())
    assert {label for three in votes.values() for one in three for label in one} <= set(LABELS)
    assert 0 < sum(map(bool, own.values())) < 80
    assert {(name[:5], name[-4]) for name in votes} == {
        (f"Ses0{session}", sex) for session in range(1, 6) for sex in "FM"
    }
    wavs = {f"Session{int(name[3:5])}/sentences/wav/{name[:-5]}/{name}.wav": name for name in votes}
    found = {file.relative_to(corpus).as_posix() for file in corpus.rglob("*.wav")}
    assert found == set(wavs)


def test_audio_is_16_khz_mono_16_bit_and_500_utterances_stay_under_30_mb(corpus):
    files = sorted(corpus.rglob("*.wav"))
    for file in files:
        rate, samples = wavfile.read(file)
        assert (rate, samples.dtype, samples.ndim) == (16000, np.int16, 1)
        assert 0.8 <= len(samples) / rate <= 3.0
        assert 300 < abs(samples.astype(int)).max() < 32767
    blocks = [-(-file.stat().st_size // 4096) * 4096 for file in files]
    assert 500 * np.mean(blocks) < 29e6


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path):
    first, again, other = (
        contents(simulate_corpus(tmp_path / name, seed, utterances=40, progressbar=False))
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )
    assert first == again
    sounds = [
        {data for name, data in made.items() if name.endswith("wav")} for made in (first, other)
    ]
    assert not sounds[0] & sounds[1]


def test_truth_is_a_distribution_and_annotators_vote_by_it(corpus):
    with open(corpus / "truth.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["utterance", *(label.lower() for label in LABELS)]
    votes, _ = read_release(corpus)
    assert sorted(row["utterance"] for row in rows) == sorted(votes)
    for row in rows:
        shares = {label: float(row[label.lower()]) for label in LABELS}
        assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)
        assert min(shares.values()) >= 0
        given = {label for one in votes[row["utterance"]] for label in one}
        assert all(shares[label] > 0 for label in given)


def test_votes_have_the_truths_frequencies():
    generator = np.random.default_rng(0)
    truth = draw_truth("spread", generator)
    votes = [draw_vote(truth, generator) for _ in range(8000)]
    single = [vote[0] for vote in votes if len(vote) == 1]
    shares = [single.count(label) / len(single) for label in LABELS]
    np.testing.assert_allclose(shares, truth, atol=0.02)
    assert 0.03 < np.mean([len(vote) == 2 for vote in votes]) < 0.05


@pytest.mark.usefixtures("mute")
def test_about_half_is_clear_most_of_the_rest_ambiguous_and_neutral_the_commonest(tmp_path):
    partition, dominant = [], []
    for seed in range(3):
        folder = simulate_corpus(tmp_path / str(seed), seed, progressbar=False)
        one, labels = parts(read_release(folder)[0])
        assert 0.42 < np.mean(one == "clear") < 0.55
        partition.extend(one)
        dominant.extend(labels[one == "clear"])
    shares = {part: partition.count(part) / len(partition) for part in set(partition)}
    assert 0.44 < shares["clear"] < 0.52
    assert 0.33 < shares["ambiguous"] < 0.42
    assert 0.09 < shares["discarded"] < 0.16
    amounts = {label: dominant.count(label) for label in TARGETS}
    assert max(amounts, key=amounts.get) == "Neutral"
    assert min(amounts.values()) > 0.1 * len(dominant)


@pytest.mark.usefixtures("mute")
@pytest.mark.parametrize(("utterances", "who"), [(40, 5), (50, 5), (80, 10)])
def test_small_corpora_have_every_class_clear_in_every_session_or_speaker(
    tmp_path, utterances, who
):
    for seed in range(5):
        folder = simulate_corpus(tmp_path / str(seed), seed, utterances, progressbar=False)
        votes, _ = read_release(folder)
        partition, dominant = parts(votes)
        clear = {
            (name[:5] + (name[-4] if who == 10 else ""), label)
            for name, part, label in zip(votes, partition, dominant, strict=True)
            if part == "clear"
        }
        assert len(clear) == who * 4
        assert "ambiguous" in partition


@pytest.mark.parametrize(("pitch", "sex"), [(200.0, 1.16), (115.0, 1.0)])
def test_the_voice_has_the_pitch_that_was_asked_for(pitch, sex):
    for semitones in (-2.0, 0.0, 5.0):
        prosody = Prosody(pitch=semitones, range=0.0, breathiness=-30.0)
        generator = np.random.default_rng(1)
        samples = synthesise(Speaker(pitch, tract=sex), prosody, 1.5, generator)
        expected = SAMPLE_RATE / (pitch * 2 ** (semitones / 12))
        lags = np.arange(int(0.7 * expected), int(1.4 * expected))
        correlation = [np.dot(samples[lag:], samples[:-lag]) for lag in lags]
        assert lags[np.argmax(correlation)] == pytest.approx(expected, rel=0.03)


def test_the_voice_follows_loudness_tilt_breathiness_and_tempo():
    def say(**settings):
        generator = np.random.default_rng(2)
        return synthesise(Speaker(115.0), Prosody(**settings), 1.5, generator)

    def high_share(samples):
        power = np.abs(np.fft.rfft(samples)) ** 2
        return power[len(power) // 4 :].sum() / power.sum()  # above 2 kHz

    assert 20 * np.log10(say(loudness=6.0).std() / say().std()) == pytest.approx(6.0, abs=0.3)
    assert high_share(say(tilt=0.0)) > 2.0 * high_share(say(tilt=13.0))
    assert high_share(say(breathiness=-10.0)) > high_share(say(breathiness=-30.0))
    assert abs(say(loudness=40.0)).max() <= 0.98


def test_prosody_is_the_expected_value_under_the_truth():
    pure = np.eye(len(LABELS))
    mixed = 0.5 * pure[0] + 0.3 * pure[3] + 0.2 * pure[4]
    pitches = [
        draw_prosody(truth, np.random.default_rng(0)).pitch
        for truth in (pure[0], pure[3], pure[4], mixed)
    ]
    assert pitches[3] == pytest.approx(np.dot([0.5, 0.3, 0.2], pitches[:3]))


def test_it_says_that_it_is_simulated(corpus, tmp_path):
    assert is_simulated(corpus)
    assert not is_simulated(tmp_path)
    assert (corpus / "README.txt").read_text().startswith(NOTICE)
    made_by = json.loads((corpus / "simulated.json").read_text())
    assert made_by == {"notice": NOTICE, "version": simulate.VERSION, "seed": 0, "utterances": 80}


@pytest.mark.parametrize(
    "wrong",
    [{"utterances": 30}, {"utterances": 45}, {"utterances": 50.0}, {"seed": -1}, {"seed": True}],
)
def test_wrong_arguments_are_named_and_nothing_is_written(tmp_path, wrong):
    (name, value), *_ = wrong.items()
    for make in (simulate_corpus, cached_corpus):
        with pytest.raises(ValueError, match=f"{name} must .* got {value}"):
            make(tmp_path / "new", **wrong)
    assert not any(tmp_path.iterdir())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(FileExistsError, match="not empty"):
        simulate_corpus(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.usefixtures("mute")
def test_the_cache_makes_a_corpus_once(tmp_path, monkeypatch):
    monkeypatch.setenv("SOFTLABELS_CACHE", str(tmp_path))
    folder = cached_corpus(utterances=40, progressbar=False)
    assert folder.parent == tmp_path
    assert is_simulated(folder)
    monkeypatch.setattr(simulate, "simulate_corpus", None)  # would fail if called
    assert cached_corpus(utterances=40, progressbar=False) == folder
    with pytest.raises(TypeError):
        cached_corpus(utterances=40, seed=1, progressbar=False)


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_making_that_was_cut_short_leaves_nothing_in_the_cache(tmp_path, monkeypatch, error):
    calls = []

    def speak(*_):
        calls.append(1)
        if len(calls) == 25:
            raise error
        return np.zeros(160)

    monkeypatch.setattr(simulate, "synthesise", speak)
    with pytest.raises(error):
        cached_corpus(tmp_path, utterances=40, progressbar=False)
    assert not any(tmp_path.iterdir())
    assert is_simulated(cached_corpus(tmp_path, utterances=40, progressbar=False))


def test_a_place_that_is_a_file_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=r"isn't a folder.*SOFTLABELS_CACHE.*/file"):
            cached_corpus(place, progressbar=False)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"SOFTLABELS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"SOFTLABELS_CACHE": "~/a"}, "/home/ada/a"),
        ({"SOFTLABELS_CACHE": "", "XDG_CACHE_HOME": "/b"}, "/b/softlabels"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache/softlabels"),
        ({}, "/home/ada/.cache/softlabels"),
    ],
)
def test_the_environment_tells_where_the_cache_is(variables, folder):
    assert cache_folder({"HOME": "/home/ada", **variables}) == Path(folder)
