"""Preparation: what the manifest keeps, what is derived from it, what is refused."""

from __future__ import annotations

import json
import logging
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from iemocap_prepare import parse_annotations, prepare_iemocap

from softlabels.corpora import CorpusError, partition_table

NEUTRAL = [["Neutral"], ["Neutral"], ["Neutral"]]
HAPPY = [["Happiness"], ["Happiness"], ["Other"]]
SAD = [["Sadness"], ["Sadness"], ["Sadness"]]
ANGRY = [["Anger"], ["Anger"], ["Frustration"]]
FOUR = (NEUTRAL, HAPPY, SAD, ANGRY)
SUBSETS = ("train_clear", "train_ambiguous", "valid", "test", "test_ambiguous")
DATA = Path(os.environ.get("SOFTLABELS_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture
def save(tmp_path):
    return tmp_path / "save"


def load(save, name):
    """A file's content; of a split and a partition, as in train_clear, its utterances."""
    file, _, kind = name.partition("_")
    content = json.loads((save / f"{file}.json").read_text())
    if file not in ("valid", "test") and not kind:
        return content
    return {key: each for key, each in content.items() if each["partition"] == (kind or "clear")}


def annotations(release, session=1, dialog="Ses01F_impro01"):
    return release / f"Session{session}" / "dialog" / "EmoEvaluation" / f"{dialog}.txt"


def wav(release, utterance):
    dialog = utterance.rpartition("_")[0]
    return release / f"Session{utterance[4]}" / "sentences" / "wav" / dialog / f"{utterance}.wav"


def append(path, text):
    path.write_text(path.read_text() + text)


def problems(release, save):
    with pytest.raises(CorpusError) as caught:
        prepare_iemocap(release, save)
    assert not save.exists()
    return str(caught.value)


def with_four_in_each_session(votes):
    """Clear utterances of each class in each session, so that every class occurs."""
    fill = {
        f"Ses0{session}M_script09_M{number:03d}": each
        for session in range(1, 6)
        for number, each in enumerate(FOUR)
    }
    return fill | votes


# What the manifest keeps


def test_manifest_holds_what_the_annotators_wrote(tiny_release, save):
    votes = [["Frustration", "Anger", "Anger"], [], ["Excited"]]
    votes = with_four_in_each_session({"Ses01F_impro05a_M007": votes})
    release = tiny_release(votes, own={"Ses01F_impro05a_M007": ["Fear"]})
    prepare_iemocap(release, save)
    entry = load(save, "manifest")["Ses01F_impro05a_M007"]
    assert entry == {
        "wav": "{data_root}/Session1/sentences/wav/Ses01F_impro05a/Ses01F_impro05a_M007.wav",
        "duration": 0.1,
        "frames": 1600,
        "samples": 1600,
        "sample_rate": 16000,
        "channels": 1,
        "silent": False,
        "head_crc32": zlib.crc32(wav(release, "Ses01F_impro05a_M007").read_bytes()[:4096]),
        "group": "Session1",
        "session": 1,
        "dialog": "Ses01F_impro05a",
        "speaker": "Ses01M",
        "sex": "M",
        "annotators": ["C-E2", "C-E3", "C-E4"],
        "votes": [["Frustration", "Anger", "Anger"], [], ["Excited"]],
        "own_annotators": ["C-M1"],
        "own_votes": [["Fear"]],
    }


def test_speaker_is_told_by_the_letter_before_the_last_digits(tiny_release, save):
    names = ["Ses05M_script01_1b_F042", "Ses05M_impro05a_M003", "Ses05F_script03_2_MXX7"]
    prepare_iemocap(tiny_release(with_four_in_each_session(dict.fromkeys(names, SAD))), save)
    manifest = load(save, "manifest")
    assert [manifest[name]["speaker"] for name in names] == ["Ses05F", "Ses05M", "Ses05M"]
    assert [manifest[name]["dialog"] for name in names] == [name[:-5] for name in names]


def test_only_entries_and_categorical_ratings_must_parse(tiny_release, save):
    release = tiny_release()
    before = prepare_iemocap(release, save)
    append(
        annotations(release),
        "A-E3:\tval ; act 2\nA-M1\nremark\n% [x]\n\r\n \nC-F1:\t;\t()\nC-M1:\t\nC-F2:\r\n",
    )
    after = prepare_iemocap(release, save)
    before["settings"].pop("manifest"), after["settings"].pop("manifest")
    assert after == before
    assert load(save, "manifest")["Ses01F_impro01_F010"]["own_votes"] == [[], [], []]


def test_a_rating_without_comment_or_last_semicolon_parses(tiny_release, save):
    release = tiny_release()
    append(annotations(release), "C-E7:\tAnger; Sadness\nC-E8:\tFear; \t(Anger; (odd) [x] C-E2:\n")
    prepare_iemocap(release, save)
    entry = load(save, "manifest")["Ses01F_impro01_F010"]
    assert entry["votes"][-2:] == [["Anger", "Sadness"], ["Fear"]]


def test_two_lines_of_one_annotator_are_one_vote(tiny_release, save):
    release = tiny_release()
    append(annotations(release), "C-E2:\tAnger;\t()\n")
    prepare_iemocap(release, save)
    entry = load(save, "manifest")["Ses01F_impro01_F010"]
    assert entry["annotators"] == ["C-E2", "C-E3", "C-E4"]
    assert entry["votes"][0] == ["Frustration", "Anger"]


def test_files_that_are_no_annotations_are_ignored(tiny_release, save):
    release = tiny_release()
    before = prepare_iemocap(release, save)
    folder = annotations(release).parent
    (folder / "._Ses01F_impro01.txt").write_bytes(b"\x00\x05\x16[ C-E2")
    for name in ("Categorical", "Attribute", "Self-evaluation"):
        (folder / name).mkdir()
        (folder / name / "Ses01F_impro01_e2_cat.txt").write_text("[not an entry\nC-E2 neither\n")
    (release / "truth.csv").write_text("utterance\n")
    wav(release, "Ses01F_impro01_F000").with_name("._Ses01F_impro01_F000.wav").write_bytes(b"\x05")
    assert prepare_iemocap(release, save) == before


def test_files_that_are_slow_to_open_are_opened_in_threads_to_the_same_result(
    everyday_release, save, tmp_path, monkeypatch
):
    prepare_iemocap(everyday_release, save)
    monkeypatch.setenv("SOFTLABELS_CACHE", str(tmp_path / "cache"))  # or nothing is read again
    monkeypatch.setattr("softlabels.corpora.headers.AT_ONCE", 0)
    monkeypatch.setattr("softlabels.corpora.headers.CHUNK", 2)
    prepare_iemocap(everyday_release, tmp_path / "threads")
    for file in sorted(save.iterdir()):
        assert (tmp_path / "threads" / file.name).read_bytes() == file.read_bytes()


def test_a_wav_without_annotation_is_left_out_and_noted(tiny_release, save, caplog):
    release = tiny_release()
    wav(release, "Ses01F_impro01_F999").write_bytes(b"no matter what")
    with caplog.at_level(logging.INFO):
        prepare_iemocap(release, save)
    assert "1 wav files have no annotation" in caplog.text
    assert "Ses01F_impro01_F999" not in load(save, "manifest")


def test_an_annotation_file_that_is_none_is_named(tiny_release, save):
    release = tiny_release()
    folder = release / "Session2/dialog/EmoEvaluation"
    (folder / "Ses02F_impro09.txt").symlink_to("nowhere")
    with pytest.raises(CorpusError, match=r"Ses02F_impro09\.txt is no file, or a broken link"):
        prepare_iemocap(release, save)


def test_sessions_that_iemocap_lacks_are_left_out_and_noted(tiny_release, save, caplog):
    release = tiny_release()
    (release / "Session6").mkdir()
    prepare_iemocap(release, save)
    assert "Session6 left out" in caplog.text


def test_other_rates_and_channels_are_noted_once_and_durations_are_right(
    tiny_release, save, caplog
):
    release = tiny_release()
    soundfile.write(wav(release, "Ses01F_impro01_F000"), np.zeros((4410, 2)), 44100)
    soundfile.write(wav(release, "Ses01F_impro01_F001"), np.zeros(801), 8000, subtype="FLOAT")
    with caplog.at_level(logging.WARNING):
        prepare_iemocap(release, save)
    note, silent = [record.getMessage() for record in caplog.records]
    assert "2 wav files aren't 16000 Hz mono" in note
    names = "Ses01F_impro01_F000, Ses01F_impro01_F001"
    assert silent == f"2 wav files hold zeros only: {names}"
    assert "8000 Hz" in note
    assert "44100 Hz with 2 channels" in note
    manifest = load(save, "manifest")
    stereo, slow = (manifest[f"Ses01F_impro01_F00{number}"] for number in (0, 1))
    assert (stereo["duration"], stereo["samples"], stereo["channels"]) == (0.1, 1600, 2)
    assert (slow["duration"], slow["samples"], slow["sample_rate"]) == (801 / 8000, 1602, 8000)


def test_an_annotation_file_without_ratings_and_a_wav_of_one_sample_are_noted(
    tiny_release, save, caplog
):
    release = tiny_release(
        with_four_in_each_session({"Ses01F_impro01_F000": [], "Ses01F_impro01_F001": []})
    )
    soundfile.write(wav(release, "Ses01F_impro01_F001"), np.full(1, 0.5), 16000)
    prepare_iemocap(release, save)
    file = "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    assert f"{file} holds no ratings: its utterances are discarded" in caplog.text
    assert "1 wav file holds a single sample: Ses01F_impro01_F001" in caplog.text


# What is derived from it


def test_subsets_are_what_their_names_say(everyday_release, save):
    partition = prepare_iemocap(everyday_release, save, test_session=2)
    assert partition == load(save, "partition")
    subsets = {name: load(save, name) for name in SUBSETS}
    sessions = {name: {each["session"] for each in subsets[name].values()} for name in SUBSETS}
    assert sessions["test"] == sessions["test_ambiguous"] == {2}
    assert sessions["train_clear"] == sessions["train_ambiguous"] == {1, 3, 4, 5}
    kinds = {name: {each["partition"] for each in subsets[name].values()} for name in SUBSETS}
    for name in SUBSETS:
        assert kinds[name] == {"ambiguous" if name.endswith("ambiguous") else "clear"}
    found = {each["emotion"] for each in subsets["train_ambiguous"].values()}
    assert found == {"Frustration", ""}
    names = [name for subset in subsets.values() for name in subset]
    assert len(names) == len(set(names)) == 110 - 10  # a discarded one of each speaker
    for split, clear in (("train", "train_clear"), ("valid", "valid"), ("test", "test")):
        assert sum(partition[split]["clear"].values()) == len(subsets[clear])
    assert partition["train"]["ambiguous"] == len(subsets["train_ambiguous"]) == 16
    assert (partition["train"]["discarded"], partition["test"]["discarded"]) == (8, 2)


@pytest.mark.parametrize("session", [1, 2, 3, 4, 5])
def test_no_test_speaker_is_in_any_other_subset(everyday_release, save, session):
    prepare_iemocap(everyday_release, save, test_session=session)
    speakers = {name: {each["speaker"] for each in load(save, name).values()} for name in SUBSETS}
    test = speakers["test"] | speakers["test_ambiguous"]
    assert test == {f"Ses0{session}F", f"Ses0{session}M"}
    assert not test & (speakers["train_clear"] | speakers["train_ambiguous"] | speakers["valid"])


def test_utterances_nobody_voted_on_are_discarded(tiny_release, save):
    release = tiny_release(
        with_four_in_each_session({"Ses01F_impro01_F000": [], "Ses01F_impro01_F001": [[], [], []]}),
        own={"Ses01F_impro01_F000": ["Anger"]},
    )
    assert prepare_iemocap(release, save)["test"]["discarded"] == 2


def test_validation_is_stratified_and_chosen_by_the_seed_alone(tiny_release, save, tmp_path):
    release = tiny_release(per_class=5)
    partition = prepare_iemocap(release, save)
    assert set(partition["valid"]["clear"].values()) == {4}  # of 40 training utterances each
    chosen = list(load(save, "valid"))
    reordered = ["Anger", "Neutral", "Sadness", "Happiness"]
    prepare_iemocap(release, tmp_path / "again", classes=reordered)
    assert sorted(load(tmp_path / "again", "valid")) == chosen
    prepare_iemocap(release, save, seed=1)
    assert list(load(save, "valid")) != chosen


def test_validation_takes_one_of_a_rare_class_but_never_its_only_one(tiny_release, save):
    votes = with_four_in_each_session({})
    rare = {f"Ses0{session}M_script09_M{3:03d}": ANGRY for session in (2, 3)}
    votes = {name: each for name, each in votes.items() if each is not ANGRY} | rare
    assert prepare_iemocap(tiny_release(votes), save)["valid"]["clear"]["Anger"] == 1
    partition = prepare_iemocap(tiny_release(votes), save, test_session=2)
    assert partition["train"]["clear"]["Anger"] == 1
    assert partition["valid"]["clear"]["Anger"] == 0


def test_a_validation_session_brings_its_own_speakers(everyday_release, save):
    partition = prepare_iemocap(everyday_release, save, valid_session=3, valid_fraction=0)
    assert partition["valid"]["clear"] == dict.fromkeys(partition["settings"]["classes"], 4)
    assert (partition["valid"]["ambiguous"], partition["valid"]["discarded"]) == (4, 2)
    assert {each["session"] for each in load(save, "valid").values()} == {3}
    for name in ("train_clear", "train_ambiguous"):
        assert {each["session"] for each in load(save, name).values()} == {2, 4, 5}


def test_excited_is_other_unless_merged(tiny_release, save):
    votes = {"Ses01F_impro01_F000": [["Excited"], ["Excited", "Happiness"], ["Neutral"]]}
    release = tiny_release(with_four_in_each_session(votes))
    assert prepare_iemocap(release, save)["test"]["ambiguous"] == 1
    partition = prepare_iemocap(release, save, merge={"Excited": "Happiness"})
    assert partition["test"]["clear"]["Happiness"] == 2
    assert partition["settings"]["merge"] == {"Excited": "Happiness"}
    merged = load(save, "test")["Ses01F_impro01_F000"]
    assert merged["votes"] == [["Happiness"], ["Happiness", "Happiness"], ["Neutral"]]
    assert load(save, "manifest")["Ses01F_impro01_F000"]["votes"][0] == ["Excited"]


def test_own_ratings_vote_only_if_asked_for(tiny_release, save):
    votes = with_four_in_each_session({"Ses01F_impro01_F000": [["Anger"], ["Fear"], ["Other"]]})
    release = tiny_release(votes, own={"Ses01F_impro01_F000": ["Anger"]})
    assert prepare_iemocap(release, save)["test"]["clear"]["Anger"] == 1
    assert load(save, "test_ambiguous")["Ses01F_impro01_F000"]["annotators"] == [
        "C-E2",
        "C-E3",
        "C-E4",
    ]
    assert prepare_iemocap(release, save, own_ratings=True)["test"]["clear"]["Anger"] == 2
    assert load(save, "test")["Ses01F_impro01_F000"]["votes"][-1] == ["Anger"]


def test_agreement_decides_who_is_clear(tiny_release, save):
    release = tiny_release(with_four_in_each_session({}))
    partition = prepare_iemocap(release, save)
    assert partition["test"]["clear"] == {"Neutral": 1, "Happiness": 1, "Sadness": 1, "Anger": 1}
    partition = prepare_iemocap(release, save, agreement=3)
    assert partition["test"] == {
        "clear": {"Neutral": 1, "Happiness": 0, "Sadness": 1, "Anger": 0},
        "ambiguous": 2,
        "discarded": 0,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ["Anger", "Neutral", "Happiness", "Sadness"]},
        {"classes": ["Neutral", "Happiness"]},
        {"merge": {"Excited": "Happiness"}},
        {"agreement": 3},
        {"own_ratings": True},
        {"test_session": 2},
        {"valid_fraction": 0.5},
        {"valid_session": 4},
        {"seed": 2},
    ],
    ids=str,
)
def test_another_setting_derives_the_subsets_anew_as_in_a_fresh_folder(
    everyday_release, save, tmp_path, change
):
    prepare_iemocap(everyday_release, save)
    before = contents(save)
    prepare_iemocap(everyday_release, save, **change)
    prepare_iemocap(everyday_release, tmp_path / "fresh", **change)
    assert contents(save) == contents(tmp_path / "fresh")
    assert contents(save)["partition.json"] != before["partition.json"]
    assert contents(save)["manifest.json"] == before["manifest.json"]
    prepare_iemocap(everyday_release, save)
    assert contents(save) == before


