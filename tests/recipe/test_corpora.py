"""What every corpus keeps to, on a little release of each."""

from __future__ import annotations

import dataclasses
import importlib
import json
import re
import runpy
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from crema_d_prepare import CREMA_D
from emozionalmente_prepare import EMOZIONALMENTE
from iemocap_prepare import IEMOCAP
from msp_podcast_prepare import MSP_PODCAST
from releases import (
    write_crema_d,
    write_csv,
    write_emozionalmente,
    write_msp_podcast,
    write_wav,
)

from softlabels import get_encoder
from softlabels.corpora import Corpus, CorpusError, prepare
from softlabels.corpora.manifest import ballots_of
from softlabels.sweep.main import main as reproduce
from softlabels.training.experiment import load
from softlabels.training.settings import SETTINGS, settings_table


@dataclass(frozen=True)
class Case:
    """A corpus, its little release, and two lines that break it."""

    corpus: Corpus
    write: Callable[..., Path]
    wav: str  # an utterance's
    breaks: dict[str, tuple[str, str]]  # file → a text in it, and what takes its place
    problems: tuple[str, ...]  # what is then told


CASES = [
    Case(
        IEMOCAP,
        lambda folder, reverse=False: pytest.fail("written by its own fixture"),
        "Session2/sentences/wav/Ses02F_impro01/Ses02F_impro01_F003.wav",
        {
            "Session2/dialog/EmoEvaluation/Ses02F_impro01.txt": ("C-E3:\tAnger", "C-E3:\tRage"),
            "Session4/dialog/EmoEvaluation/Ses04F_impro01.txt": ("[6.2901 -", "[6.2901 +"),
        },
        (
            r"label \(1\): correct it; the labels are [\s\S]*Ses02F_impro01.txt:\d+: .*'Rage'",
            r"line \(1\): restore the line [\s\S]*Ses04F_impro01.txt:\d+: ",
        ),
    ),
    Case(
        CREMA_D,
        write_crema_d,
        "AudioWAV/1037_DFA_HAP_XX.wav",
        {
            "processedResults/tabulatedVotes.csv": ("100002,0,0,0,6", "100002,0,0,0,six"),
            "VideoDemographics.csv": ("ActorID,Age", "Actor,Age"),
        },
        (
            r"line \(1\): restore the line[\s\S]*tabulatedVotes.csv:3: counts must be whole",
            r"file \(1\): .*\n  - VideoDemographics.csv:1: no column ActorID; there are Actor, ",
        ),
    ),
    Case(
        MSP_PODCAST,
        write_msp_podcast,
        "Audios/MSP-PODCAST_0001_0001.wav",
        {
            "Labels/labels_consensus.csv": ("Development", "Devel"),
            "Labels/labels_detailed.csv": (",WORKER00000001,", ",,"),
        },
        (
            r"split \(1\): complete [\s\S]*labels_consensus.csv:14: 'Devel' is none of train",
            r"line \(1\): restore the line[\s\S]*labels_detailed.csv:3: .* is missing",
        ),
    ),
    Case(
        EMOZIONALMENTE,
        write_emozionalmente,
        "audio/1_joy.wav",
        {
            "metadata/evaluations.csv": ("ear0,disgust", "ear0,disgusting"),
            "metadata/samples.csv": ("0_anger.wav,actor0,", "0_anger.wav,"),
        },
        (
            r"label \(1\): correct it; [\s\S]*evaluations.csv:7: unknown label 'disgusting'",
            r"line \(1\): restore the line[\s\S]*samples.csv:2: 3 cells, but 4 columns",
        ),
    ),
]


@pytest.fixture(params=CASES, ids=lambda case: case.corpus.name)
def case(request, tiny_release):
    if request.param.corpus is IEMOCAP:
        return dataclasses.replace(
            request.param,
            write=lambda folder, reverse=False: tiny_release(folder=folder.name, reverse=reverse),
        )
    return request.param


@pytest.fixture
def release(case, tmp_path):
    return case.write(tmp_path / "release")


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def targets(prepared):
    """Soft targets of all utterances, by name."""
    classes = prepared.partition["settings"]["classes"]
    encoder = get_encoder("soft", classes)
    rows = encoder.encode_ballots(ballots_of(prepared.all, classes))
    return dict(zip(prepared.all, rows, strict=True))


def without_digest(partition):
    settings = {key: each for key, each in partition["settings"].items() if key != "manifest"}
    return {**partition, "settings": settings}


