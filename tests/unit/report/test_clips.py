"""Doubtful clips: which they are, and their audio."""

import base64
import io

import numpy as np
import pytest
import soundfile

from softlabels.report import players as module
from softlabels.report.clips import AGAINST, MODEL, VOTES, Clips, doubtful_csv, find_doubtful
from softlabels.report.doubtful import show_clips
from softlabels.report.players import make_players
from softlabels.votes import Ballots

CLASSES = ["happy", "sad"]


def clips(counts, predictions=None, labels=("happy", "sad", "other")):
    names = [f"u{n}" for n in range(len(counts))]
    predictions = None if predictions is None else np.array(predictions, dtype=float)
    return Clips(names, Ballots(counts, labels), CLASSES, [""] * len(counts), None, predictions)


def listed(found, name):
    return [f"u{each.place}" for each in found if name in each.lists]


def test_annotators_disagree_where_their_votes_are_spread_most():
    found = find_doubtful(clips([[3, 0, 0], [2, 1, 0], [1, 1, 1], [2, 2, 2], [0, 0, 0]]))
    # as spread as three votes, six come first; who agree, or don't vote, don't disagree
    assert listed(found, VOTES) == ["u3", "u2", "u1"]
    assert found[0].vote_entropy == pytest.approx(np.log(3))


def test_of_equally_spread_votes_those_far_from_the_model_come_first():
    found = find_doubtful(clips([[1, 1, 0], [1, 1, 0]], [[0.6, 0.4], [0.9, 0.1]]))
    assert listed(found, VOTES) == ["u1", "u0"]


def test_the_model_disagrees_by_js_to_the_share_of_class_votes():
    predictions = [[0.5, 0.5], [0.2, 0.8], [0.5, 0.5], [0.1, 0.9]]
    found = find_doubtful(clips([[1, 1, 0], [3, 0, 0], [0, 0, 3], [0, 3, 0]], predictions))
    assert listed(found, MODEL) == ["u1", "u3"]  # u2 has no vote for a class
    middle = np.array([0.6, 0.4])
    js = (np.log(1 / 0.6) + (np.array([0.2, 0.8]) * np.log([0.2, 0.8] / middle)).sum()) / 2
    assert next(each for each in found if each.place == 1).distance == pytest.approx(js)


def test_the_model_is_sure_against_all_where_nobody_voted_for_its_class():
    predictions = [[0.1, 0.9], [0.1, 0.9], [0.3, 0.7], [0.1, 0.9]]
    found = find_doubtful(clips([[3, 0, 0], [2, 1, 0], [0, 0, 3], [0, 0, 0]], predictions))
    assert listed(found, AGAINST) == ["u0", "u2"]
    unsure = Clips(
        ["u"], Ballots([[0, 0, 3]], list("abc")), list("abc"), [""], None, np.full((1, 3), 1 / 3)
    )
    assert listed(find_doubtful(unsure), AGAINST) == []


def test_a_list_has_so_many_clips_at_most_and_a_clip_stands_once():
    found = find_doubtful(clips([[1, 1, 1]] * 50, [[0.9, 0.1]] * 50), most=20)
    assert len(found) == len({each.place for each in found}) == 20


def test_the_csv_has_what_the_page_shows():
    shown = clips([[2, 0, 1]], [[0.25, 0.75]])
    head, row = doubtful_csv(shown, find_doubtful(shown)).splitlines()
    assert dict(zip(head.split(","), row.split(","), strict=True)) == {
        "item": "u0",
        "lists": "annotators disagree; model disagrees; model sure against all",
        "votes_happy": "2",
        "votes_sad": "0",
        "votes_other": "1",
        "p_happy": "0.25",
        "p_sad": "0.75",
        "predicted": "sad",
        "vote_entropy": "0.636514",
        "distance": "0.380396",
        "wav": "",
    }


def test_a_clip_without_a_target_shows_none():
    one = Clips(["u"], Ballots([[1, 1]], CLASSES), CLASSES, [""], np.full((1, 2), np.nan))
    (row,) = show_clips(one, "", "hard", "none")["rows"]
    assert [[cell["text"] for cell in line["cells"]] for line in row["lines"]] == [
        ["1", "none"]
    ] * 2


def write(folder, name, seconds, rate=8000):
    file = folder / name
    soundfile.write(file, 0.1 * np.random.default_rng(1).standard_normal(int(seconds * rate)), rate)
    return str(file)


def test_embedded_audio_is_16_khz_mono_and_cut(tmp_path):
    long = write(tmp_path, "long.wav", 16)
    players = make_players([long], "embed")
    data = base64.b64decode(players.sources[long].partition(",")[2])
    info = soundfile.info(io.BytesIO(data))
    assert (info.samplerate, info.channels, info.subtype, info.frames) == (
        16000,
        1,
        "PCM_16",
        15 * 16000,
    )
    assert "1 of them cut to 15 s" in players.note


def test_beyond_the_pages_limit_clips_are_linked(tmp_path, monkeypatch):
    files = [write(tmp_path, f"{n}.wav", 0.5) for n in range(3)]
    size = len(make_players(files[:1], "embed").sources[files[0]])
    monkeypatch.setattr(module, "LARGEST", 2 * size)
    players = make_players([*files, files[0]], "embed")
    kinds = [players.sources[file].partition(":")[0] for file in files]
    assert kinds == ["data", "data", "file"]
    assert "1 clips, beyond" in players.note


def test_missing_audio_is_named_and_an_unknown_kind_of_player_an_error(tmp_path):
    players = make_players([str(tmp_path / "gone.wav"), str(tmp_path / "two.wav")], "embed")
    assert not players.sources
    assert "gone.wav: can't be read as audio" in players.note
    assert "and 1 more" in players.note
    assert not make_players(["a.wav"], "none").sources
    with pytest.raises(ValueError, match="one of embed, link, none; got 'loud'"):
        make_players([], "loud")