def test_nothing_is_touched_where_nothing_changed(everyday_release, save):
    prepare_iemocap(everyday_release, save)
    before = {path: path.stat().st_mtime_ns for path in save.iterdir()}
    prepare_iemocap(everyday_release, save)
    assert {path: path.stat().st_mtime_ns for path in save.iterdir()} == before


def test_a_changed_release_is_seen(tiny_release, save):
    release = tiny_release()
    before = prepare_iemocap(release, save)
    text = annotations(release).read_text().replace("Sadness", "Neutral")
    annotations(release).write_text(text)
    soundfile.write(wav(release, "Ses02F_impro01_F000"), np.zeros(4800), 16000)
    after = prepare_iemocap(release, save)
    assert after["settings"]["manifest"] != before["settings"]["manifest"]
    assert after["test"]["clear"]["Sadness"] == before["test"]["clear"]["Sadness"] - 2
    assert load(save, "manifest")["Ses02F_impro01_F000"]["duration"] == 0.3


def test_a_kill_while_writing_leaves_nothing_half_written(everyday_release, save, monkeypatch):
    def killed(*places):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_iemocap(everyday_release, save)
    assert not list(save.glob("*.json"))
    prepare_iemocap(everyday_release, save)
    assert len(load(save, "manifest")) == 110