def test_every_split_has_clear_utterances_with_audio_and_known_labels(case, release):
    prepared = prepare(case.corpus, release)
    for name in ("train", "valid", "test"):
        assert sum(prepared.partition[name]["clear"].values()), name
    for entry in prepared.all.values():
        assert Path(entry["wav"]).is_file()
        assert entry["group"]
        labels = {label for each in entry["votes"] for label in each}
        assert not case.corpus.labels or labels <= {*case.corpus.labels}
    assert "note" not in case.corpus.remedies


def test_same_input_gives_the_same_bytes(case, tmp_path):
    saved = []
    for number in (0, 1):
        prepared = prepare(case.corpus, case.write(tmp_path / str(number)), tmp_path / f"c{number}")
        prepared.save(tmp_path / f"saved{number}")
        files = sorted((tmp_path / f"saved{number}").iterdir())
        saved.append({path.name: path.read_bytes() for path in files})
    assert saved[0] == saved[1]
    assert {"manifest.json", "partition.json", "train.json"} < set(saved[0])


def test_permuted_rows_change_neither_targets_nor_partition(case, tmp_path):
    first, second = (
        prepare(case.corpus, case.write(tmp_path / f"reverse{reverse}", reverse=reverse))
        for reverse in (False, True)
    )
    assert without_digest(first.partition) == without_digest(second.partition)
    ours, theirs = targets(first), targets(second)
    assert list(ours) == list(theirs)
    for name in ours:
        assert np.array_equal(ours[name], theirs[name], equal_nan=True), name


def test_permuted_annotators_change_neither_targets_nor_partition(case, release):
    def permuted(data_folder, problems, **options):
        manifest = case.corpus.read(data_folder, problems, **options)
        for entry in manifest.values():
            entry["annotators"].reverse()
            entry["votes"].reverse()
        return manifest

    first = prepare(case.corpus, release)
    second = prepare(dataclasses.replace(case.corpus, read=permuted), release)
    assert without_digest(first.partition) == without_digest(second.partition)
    ours, theirs = targets(first), targets(second)
    for name in ours:
        assert np.array_equal(ours[name], theirs[name], equal_nan=True), name


def test_keys_that_nobody_knows_survive(case, release, tmp_path):
    def with_more(data_folder, problems, **options):
        manifest = case.corpus.read(data_folder, problems, **options)
        return {name: {**entry, "mood": [1, "x"]} for name, entry in manifest.items()}

    prepared = prepare(dataclasses.replace(case.corpus, read=with_more), release)
    prepared.save(tmp_path / "saved")
    for name in ("manifest", *prepared.splits):
        saved = json.loads((tmp_path / "saved" / f"{name}.json").read_text())
        assert all(entry["mood"] == [1, "x"] for entry in saved.values()), name


@pytest.mark.parametrize("key", ["wav", "speaker", "group", "annotators", "votes"])
def test_a_missing_key_is_named_with_its_utterance(case, release, key):
    def with_less(data_folder, problems, **options):
        manifest = case.corpus.read(data_folder, problems, **options)
        del next(iter(manifest.values()))[key]
        return manifest

    with pytest.raises(CorpusError, match=rf"manifest[\s\S]*{key!r} must be .*; it is missing"):
        prepare(dataclasses.replace(case.corpus, read=with_less), release)


def test_all_problems_are_told_at_once_with_place_and_remedy(case, release):
    for file, (old, new) in case.breaks.items():
        edit(release / file, old, new)
    (release / case.wav).unlink()
    with pytest.raises(CorpusError) as caught:
        prepare(case.corpus, release)
    text = str(caught.value)
    for problem in (*case.problems, rf"wav \(1\): copy [\s\S]*{re.escape(case.wav)}: missing"):
        assert re.search(problem, text), text


def test_a_folder_that_is_no_release_is_refused_with_what_it_should_hold(case, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="give as data_folder the folder that holds"):
        prepare(case.corpus, tmp_path / "empty")


def test_the_partition_tells_agreement_and_whether_the_test_knows_its_speakers(case, release):
    partition = prepare(case.corpus, release).partition
    assert partition["speaker_independent"] is (None if case.corpus is MSP_PODCAST else True)
    assert partition["votes"]["least"] >= 3
    assert 0 < partition["votes"]["alpha"] < 1


# The walk-through in docs/corpora.md

ROOT = Path(__file__).parents[2]
READER, TRAIN = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs/corpora.md").read_text("utf-8"), re.M | re.S
)


