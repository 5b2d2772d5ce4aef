"""Emozionalmente: three tables, speakers held out."""

import pytest
from emozionalmente_prepare import EMOZIONALMENTE
from releases import write_emozionalmente

from softlabels.corpora import CorpusError, prepare


def test_three_tables_give_one_entry(tmp_path):
    entry = prepare(EMOZIONALMENTE, write_emozionalmente(tmp_path)).all["3_joy"]
    facts = ("speaker", "gender", "age", "mother_tongue", "sentence", "intended", "emotion")
    assert [entry[key] for key in facts] == ["actor3", "F", "30", "Italian", "1", "joy", "joy"]
    assert entry["annotators"] == [f"ear{number}" for number in range(5)]
    assert entry["votes"] == [["joy"]] * 3 + [["neutrality"]] * 2


def test_a_fifth_of_the_speakers_is_held_out_by_the_seed_or_those_that_are_named(tmp_path):
    release = write_emozionalmente(tmp_path)
    held_out = []
    for settings in ({"seed": 1}, {"seed": 4}, {"held_out": ["actor1", "actor2"]}):
        prepared = prepare(EMOZIONALMENTE, release, **settings)
        held_out.append({entry["speaker"] for entry in prepared.test.values()})
        assert prepared.partition["speaker_independent"] is True
    assert [len(each) for each in held_out] == [1, 1, 2]
    assert held_out[0] != held_out[1]


def test_evaluations_of_no_sample_and_samples_without_evaluation_are_named(tmp_path):
    release = write_emozionalmente(tmp_path)
    table = release / "metadata/evaluations.csv"
    table.write_text(table.read_text().replace("4_anger.wav,", "5_anger.wav,"))
    with pytest.raises(CorpusError, match=r"1 evaluated files aren't among the samples: 5_anger"):
        prepare(EMOZIONALMENTE, release)
    rows = [row for row in table.read_text().splitlines() if "5_anger" not in row]
    table.write_text("\n".join(rows))
    prepared = prepare(EMOZIONALMENTE, release)
    assert "1 samples have no evaluation and are discarded: 4_anger" in prepared.notes
    assert prepared.all["4_anger"]["partition"] == "discarded"


def test_a_second_evaluation_by_the_same_evaluator_is_no_second_vote(tmp_path):
    release = write_emozionalmente(tmp_path)
    with open(release / "metadata/evaluations.csv", "a") as table:
        table.write("0_joy.wav,ear0,joy\n")
    assert prepare(EMOZIONALMENTE, release).all["0_joy"]["votes"][0] == ["joy"]