def test_same_input_gives_the_same_bytes_whatever_the_order_of_files(tiny_release, tmp_path):
    for folder, reverse in (("one", False), ("two", True)):
        release = tiny_release(folder=folder, reverse=reverse)
        prepare_iemocap(release, tmp_path / f"save_{folder}")
    assert contents(tmp_path / "save_one") == contents(tmp_path / "save_two")
    assert str(tmp_path).encode() not in b"".join(contents(tmp_path / "save_one").values())


def contents(save):
    return {path.name: path.read_bytes() for path in save.glob("*.json")}


def test_log_shows_the_papers_table(everyday_release, save, caplog):
    with caplog.at_level(logging.INFO):
        partition = prepare_iemocap(everyday_release, save)
    table = partition_table(partition)
    assert table in caplog.text
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["Total", "Neutral", "Happiness", "Sadness", "Anger", "Others"]
    assert rows[1] == ["Train", "clear", "58", "15", "14", "15", "14", "-"]
    assert rows[2] == ["Train", "ambiguous", "16", "0", "0", "0", "0", "16"]


# What is refused


def test_all_errors_come_at_once_with_their_place_and_a_remedy(tiny_release, save):
    release = tiny_release()
    append(annotations(release), "C-E2 Anger\n[6.3 - 8.2]\tSes01F_impro01_F099\tneu\n")
    append(annotations(release, 2, "Ses02F_impro01"), "C-E9:\tBoredom; anger;\t()\n")
    lines = len(annotations(release, 2, "Ses02F_impro01").read_text().splitlines())
    append(annotations(release, 2, "Ses02M_impro01"), "C-F1:\tJoy;\t()\n")
    append(
        annotations(release, 3, "Ses03M_impro01"),
        "[1 - 2]\tSes03F_impro01_F000\tneu\t[2.5, 2.5, 2.5]\n",
    )
    wav(release, "Ses01F_impro01_F000").unlink()
    wav(release, "Ses01F_impro01_F001").write_bytes(b"")
    whole = wav(release, "Ses01F_impro01_F002").read_bytes()
    wav(release, "Ses01F_impro01_F002").write_bytes(whole[:-2])
    wav(release, "Ses01F_impro01_F003").write_bytes(whole[:30])
    soundfile.write(wav(release, "Ses01F_impro01_F004"), np.zeros(0), 16000)
    bad = np.array([0, 0, np.nan])
    soundfile.write(wav(release, "Ses01F_impro01_F005"), bad, 16000, subtype="FLOAT")
    for path in annotations(release, 4).parent.glob("*.txt"):
        path.unlink()
    message = problems(release, save)
    evaluation = "dialog/EmoEvaluation"
    for expected in (
        "13 problems",
        f"Session1/{evaluation}/Ses01F_impro01.txt:79: 'C-E2 Anger'",
        f"Session1/{evaluation}/Ses01F_impro01.txt:80: '[6.3 - 8.2]",
        f"Session2/{evaluation}/Ses02F_impro01.txt:{lines}: unknown label 'Boredom'",
        f"Session2/{evaluation}/Ses02F_impro01.txt:{lines}: unknown label 'anger'",
        "unknown label 'Joy'",
        "Neutral, Happiness, Sadness, Anger, Frustration",
        f"Ses03F_impro01_F000: Session3/{evaluation}/Ses03F_impro01.txt:3 and "
        f"Session3/{evaluation}/Ses03M_impro01.txt:79",
        "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav: missing",
        "Ses01F_impro01_F001.wav: empty",
        "Ses01F_impro01_F002.wav: truncated: its header announces 2 bytes more",
        "Ses01F_impro01_F003.wav: unreadable",
        "Ses01F_impro01_F004.wav: empty",
        "Ses01F_impro01_F005.wav: not finite: sample 2",
        f"Session4/{evaluation} is missing or holds no annotations",
    ):
        assert expected in message


