"""Any table of votes: clips by name, what is known of them, what is held out, one command."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from iemocap_prepare import IEMOCAP

from softlabels.cli import main
from softlabels.corpora import CorpusError, prepare
from softlabels.corpora.clips import clips_named, index_clips
from softlabels.corpora.table import TABLE
from softlabels.errors import InputError
from softlabels.features.wav import WavError, read_wav_header
from softlabels.votes.files import read_votes

CLASSES = ["freudig", "traurig", "ärgerlich", "felice", "triste"]
ROOT = Path(__file__).parents[2]


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return str(path)


def write_clip(path: Path, rate: int = 16000, channels: int = 1, pitch: float = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.1 * np.sign(np.sin(2 * np.pi * pitch * np.arange(rate // 5) / rate))
    soundfile.write(path, np.stack([wave] * channels, axis=1), rate)


def votes_of(clips: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Two of three annotators say what each clip is."""
    others = dict(zip(CLASSES, CLASSES[1:] + CLASSES[:1], strict=True))
    return [
        (clip, who, others[label] if who == "cy" else label)
        for clip, label in clips.items()
        for who in ("ann", "bob", "cy")
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty clips of ten speakers, and their tables: votes.csv, clips.csv."""
    labels = {}
    for number in range(40):
        name, ending = f"k{number:02d}", ("wav", "flac")[number % 2]
        place = tmp_path / "wavs" / ("sub/deep" if number % 3 == 0 else "")
        label = number // 2 % 5
        write_clip(
            place / f"{name}.{ending}", (48000, 16000)[number % 2], 1 + number % 2, 90 + 40 * label
        )
        labels[f"{name}.{ending}" if number % 4 == 0 else name] = CLASSES[label]
    write_csv(tmp_path / "votes.csv", ["task", "worker", "label"], votes_of(labels))
    known = [(f"k{number:02d}", f"s{number % 10}", "FM"[number % 2]) for number in range(40)]
    write_csv(tmp_path / "clips.csv", ["task", "speaker", "sex"], known)
    return tmp_path


def prepared(folder: Path, **settings: object):
    given = {"votes": str(folder / "votes.csv"), "classes": CLASSES, **settings}
    return prepare(TABLE, folder / "wavs", folder / "cache", **given)


def test_an_entry_has_the_votes_as_written_and_whatever_is_known(folder):
    corpus = prepared(folder, utterances=str(folder / "clips.csv"))
    entry = corpus.all["k01"]
    assert entry["wav"] == str(folder / "wavs/k01.flac")
    assert entry["annotators"] == ["ann", "bob", "cy"]
    assert entry["votes"] == [["freudig"], ["freudig"], ["traurig"]]
    assert (entry["speaker"], entry["group"], entry["sex"]) == ("s1", "s1", "M")
    assert (entry["sample_rate"], entry["channels"], entry["emotion"]) == (16000, 2, "freudig")
    assert corpus.all["k00.wav"]["wav"].endswith("wavs/sub/deep/k00.wav")
    assert corpus.all["k00.wav"]["sample_rate"] == 48000


def test_a_fifth_of_the_speakers_is_held_out_and_none_of_them_trains(folder):
    corpus = prepared(folder, utterances=str(folder / "clips.csv"))
    assert len({entry["speaker"] for entry in corpus.test.values()}) == 2
    assert corpus.speaker_independent is True
    assert len(corpus.test) == 8


def test_permuted_rows_and_annotators_change_no_byte(folder):
    rows = list(csv.reader((folder / "votes.csv").open(encoding="utf-8")))
    before = prepared(folder)
    write_csv(folder / "votes.csv", rows[0], reversed(rows[1:]))
    assert prepared(folder).digest == before.digest


def test_named_groups_are_held_out(folder):
    corpus = prepared(folder, utterances=str(folder / "clips.csv"), held_out=["s1", "s7"])
    assert {entry["speaker"] for entry in corpus.test.values()} == {"s1", "s7"}


def test_the_split_column_is_the_default_where_there_is_one(folder):
    words = ["Train"] * 30 + ["dev"] * 5 + ["test"] * 5
    rows = [(f"k{number:02d}.wav", word) for number, word in enumerate(words)]
    table = write_csv(folder / "split.csv", ["task", "split"], rows)
    corpus = prepared(folder, utterances=table)
    assert [len(corpus.splits[name]) for name in ("train", "valid", "test")] == [30, 5, 5]
    assert sorted(corpus.test) == ["k35", "k36.wav", "k37", "k38", "k39"]
    share = prepared(folder, utterances=table, held_out=0.5)
    assert len(share.test) == 20


def test_without_speakers_each_clip_is_its_own_and_that_is_said(folder, caplog):
    corpus = prepared(folder)
    assert len(corpus.test) == 8
    assert corpus.speaker_independent is None
    assert "Speakers are unknown" in caplog.text


def test_a_wide_table_gives_the_partition_of_the_long_one(folder):
    long = prepared(folder).partition
    counts: dict[str, dict[str, int]] = {}
    for clip, _, label in csv.reader((folder / "votes.csv").open(encoding="utf-8")):
        counts.setdefault(clip, dict.fromkeys(CLASSES, 0))
        counts[clip][label] = counts[clip].get(label, 0) + 1
    del counts["task"]
    rows = [(clip, *(each[label] for label in CLASSES)) for clip, each in counts.items()]
    table = write_csv(folder / "wide.csv", ["recording", *CLASSES], rows)
    wide = prepared(folder, votes=table, counts=CLASSES, item="recording").partition
    assert {**wide, "settings": None} == {**long, "settings": None}
    with pytest.raises(
        InputError, match=r"name the column of .* that has the clips' names: --item"
    ):
        prepared(folder, votes=table, counts=CLASSES)


def test_all_that_is_wrong_is_listed_with_a_remedy(folder):
    wavs = folder / "wavs"
    write_clip(wavs / "sub" / "k01.wav")
    (wavs / "k02.wav").unlink()
    (wavs / "k04.wav").write_bytes(b"")
    with (folder / "votes.csv").open("a", encoding="utf-8") as stream:
        stream.write("k05.flac,dan,freudig\n")
    with pytest.raises(CorpusError) as error:
        prepared(folder)
    kinds = [kind for kind, _ in error.value.problems]
    assert sorted(kinds) == ["clip", "name", "twice", "wav"]
    text = str(error.value)
    assert "k01: k01.flac, sub/k01.wav" in text
    assert "  - k02\n" in text
    assert "k05 and k05.flac are both k05.flac" in text
    assert "write its path in the votes, or in a column path" in text


def test_a_path_says_which_of_two_clips_of_one_name_is_meant(folder):
    write_clip(folder / "wavs/sub/k01.wav", rate=8000)
    known = [(f"k{number:02d}", "sub/k01.wav" if number == 1 else "") for number in range(40)]
    table = write_csv(folder / "paths.csv", ["task", "path"], known)
    assert prepared(folder, utterances=table).all["k01"]["sample_rate"] == 8000


def test_a_folder_of_other_clips_is_one_problem(folder, tmp_path):
    write_clip(tmp_path / "others" / "x.wav")
    with pytest.raises(CorpusError, match=r"none of 40 clips, as .*k01.* which has x\.wav"):
        prepare(TABLE, tmp_path / "others", votes=str(folder / "votes.csv"), classes=CLASSES)


def test_what_utterances_lacks_or_misspells_is_named_by_its_line(folder):
    rows = [(f"k{number:02d}", "hold-out" if number == 3 else "train") for number in range(39)]
    table = write_csv(folder / "split.csv", ["task", "split"], rows)
    with pytest.raises(CorpusError) as error:
        prepared(folder, utterances=table)
    assert f"{table}, line 5: 'hold-out'" in str(error.value)
    assert f"k39 is not in {table}" in str(error.value)


def test_a_clip_without_votes_is_left_out_with_a_note(folder):
    write_clip(folder / "wavs" / "more.wav")
    with (folder / "votes.csv").open("a", encoding="utf-8") as stream:
        stream.write("silent,ann,\n")
    corpus = prepared(folder)
    assert len(corpus.all) == 40
    assert "1 clips of" in " ".join(corpus.notes)
    assert "silent" not in corpus.all


def test_missing_classes_are_an_error_that_lists_the_labels(folder):
    with pytest.raises(InputError, match=r"--classes; .*votes\.csv has votes for .*felice \(24\)"):
        prepared(folder, classes=None)
    with pytest.raises(InputError, match="--votes"):
        prepare(TABLE, folder / "wavs")


def test_a_table_can_have_one_annotator(tmp_path):
    names = {f"k{number}": CLASSES[number % 5] for number in range(10)}
    for name in names:
        write_clip(tmp_path / "wavs" / f"{name}.wav")
    rows = [(name, "ann", label) for name, label in names.items()]
    write_csv(tmp_path / "votes.csv", ["task", "worker", "label"], rows)
    partition = prepared(tmp_path).partition
    clear = [sum(partition[name]["clear"].values()) for name in ("train", "valid", "test")]
    assert sum(clear) == 10


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg"])
def test_a_header_is_read_in_any_format_and_a_cut_off_file_is_no_clip(tmp_path, ending):
    file = tmp_path / f"a.{ending}"
    write_clip(file, rate=48000, channels=2)
    header = read_wav_header(file)
    assert (header["sample_rate"], header["channels"], header["samples"]) == (48000, 2, 3200)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WavError, match=r"truncated|empty|unreadable"):
        read_wav_header(file)


def test_names_match_whatever_the_letters_form_or_the_folders_slashes(tmp_path):
    write_clip(tmp_path / "a" / "u\u0308ber.wav")  # ü in two letters, as some systems write it
    index = index_clips(tmp_path)
    for name in ("\u00fcber", "\u00fcber.mp4", "a\\\u00fcber.wav", "a/u\u0308ber"):
        assert clips_named(index, name) == ["a/u\u0308ber.wav"]
    assert clips_named(index, "ber") == []


def test_softlabels_train_trains_and_resumes_from_anywhere(folder, python):
    words = ["train", "votes.csv", "--audio", "wavs", "--classes", ",".join(CLASSES)]
    words += ["--utterances", "clips.csv", "--held_out", "[s1, s7]", "--output_folder", "out"]
    words += ["--number_of_epochs=1", "--hidden_size=8", "--lstm_size=4", "--device", "cpu"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = python(["-m", "softlabels", *words], cwd=folder, env=variables)
    assert ended.returncode == 0, ended.stderr
    metrics = json.loads((folder / "out/metrics.json").read_text("utf-8"))
    assert metrics["speaker_independent"] is True
    assert metrics["run"]["settings"]["classes"] == CLASSES
    assert metrics["run"]["settings"]["agreement"] == "plurality"
    assert "this model" in ended.stderr + ended.stdout
    assert (folder / "out/model/model.safetensors").is_file()
    (folder / "moved").mkdir()
    (folder / "clips.csv").rename(folder / "moved/clips.csv")
    words[words.index("clips.csv")] = "moved/clips.csv"
    again = python(["-m", "softlabels", *words], cwd=folder, env=variables)
    assert again.returncode == 0, again.stderr
    assert "Going into epoch" not in again.stderr + again.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name the labels that are classes: --classes"),
        (["--classes", "freudig,traurig", "--label", "emotion"], "no column 'emotion'"),
        (["--classes", "freudig,traurig", "--yaml", "softer"], "one of hard, modified_soft"),
        (["--classes", "freudig,traurig", "--lr", "high"], "lr: high; give a number"),
    ],
)
def test_an_error_of_softlabels_train_is_its_message_alone(folder, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    ended = CliRunner().invoke(main, ["train", "votes.csv", "--audio", "wavs", *words])
    assert ended.exit_code == 1
    assert message in ended.output
    assert "Traceback" not in ended.output


def test_help_has_an_example_and_names_the_settings():
    help_text = CliRunner().invoke(main, ["train", "--help"]).output
    assert "softlabels train votes.csv --audio wavs" in help_text
    for name in ("--encoder", "--number_of_epochs", "--held_out", "--output_folder"):
        assert f"  {name} " in help_text.replace(":", " ")


def test_the_sweep_of_a_table_plans_from_another_folder(folder, python):
    words = [str(ROOT / "recipes/table/reproduce.py"), "--votes", "votes.csv", "--dry-run"]
    words += ["--data_folder", "wavs", "--classes", f"[{', '.join(CLASSES)}]", "--trials", "1"]
    words += ["--utterances=clips.csv", "--held_out", "[s1, s7]", "--output_folder", "sweep"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = python(words, cwd=folder, env=variables)
    assert ended.returncode == 0, ended.stderr
    assert "0 of them finished" in ended.stdout
    assert f"--votes {folder / 'votes.csv'}" in ended.stdout
    assert "hard / clear, s1+s7, seed 1" in ended.stdout


def test_emodb_as_a_table_has_the_partition_of_the_corpus(tmp_path):
    release = Path(__file__).parents[3] / "shared/data/emodb_iemocap"
    if not release.is_dir():
        pytest.skip("EmoDB is not here")
    corpus = prepare(IEMOCAP, release, tmp_path / "cache")
    rows = [
        (name, who, label)
        for name, entry in corpus.all.items()
        for who, labels in zip(entry["annotators"], entry["votes"], strict=True)
        for label in labels
    ]
    speakers = [(name, entry["speaker"]) for name, entry in corpus.all.items()]
    held_out = sorted({entry["speaker"] for entry in corpus.test.values()})
    table = prepare(
        TABLE,
        release,
        tmp_path / "cache",
        votes=write_csv(tmp_path / "votes.csv", ["task", "worker", "label"], rows),
        utterances=write_csv(tmp_path / "clips.csv", ["task", "speaker"], speakers),
        classes=["Neutral", "Happiness", "Sadness", "Anger"],
        agreement=2,
        held_out=held_out,
    )
    for name in ("train", "valid", "test"):
        assert table.partition[name] == corpus.partition[name]
        assert sorted(table.splits[name]) == sorted(corpus.splits[name])


def test_usual_names_of_columns_need_no_option(tmp_path):
    (tmp_path / "votes.csv").write_text("clip,annotator,label\nu1,ann,happy\nu1,bob,sad\n")
    with open(tmp_path / "votes.csv", "rb") as stream:
        columns = {"item": None, "annotator": "worker", "label": "label", "counts": []}
        items, ballots = read_votes(stream, **columns, query=None, skip_bad_rows=False)
    assert items == ["u1"]
    assert ballots.annotators == ("ann", "bob")
