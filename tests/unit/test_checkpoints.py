"""Checkpoints: half of one is never taken for whole."""

import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer

from softlabels.training.checkpoints import CompleteCheckpointer


def make(cls, folder):
    return cls(folder, {"first": torch.nn.Linear(1, 1), "second": torch.nn.Linear(1, 1)})


def killed(obj, path):
    path.write_bytes(b"half")
    raise KeyboardInterrupt


def save_and_die(checkpointer):
    checkpointer.custom_save_hooks["second"] = killed
    with pytest.raises(KeyboardInterrupt):
        checkpointer.save_checkpoint(meta={"UA": 1.0})


def test_speechbrains_checkpointer_lists_half_a_checkpoint(tmp_path):
    save_and_die(make(Checkpointer, tmp_path))
    assert make(Checkpointer, tmp_path).list_checkpoints()  # why there is one of our own


def test_what_died_while_it_was_written_is_not_listed_and_makes_room_for_the_next(tmp_path):
    save_and_die(make(CompleteCheckpointer, tmp_path))
    again = make(CompleteCheckpointer, tmp_path)
    assert again.list_checkpoints() == []
    saved = again.save_checkpoint(meta={"UA": 0.5})
    assert again.find_checkpoint(max_key="UA").path == saved.path
    assert [path.name for path in tmp_path.iterdir()] == [saved.path.name]


def test_what_died_while_it_was_deleted_is_not_listed(tmp_path):
    checkpointer = make(CompleteCheckpointer, tmp_path)
    saved = checkpointer.save_checkpoint()
    saved.paramfiles["first"].unlink()
    assert checkpointer.list_checkpoints() == []


def test_the_best_and_the_newest_are_kept(tmp_path):
    checkpointer = make(CompleteCheckpointer, tmp_path)
    for ua in (0.1, 0.9, 0.5, 0.2):
        checkpointer.save_and_keep_only(meta={"UA": ua}, max_keys=["UA"])
    assert sorted(c.meta["UA"] for c in checkpointer.list_checkpoints()) == [0.2, 0.9]


@pytest.mark.parametrize(
    ("name", "left"), [("CKPT.yaml", b""), ("CKPT.yaml", b"a: [\xff"), ("first.ckpt", None)]
)
def test_a_checkpoint_in_which_a_file_was_cut_short_is_not_listed(tmp_path, name, left):
    checkpointer = make(CompleteCheckpointer, tmp_path)
    whole = checkpointer.save_checkpoint(meta={"UA": 0.5})
    cut = checkpointer.save_checkpoint(meta={"UA": 0.9}).path / name
    cut.write_bytes(cut.read_bytes()[:500] if left is None else left)
    assert [each.path for each in checkpointer.list_checkpoints()] == [whole.path]
