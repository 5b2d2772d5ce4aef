"""Data: what is left out, batches of similar length, weights."""

import logging
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from speechbrain.utils.epoch_loop import EpochCounter

from softlabels import get_encoder
from softlabels.corpora import Prepared
from softlabels.errors import InputError
from softlabels.training.batches import SimilarLengthBatches
from softlabels.training.classes import class_weights
from softlabels.training.crops import RandomCrops
from softlabels.training.data import (
    check_normalization,
    check_train_on,
    shares_of_votes,
    with_targets,
)
from softlabels.training.loaders import clips
from softlabels.training.main import choose_targets
from softlabels.training.rates import check_warmup

CLASSES = ["happy", "sad"]
MANIFEST = {
    "clear": {"votes": [["happy"], ["happy"]]},
    "ambiguous": {"votes": [["happy"], ["other"], ["other"]]},
    "discarded": {"votes": [["other"], ["other"]]},
    "silent": {"votes": []},
}


@pytest.mark.parametrize(
    ("name", "kept"), [("hard", ["clear"]), ("modified_soft", ["clear", "ambiguous"])]
)
def test_what_can_have_no_target_is_left_out_and_the_log_says_how_many(name, kept, caplog):
    caplog.set_level(logging.INFO)
    chosen = with_targets(MANIFEST, get_encoder(name, CLASSES))
    assert list(chosen) == kept
    assert f"{4 - len(kept)} of 4 utterances left out: encoder '{name}'" in caplog.text


@pytest.mark.parametrize("name", ["class_prior", "dirichlet", "dirichlet_mixture", "dawid_skene"])
def test_an_encoder_learns_from_training_votes_alone(name):
    generator = np.random.default_rng(0)

    def votes(first, labels):
        return {
            f"u{number}": {
                "votes": [[label] for label in generator.choice(labels, 4)],
                "annotators": ["a", "b", "c", "d"],
                "partition": ["clear", "ambiguous", "discarded"][number % 3],
            }
            for number in range(first, first + 30)
        }

    def targets(**splits):
        encoder = get_encoder(name, CLASSES)
        settings = {"annotation_encoder": encoder, "classes": CLASSES}
        settings["train_on"] = ["clear", "ambiguous"]
        prepared = Prepared(splits, {}, [], tmp, tmp)
        chosen = choose_targets(settings, prepared)["train"]
        return {key: entry["target"].tolist() for key, entry in chosen.items()}

    tmp = Path()
    train = votes(0, ["happy", "sad", "other"])
    for entry in train.values():
        entry["votes"][0] = ["happy"]
    held_out = {"valid": votes(30, ["happy"]), "test": votes(60, ["happy", "other"])}
    assert targets(train=train, **held_out) == targets(
        train=train, valid=votes(30, ["sad"]), test={}
    )


def test_shares_of_votes_are_unsmoothed():
    assert shares_of_votes(MANIFEST, CLASSES)["ambiguous"]["target"].tolist() == [1, 0]


@pytest.mark.parametrize("bad", ["clear", "clear,ambiguous", [], ["both"], None, [["clear"]]])
def test_a_bad_train_on_shows_the_spelling(bad):
    with pytest.raises(ValueError, match=r'--train_on "\[clear, ambiguous\]"'):
        check_train_on(bad)


def test_every_epoch_draws_every_utterance_once_in_an_order_of_its_own():
    lengths = np.random.default_rng(0).integers(10, 500, 103)
    batches = SimilarLengthBatches(lengths, batch_size=8, seed=3)
    orders = []
    for epoch in (1, 2):
        batches.set_epoch(epoch)
        drawn = list(batches)
        assert len(drawn) == len(batches) == 13
        assert sorted(index for batch in drawn for index in batch) == list(range(103))
        orders.append(drawn)
    assert orders[0] != orders[1]
    again = SimilarLengthBatches(lengths, batch_size=8, seed=3)
    again.set_epoch(2)
    assert list(again) == orders[1]


