"""CREMA-D: counts that are known of the release, its quirks, a training."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from crema_d_prepare import CREMA_D, LABELS
from releases import write_crema_d, write_csv

from softlabels.corpora import CorpusError, prepare
from softlabels.training.main import main

DATA = Path(os.environ.get("SOFTLABELS_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
SIX = sorted(LABELS.values())
KNOWN = {"A": 986, "D": 547, "F": 645, "H": 353, "N": 3897, "S": 370}
FOUR = ["neutral", "happy", "sad", "anger"]
SILENT = "1076_MTI_SAD_XX"
TABLE = "processedResults/tabulatedVotes.csv"
RESPONSES = ",localid,pos,ans,ttr,queryType,numTries,clipNum,questNum,clipName,sessionNums,respEmo"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """The release's votes and twelve clips; the others' audio is one file of noise."""
    source = DATA / "crema_d"
    if not source.is_dir():
        pytest.skip("no shared data")
    release = tmp_path_factory.mktemp("crema_d")
    (release / "AudioWAV").mkdir()
    table = (source / "tabulatedVotes.csv").read_bytes()
    (release / "tabulatedVotes.csv").write_bytes(table)
    noise = 0.01 * np.random.default_rng(0).standard_normal(1600)
    soundfile.write(release / "noise.wav", noise, 16000)
    for row in csv.DictReader(table.decode().splitlines()):
        wav = release / "AudioWAV" / f"{row['fileName']}.wav"
        clip = source / "AudioWAV" / wav.name
        if clip.is_file() and not wav.exists():
            wav.symlink_to(clip)
        elif not wav.exists():
            os.link(release / "noise.wav", wav)
    return release


def kinds(prepared):
    splits = [prepared.partition[name] for name in ("train", "valid", "test")]
    return (
        sum(sum(split["clear"].values()) for split in splits),
        *(sum(split[kind] for split in splits) for kind in ("ambiguous", "discarded")),
    )


@pytest.mark.parametrize(
    ("classes", "agreement", "counts"),
    [
        (SIX, "plurality", (6798, 644, 0)),
        (SIX, "majority", (5012, 2430, 0)),
        (FOUR, "plurality", (5606, 1790, 46)),
        (FOUR, "majority", (4307, 3089, 46)),
    ],
)
def test_voice_votes_give_the_known_partition(real, classes, agreement, counts):
    assert kinds(prepare(CREMA_D, real, classes=classes, agreement=agreement)) == counts


def test_plurality_of_voice_votes_and_their_numbers_are_the_known_ones(real):
    prepared = prepare(CREMA_D, real, classes=SIX)
    splits = [prepared.partition[split]["clear"] for split in ("train", "valid", "test")]
    clear = [sum(split[name] for split in splits) for name in SIX]
    assert dict(zip("ADFHNS", clear, strict=True)) == KNOWN
    votes = [len(entry["votes"]) for entry in prepared.all.values()]
    assert np.bincount(votes)[4:].tolist() == [2, 9, 57, 316, 1155, 2663, 2890, 346, 4]
    statistics = prepared.partition["votes"]
    assert (statistics["least"], statistics["most"]) == (4, 12)
    assert statistics["mean"] == pytest.approx(68_568 / 7442)
    intended = {"ANG": "anger", "DIS": "disgust", "FEA": "fear", "HAP": "happy", "NEU": "neutral"}
    hits = [
        entry["emotion"] == intended.get(entry["intended"], "sad")
        for entry in prepared.all.values()
    ]
    assert np.mean(hits) == pytest.approx(0.416, abs=5e-4)


@pytest.mark.parametrize(("mode", "votes"), [("voice", 68_568), ("face", 71_654), ("both", 71_778)])
def test_each_mode_has_its_known_number_of_votes(real, mode, votes):
    prepared = prepare(CREMA_D, real, mode=mode)
    assert sum(len(entry["votes"]) for entry in prepared.all.values()) == votes


@pytest.mark.parametrize(
    ("fold", "sizes"), [(1, (4509, 1470, 1463)), (4, (4409, 1557, 1476)), (5, (4422, 1463, 1557))]
)
def test_folds_have_the_known_sizes_and_no_actor_twice(real, fold, sizes):
    prepared = prepare(CREMA_D, real, test_fold=fold)
    assert tuple(map(len, (prepared.train, prepared.valid, prepared.test))) == sizes
    actors = [
        {entry["speaker"] for entry in part.values()}
        for part in (prepared.train, prepared.valid, prepared.test)
    ]
    assert len(set.union(*actors)) == sum(map(len, actors)) == 91
    assert prepared.partition["speaker_independent"] is True


def add_clip(release, clip, counts):
    with open(release / TABLE, "a") as file:
        for mode in (1, 2, 3):
            file.write(f"{mode}06174,{counts},{clip},9,0.5,N\n")


def silence(release, clip):
    soundfile.write(release / f"AudioWAV/{clip}.wav", np.zeros(1600), 16000)


@pytest.mark.parametrize("audio", [lambda *_: None, silence], ids=["no file", "silence"])
def test_the_clip_without_audio_is_left_out_by_name(tmp_path, audio):
    release = write_crema_d(tmp_path)
    add_clip(release, SILENT, "0,1,0,0,5,3")
    audio(release, SILENT)
    prepared = prepare(CREMA_D, release)
    assert SILENT not in prepared.all
    assert f"{SILENT} is left out: the release has no sound of it" in prepared.notes


def test_a_clip_that_is_there_as_mp3_only_is_read_from_it(tmp_path):
    release = write_crema_d(tmp_path)
    add_clip(release, "1064_IEO_DIS_MD", "0,9,0,0,0,0")
    (release / "AudioMP3").mkdir()
    samples = 0.1 * np.random.default_rng(0).standard_normal(22050)
    soundfile.write(release / "AudioMP3/1064_IEO_DIS_MD.mp3", samples, 44100)
    entry = prepare(CREMA_D, release).all["1064_IEO_DIS_MD"]
    assert entry["wav"] == f"{release}/AudioMP3/1064_IEO_DIS_MD.mp3"
    assert entry["duration"] == pytest.approx(0.5, abs=0.06)  # mp3 pads


def test_every_missing_wav_is_named_with_its_row(tmp_path):
    release = write_crema_d(tmp_path)
    for clip in ("1001_DFA_ANG_XX", "1055_DFA_SAD_XX"):
        (release / f"AudioWAV/{clip}.wav").unlink()
    with pytest.raises(CorpusError) as caught:
        prepare(CREMA_D, release)
    assert f"AudioWAV/1001_DFA_ANG_XX.wav: missing (annotated in {TABLE}:2)" in str(caught.value)
    assert "AudioWAV/1055_DFA_SAD_XX.wav: missing" in str(caught.value)


def write_responses(release, late=False):
    """Each clip's voice votes by rater, as tabulated; r0's first response came late."""
    with open(release / TABLE) as file:
        rows = [row for row in csv.DictReader(file) if row[""][0] == "1"]
    responses = []
    for number, row in enumerate(rows, start=1):
        letters = "".join(letter * int(row[letter]) for letter in LABELS)
        for rater, letter in enumerate(letters):
            cells = ("x", 500, 1, 0, number, number, f"{row['fileName']}.flv", rater, letter)
            responses.append((len(responses), f"r{rater}", 1, *cells))
    again = (len(responses), "r1", 1, "x", 500, 1, 0, 1, 99, rows[0]["fileName"], 1, "S")
    practice = (len(responses), "r1", 1, "x", 500, 1, 0, 7443, 98, "ANG_HI_practice", 1, "A")
    face = (len(responses), "r1", 1, "x", 500, 2, 0, 1, 97, rows[0]["fileName"], 1, "S")
    write_csv(release / "finishedResponses.csv", RESPONSES, [*responses, again, practice, face])
    if late:
        clicks = [(0, "r0", 0, 1, 1, 10_001), (1, "r1", 1, 1, 1, 10_000), (2, "r2", 2, 1, 1, "NA")]
        header = ",localid,sessionNums,queryType,questNum,ttr"
        write_csv(release / "finishedEmoResponses.csv", header, clicks)


def test_responses_tell_who_voted_and_their_difference_to_the_counts_is_noted(tmp_path):
    release = write_crema_d(tmp_path)
    counted = prepare(CREMA_D, release)
    assert counted.all["1001_DFA_ANG_XX"]["annotators"] == []
    write_responses(release)
    voted = prepare(CREMA_D, release)
    entry = voted.all["1001_DFA_ANG_XX"]
    assert entry["annotators"] == [f"r{rater}" for rater in range(10)]
    assert entry["votes"] == counted.all["1001_DFA_ANG_XX"]["votes"]
    assert {name: voted.partition[name] for name in voted.splits} == {
        name: counted.partition[name] for name in counted.splits
    }
    notes = "\n".join(voted.notes)
    same = "has 300 votes (voice) and is used; tabulatedVotes.csv has 300; they differ on 0 clips"
    assert same in notes
    assert "1 responses by a rater to the same clip again don't count" in notes
    assert "1 responses to practice clips don't count" in notes
    assert "no finishedEmoResponses.csv: responses that came after 10 s count too" in notes


def test_responses_after_ten_seconds_do_not_count_where_the_times_are_there(tmp_path):
    release = write_crema_d(tmp_path)
    write_responses(release, late=True)
    prepared = prepare(CREMA_D, release)
    assert prepared.all["1001_DFA_ANG_XX"]["annotators"] == [f"r{rater}" for rater in range(1, 10)]
    notes = "\n".join(prepared.notes)
    assert "1 responses after 10 s don't count" in notes
    assert (
        "has 299 votes (voice) and is used; tabulatedVotes.csv has 300; they differ on 1" in notes
    )


def test_actors_facts_and_the_clips_name_are_kept(tmp_path):
    entry = prepare(CREMA_D, write_crema_d(tmp_path)).all["1019_DFA_SAD_XX"]
    facts = [entry[key] for key in ("sex", "age", "sentence", "intended", "level", "group")]
    assert facts == ["F", "22", "DFA", "SAD", "XX", "1019"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "audio"}, "mode must be one of voice, face, both; got 'audio'"),
        ({"test_fold": 6}, "test_fold must be a whole number from 1 to 5; got 6"),
        ({"merge": {"joy": "happy"}}, "merge names 'joy'"),
    ],
)
def test_a_wrong_setting_is_named_with_those_that_are_allowed(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        prepare(CREMA_D, write_crema_d(tmp_path), **settings)


def test_a_training_ends_with_metrics_that_say_on_what(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # SpeechBrain sets one of its own
    yaml = Path(__file__).parents[2] / "recipes/CREMA-D/hparams/modified_soft.yaml"
    places = ["--data_folder", str(write_crema_d(tmp_path / "release"))]
    places += ["--output_folder", str(tmp_path / "run")]
    small = ["--number_of_epochs=1", "--frontend=mfcc", "--hidden_size=8", "--lstm_size=4"]
    main(CREMA_D, [str(yaml), *places, *small, "--test_fold=2", "--mode=face", "--noprogressbar"])
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["clear"]["n"] == 4
    assert metrics["speaker_independent"] is True
    votes = metrics["data"].pop("votes")
    assert metrics["data"] == {
        "corpus": "CREMA-D",
        "classes": FOUR,
        "merge": {},
        "agreement": "plurality",
        "held_out": "fold2",
    }
    assert (votes["mean"], votes["least"], votes["most"]) == (10, 10, 10)
    assert votes["alpha"] == pytest.approx(0.33, abs=0.01)