@pytest.fixture
def radio(tmp_path):
    """The walk-through's recipe, and a corpus of its layout."""
    recipe, release = tmp_path / "recipe", tmp_path / "Radio"
    recipe.mkdir()
    (recipe / "radio_prepare.py").write_text(READER)
    (recipe / "train.py").write_text(TRAIN)
    (recipe / "hparams").symlink_to(ROOT / "hparams")
    clips = [
        (f"{speaker}_{emotion}{number}", emotion)
        for speaker in ("anna", "ben", "cleo", "dan", "eva")
        for emotion in ("happy", "sad")
        for number in range(3)
    ]
    for clip, _ in clips:
        write_wav(release / f"recordings/{clip.partition('_')[0]}/{clip}.wav")
    for listener in ("L01", "L02", "L03"):
        answers = [(clip, "" if clip == "eva_sad2" else emotion) for clip, emotion in clips]
        write_csv(release / f"listeners/{listener}.csv", "clip,emotion", answers)
    return recipe, release


def test_the_walk_throughs_reader_is_short_and_reads_its_layout(radio):
    recipe, release = radio
    namespace = runpy.run_path(str(recipe / "radio_prepare.py"))
    prepared = prepare(namespace["RADIO"], release)
    assert len([line for line in READER.splitlines() if line.strip()]) < 40
    assert prepared.all["anna_sad1"]["annotators"] == ["L01", "L02", "L03"]
    assert prepared.notes == ["1 clips have no answer"]
    assert prepared.partition["speaker_independent"] is True
    (release / "recordings/ben/ben_sad0.wav").unlink()
    with pytest.raises(
        CorpusError, match=r"clip \(3\): copy.*\n  - listeners/L01.csv:11: no wav of 'ben_sad0'"
    ):
        prepare(namespace["RADIO"], release)


def test_the_walk_throughs_script_trains(radio, python, tmp_path):
    recipe, release = radio
    words = ["train.py", "hparams/soft.yaml", "--data_folder", str(release), "--frontend=mfcc"]
    words += ["--number_of_epochs=1", "--hidden_size=8", "--lstm_size=4", "--held_out=[anna, ben]"]
    words += ["--output_folder", str(tmp_path / "run")]
    python(words, cwd=recipe, check=True)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["clear"]["n"] == 12
    assert metrics["data"]["held_out"] == "anna+ben"


# The recipes' documents and scripts


def commands(readme):
    blocks = re.findall(r"^```bash\n(.*?)^```", readme.read_text("utf-8"), re.M | re.S)
    return [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]


def test_the_recipes_commands_are_accepted_and_its_own_settings_listed(
    case, release, tmp_path, monkeypatch, capsys
):
    if case.corpus is IEMOCAP:
        pytest.skip("all of its commands are run elsewhere")
    recipe = ROOT / "recipes" / case.corpus.name
    table = settings_table(dict(case.corpus.defaults), {**SETTINGS, **case.corpus.settings})
    assert table in (recipe / "README.md").read_text("utf-8"), table
    monkeypatch.chdir(recipe)
    monkeypatch.setattr("softlabels.sweep.main.estimate_minutes", lambda *_: 1)
    for words in commands(recipe / "README.md"):
        words = [str(release) if word.startswith("/path/to/") else word for word in words]
        words += ["--output_folder", str(tmp_path / "run")]
        if words[1] == "train.py":
            prepare(case.corpus, release, **load(case.corpus, words[2:]).preparation)
        else:
            assert words[1] == "reproduce.py"
            reproduce(case.corpus, [*words[2:], "--dry-run"], recipe / "train.py")
            assert "trials, 0 of them finished" in capsys.readouterr().out


@pytest.mark.parametrize("script", ["train.py", "reproduce.py"])
def test_the_recipes_scripts_are_of_their_corpus(case, script):
    file = ROOT / "recipes" / case.corpus.name / script
    text = file.read_text("utf-8")
    ((module, name),) = re.findall(r"^ +from (\w+) import ([A-Z_]+)$", text, re.M)
    assert getattr(importlib.import_module(module), name).name == case.corpus.name
    assert (file.parent / "hparams").resolve() == ROOT / "hparams"


def test_a_damaged_manifest_in_the_cache_is_named_and_read_anew(case, release, caplog):
    whole = prepare(case.corpus, release)
    file = whole.folder / "manifest.json"
    data = file.read_bytes()
    file.write_bytes(data.replace(b'"votes"', b'"vote5"', 1))
    assert prepare(case.corpus, release).digest == whole.digest
    assert f"{file} is damaged" in caplog.text
    (whole.folder / "notes.json").write_bytes(b"[")
    assert prepare(case.corpus, release).notes == whole.notes
    assert file.read_bytes() == data