def test_batches_of_similar_length_have_little_padding():
    lengths = np.random.default_rng(0).integers(10, 500, 1000)
    batches = list(SimilarLengthBatches(lengths, batch_size=16))
    padded = sum(lengths[batch].max() * len(batch) for batch in batches)
    assert lengths.sum() / padded > 0.9


def test_class_weights_are_scikit_learns_balanced_ones():
    from sklearn.utils.class_weight import compute_class_weight

    emotions = ["happy"] * 7 + ["sad"] * 3
    manifest = {str(i): {"emotion": emotion} for i, emotion in enumerate(emotions)}
    wanted = compute_class_weight("balanced", classes=np.array(CLASSES), y=emotions)
    found = class_weights(manifest, CLASSES)
    assert torch.allclose(found, torch.tensor(wanted, dtype=torch.float32))
    with pytest.raises(ValueError, match=r"none of \['angry'\]"):
        class_weights(manifest, ["happy", "angry"])


def test_one_frame_of_a_clip_is_not_normalised_by_speaker():
    front_end = torch.nn.Identity()
    front_end.frames = False
    with pytest.raises(InputError, match="normalization must be corpus"):
        check_normalization("speaker", front_end)


def test_batches_by_frames_hold_all_within_the_bound_and_others_in_each_epoch():
    lengths = np.random.default_rng(0).integers(10, 200, 300)
    batches = SimilarLengthBatches(lengths, 8, most_frames=1000)
    orders = []
    for epoch in (1, 2, 1):
        batches.set_epoch(epoch)
        order = list(batches)
        assert len(order) == len(batches)
        assert sorted(index for batch in order for index in batch) == list(range(300))
        assert all(max(lengths[batch]) * len(batch) <= 1000 for batch in order)
        orders.append(order)
    assert orders[0] == orders[2] != orders[1]
    # more than half full, all but the last: sorted, one more would be over
    assert sum(lengths) / 1000 / len(order) > 0.8


def test_an_utterance_over_the_bound_is_a_batch_by_itself():
    batches = SimilarLengthBatches([5, 50, 4], 8, shuffle=False, most_frames=10)
    assert list(batches) == [[2, 0], [1]]


def test_processes_share_a_batch_by_frames():
    shares = [
        list(SimilarLengthBatches([4, 4, 4, 9], 8, 0, False, rank=rank, ranks=2, most_frames=12))
        for rank in (0, 1)
    ]
    assert shares == [[[0, 2], [3]], [[1, 0], [3]]]


def test_a_crop_is_of_seed_epoch_and_name_alone():
    epochs = EpochCounter(9)
    crops, clip = RandomCrops(10, seed=1, epochs=epochs), torch.arange(1000)[:, None]
    starts = {}
    for epoch in (1, 2, 1):
        epochs.current = epoch
        for name in ("u1", "u2"):
            crop = crops(name, clip)[:, 0]
            assert torch.equal(crop, torch.arange(10) + crop[0])
            assert starts.setdefault((epoch, name), int(crop[0])) == crop[0]
    assert len(set(starts.values())) == 4
    assert torch.equal(crops("u1", clip[:10]), clip[:10])


@pytest.mark.parametrize("warmup", [-1, 1.5, True, "0.1", None, math.nan, math.inf])
def test_a_warm_up_that_is_neither_a_share_nor_a_number_is_refused(warmup):
    with pytest.raises(ValueError, match="warmup must be 0, a share"):
        check_warmup(warmup)


def test_a_runs_clips_are_the_same_whichever_utterances_validate():
    entries = {name: {"wav": f"{name}.wav", "speaker": "s"} for name in "abcd"}

    def of(valid):
        train = {name: entries[name] for name in "cba" if name != valid}
        chosen = {"train": train, "valid": {valid: entries[valid]}, "test": {"d": entries["d"]}}
        return clips({"normalization": "corpus"}, SimpleNamespace(all=entries), chosen)

    assert of("a") == of("b") == ["a.wav", "b.wav", "c.wav", "d.wav"]