def test_ratings_after_a_bad_entry_are_not_the_previous_ones():
    found: list[tuple[str, str]] = []
    text = "[1 - 2]\tSes01F_impro01_F000\tneu\t[1, 2, 3]\nC-E2:\tFear;\n[bad]\nC-E3:\tAnger;\n"
    ((_, _, entry),) = parse_annotations(text, "a.txt", 1, found)
    assert entry["votes"] == [["Fear"]]
    assert len(found) == 1


def test_lines_that_must_parse_and_do_not_are_all_named(tiny_release, save):
    release = tiny_release()
    first = len(annotations(release).read_text().splitlines()) + 1
    bad = [
        "[1 - 2]\tSes01F_impro01\tneu\t[2.5, 2.5, 2.5]",
        "[1 - 2]\tSes02F_impro01_F000\tneu\t[2.5, 2.5, 2.5]",
        "[1 - 2]\tSes01F_impro01_F099\tneu\t[2.5, 2.5]",
        "[1 - x]\tSes01F_impro01_F099\tneu\t[2.5, 2.5, 2.5]",
        "[",
        "C-E2",
        "C-X2:\tAnger;\t()",
    ]
    append(annotations(release), "\n".join(bad))
    message = problems(release, save)
    assert f"{len(bad)} problems" in message
    for number, line in enumerate(bad, start=first):
        assert f"Session1/dialog/EmoEvaluation/Ses01F_impro01.txt:{number}: {line!r}" in message


