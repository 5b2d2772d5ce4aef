"""MSP-Podcast: each form of its labels, each quirk that is known of them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from msp_podcast_prepare import KINDS, MSP_PODCAST
from releases import msp_utterances, write_csv, write_msp_podcast, write_wav

from softlabels.corpora import CorpusError, prepare
from softlabels.training.main import main

FIRST = "MSP-PODCAST_0000_0000"
NO_VOTES = "MSP-PODCAST_0000_0005"  # one worker has no secondary emotion


def lines():
    """Every label as a line of labels.txt: file, line."""
    for file, split, _, votes in msp_utterances():
        for number, (primary, secondary) in enumerate(votes):
            if split != "Test3":
                second = f" {secondary};" if secondary else ("", " ;")[number % 2]
                yield file, f"WORKER{number:08d}; {primary};{second} A:2.0; V:4.0; D:4.0;"


def as_1_6(labels):
    table = labels / "labels_detailed.csv"
    table.write_text(table.read_text().replace("WorkerID", "Workers", 1))
    (labels / "labels_consensus.csv").rename(labels / "labels_concensus.csv")


def as_1_11(labels):
    write_csv(labels / "labels_detailed.csv", "FileName,EmoDetail", list(lines()))


def as_1_11_without_quotes(labels):
    rows = "\n".join(f"{file},{line}" for file, line in lines())
    (labels / "labels_detailed.csv").write_text(f"FileName,EmoDetail\n{rows}\n")


def as_blocks(labels):
    (labels / "labels_detailed.csv").unlink()
    blocks = {}
    for file, line in lines():
        blocks.setdefault(file, [f"{file}; X; A:2.4; V:4.0; D:3.6;"]).append(line)
    text = "\n\n".join("\n".join(block) for block in blocks.values())
    (labels / "labels.txt").write_text(text + "\n")


def as_json(labels):
    (labels / "labels_detailed.csv").unlink()
    (labels / "labels_consensus.csv").unlink()
    detailed, consensus = {}, {}
    for file, split, speaker, votes in msp_utterances():
        consensus[file] = {"EmoClass": "X", "SpkrID": speaker, "Gender": "Female"}
        consensus[file]["Split_Set"] = split
        for number, (primary, secondary) in enumerate(votes) if split != "Test3" else ():
            label = {"EmoClass_Major": primary, "EmoClass_Second": secondary}
            detailed.setdefault(file, {})[f"WORKER{number:08d}"] = label
    (labels / "labels_detailed.json").write_text(json.dumps(detailed))
    (labels / "labels_consensus.json").write_text(json.dumps(consensus))


def as_text_files(labels):
    (labels / "labels_consensus.csv").unlink()
    utterances = list(msp_utterances())
    splits = [f"{split}; {file}" for file, split, *_ in utterances]
    speakers = [f"{file}; {speaker}" for file, _, speaker, _ in utterances]
    (labels.parent / "Partitions.txt").write_text("\n".join([*splits, ""]))
    (labels / "Speaker_ids.txt").write_text("\n".join(["Utterance; Speaker", *speakers]))


@pytest.mark.parametrize("votes", ["primary", "secondary", "both"])
@pytest.mark.parametrize(
    "form", [as_1_6, as_1_11, as_1_11_without_quotes, as_blocks, as_json, as_text_files]
)
def test_every_form_of_the_labels_gives_the_same_votes(tmp_path, form, votes):
    release = write_msp_podcast(tmp_path / "release")
    first = prepare(MSP_PODCAST, release, votes=votes)
    form(release / "Labels")
    second = prepare(MSP_PODCAST, release, votes=votes)
    assert list(first.splits) == list(second.splits)
    for name in first.splits:
        ours, theirs = (
            {
                utterance: [entry[key] for key in ("annotators", "votes", "speaker", "partition")]
                for utterance, entry in prepared.splits[name].items()
            }
            for prepared in (first, second)
        )
        assert ours == theirs


def test_official_splits_are_scored_apart_and_test3_is_left_out(tmp_path):
    prepared = prepare(MSP_PODCAST, write_msp_podcast(tmp_path))
    sizes = {name: len(part) for name, part in prepared.splits.items()}
    assert sizes == {"train": 12, "valid": 6, "test": 6, "test2": 6}
    assert {entry["split"] for entry in prepared.splits["test2"].values()} == {"test2"}
    assert "6 utterances are left out: Test3 has no labels" in prepared.notes


def test_unknown_speakers_are_none_and_said(tmp_path):
    prepared = prepare(MSP_PODCAST, write_msp_podcast(tmp_path))
    entry = prepared.all["MSP-PODCAST_0001_0002"]
    assert (entry["speaker"], entry["group"]) == ("", "MSP-PODCAST_0001")
    assert "the speakers of 1 of 30 utterances are unknown" in prepared.notes
    assert prepared.partition["speaker_independent"] is None


def test_primary_secondary_or_both_emotions_vote(tmp_path):
    release = write_msp_podcast(tmp_path)
    votes = {kind: prepare(MSP_PODCAST, release, votes=kind).all for kind in KINDS}
    angry = "MSP-PODCAST_0000_0003"
    assert [votes[kind][angry]["votes"] for kind in KINDS] == [
        [["Angry"], ["Angry"], ["Contempt"]],
        [["Angry"], ["Annoyed"], ["Contempt", "Disappointed"]],
        [["Angry"], ["Angry", "Annoyed"], ["Contempt", "Disappointed"]],
    ]
    # Free text is Other, with its commas too; a secondary emotion may be missing.
    assert votes["primary"][NO_VOTES]["votes"] == [["Angry"], ["Happy"], ["Other"]]
    assert votes["secondary"][NO_VOTES]["votes"] == [[], ["Happy"], ["Other"]]


def test_a_worker_who_stands_twice_votes_once(tmp_path):
    release = write_msp_podcast(tmp_path)
    table = release / "Labels/labels_detailed.csv"
    before = prepare(MSP_PODCAST, release).partition
    table.write_text(table.read_text() + f"{FIRST}.wav,WORKER00000000,Neutral,Neutral,4,4,4\n")
    after = prepare(MSP_PODCAST, release)
    assert after.all[FIRST]["votes"] == [["Neutral"], ["Neutral"], ["Sad"]]
    assert after.partition["votes"] == before["votes"]


def test_numbers_of_workers_vary(tmp_path):
    release = write_msp_podcast(tmp_path)
    with open(release / "Labels/labels_detailed.csv", "a") as table:
        for number in range(3, 32):
            table.write(f"{FIRST}.wav,WORKER{number:08d},Sad,Sad,4,4,4\n")
    prepared = prepare(MSP_PODCAST, release)
    assert prepared.all[FIRST]["emotion"] == "Sad"
    assert (prepared.partition["votes"]["least"], prepared.partition["votes"]["most"]) == (3, 32)


def test_a_speaker_on_both_sides_is_loud(tmp_path, caplog):
    release = write_msp_podcast(tmp_path)
    table = release / "Labels/labels_consensus.csv"
    table.write_text(table.read_text().replace(",004,", ",000,"))
    prepared = prepare(MSP_PODCAST, release)
    assert prepared.partition["speaker_independent"] is False
    assert "TEST2 IS NOT SPEAKER-INDEPENDENT: 1 of its speakers train or validate" in caplog.text


def test_an_utterance_without_split_is_named(tmp_path):
    release = write_msp_podcast(tmp_path)
    write_wav(release / "Audios/MSP-PODCAST_0009_0001.wav")
    with open(release / "Labels/labels_detailed.csv", "a") as table:
        table.write("MSP-PODCAST_0009_0001.wav,WORKER00000001,Sad,Sad,4,4,4\n")
    with pytest.raises(CorpusError, match="1 utterances have no split: MSP-PODCAST_0009_0001"):
        prepare(MSP_PODCAST, release)


def test_a_release_without_splits_or_labels_says_which_files_would_have_them(tmp_path):
    release = write_msp_podcast(tmp_path)
    (release / "Labels/labels_consensus.csv").unlink()
    (release / "Labels/labels_detailed.csv").unlink()
    with pytest.raises(CorpusError) as caught:
        prepare(MSP_PODCAST, release)
    assert "neither Partitions.txt nor labels_consensus with a Split_Set" in str(caught.value)
    assert "none of labels_detailed.csv, labels_detailed.json, labels.txt is there" in str(
        caught.value
    )


def test_votes_must_be_a_kind_of_emotion(tmp_path):
    with pytest.raises(ValueError, match="votes must be one of primary, secondary, both"):
        prepare(MSP_PODCAST, tmp_path, votes="all")


def test_a_training_scores_test1_and_test2_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # SpeechBrain sets one of its own
    yaml = Path(__file__).parents[2] / "recipes/MSP-Podcast/hparams/soft.yaml"
    places = ["--data_folder", str(write_msp_podcast(tmp_path / "release"))]
    places += ["--output_folder", str(tmp_path / "run")]
    small = ["--number_of_epochs=1", "--frontend=mfcc", "--hidden_size=8", "--lstm_size=4"]
    main(MSP_PODCAST, [str(yaml), *places, *small, "--noprogressbar"])
    first, second = (
        json.loads((tmp_path / "run" / name / "metrics.json").read_text()) for name in ("", "test2")
    )
    assert first["test2"] == second["test"] != first["test"]
    predictions = (tmp_path / "run/test2/predictions.csv").read_text().splitlines()
    assert {line.partition(",")[0][:16] for line in predictions[1:]} == {"MSP-PODCAST_0004"}
    assert first["speaker_independent"] is None