def test_a_rating_before_any_entry_is_named(tiny_release, save):
    release = tiny_release()
    annotations(release).write_text("C-E2:\tAnger;\t()\n" + annotations(release).read_text())
    assert "Ses01F_impro01.txt:1:" in problems(release, save)


def test_an_entry_that_lost_its_bracket_gives_no_votes_to_the_one_above(tiny_release, save):
    release = tiny_release()
    file = annotations(release)
    lines = file.read_text().splitlines()
    number = [index for index, line in enumerate(lines) if line.startswith("[")][1]
    lines[number] = lines[number][1:]
    file.write_text("\n".join(lines))
    assert f"{file.name}:{number + 1}: '6.2901 - 8.2357]" in problems(release, save)


def test_a_file_without_any_entry_is_named(tiny_release, save):
    release = tiny_release()
    annotations(release).write_text("")
    assert f"{annotations(release).name}: holds no [start - end]" in problems(release, save)


def test_missing_sessions_are_all_named(tiny_release, save):
    release = tiny_release()
    for session in (2, 4):
        (release / f"Session{session}").rename(release / f"moved{session}")
    message = problems(release, save)
    assert "Session2 is missing" in message
    assert "Session4 is missing" in message


def test_a_folder_that_is_no_release_is_named(tmp_path, save):
    assert f"{tmp_path} is not a release" in problems(tmp_path, save)
    assert "absent is not a folder" in problems(tmp_path / "absent", save)


def test_many_problems_of_one_kind_do_not_hide_another(tiny_release, save):
    release = tiny_release()
    for path in release.glob("*/sentences/wav/*/*.wav"):
        path.unlink()
    append(annotations(release), "C-E2:\tJoy;\t()\n")
    message = problems(release, save)
    assert "111 problems" in message
    assert message.count(": missing (") == 110  # all of them
    assert "unknown label 'Joy'" in message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": []}, "classes is empty"),
        ({"classes": ["Anger", "Anger"]}, "repeats"),
        ({"classes": ["Anger", "angry"]}, r"'angry', which occurs in no vote.*Anger \(\d+\)"),
        ({"classes": ["Anger", "Excited"], "merge": {"Excited": "Anger"}}, "after merging"),
        ({"merge": {"Joy": "Happiness"}}, "'Joy'.*Neutral, Happiness"),
        ({"merge": {"Excited": "Happiness", "Happiness": "Neutral"}}, "'Happiness'.*itself"),
        ({"merge": "Excited"}, "merge must look like"),
        ({"agreement": 0}, "agreement"),
        ({"own_ratings": "yes"}, "own_ratings must be true or false; got 'yes'"),
        ({"test_session": 6}, "test_session must be a whole number from 1 to 5; got 6"),
        ({"test_session": "1"}, "test_session"),
        ({"valid_session": 0}, "valid_session must be a whole number from 1 to 5, or null; got 0"),
        ({"valid_session": 1}, "another session than test_session"),
        ({"valid_fraction": 1.0}, "valid_fraction must be between 0 and 1.*got 1.0"),
        ({"valid_fraction": -0.1}, "valid_fraction"),
        ({"valid_fraction": float("nan")}, "valid_fraction"),
        ({"valid_fraction": 0}, "leaves nothing to choose the epoch by"),
        ({"seed": -1}, "seed must be a whole number"),
    ],
    ids=str,
)
def test_a_setting_that_is_not_allowed_is_named(everyday_release, save, settings, message):
    with pytest.raises(ValueError, match=message):
        prepare_iemocap(everyday_release, save, **settings)


# Real speech


def test_counts_of_real_speech_are_those_of_its_readme(save):
    release = DATA / "emodb_iemocap"
    if not release.is_dir():
        pytest.skip(f"{release} is absent")
    partition = prepare_iemocap(release, save, test_session=1)
    train, valid, test = (partition[split] for split in ("train", "valid", "test"))
    paper = {name: train["clear"][name] + valid["clear"][name] for name in train["clear"]}
    assert paper == {"Neutral": 70, "Happiness": 45, "Sadness": 51, "Anger": 98}
    assert train["ambiguous"] + valid["ambiguous"] == 94
    assert train["discarded"] + valid["discarded"] == 70
    clear = {"Neutral": 28, "Happiness": 17, "Sadness": 15, "Anger": 25}
    assert test == {"clear": clear, "ambiguous": 12, "discarded": 10}
