"""Checkpoints: half of one is never taken for whole."""

import hashlib
import os
import re
import signal
import time

import pytest
import torch
from speechbrain.utils.checkpoints import Checkpointer

from softlabels import seal
from softlabels.training.checkpoints import CompleteCheckpointer, damaged


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


def test_a_checkpoints_scores_are_parsed_once(tmp_path, monkeypatch):
    checkpointer = make(CompleteCheckpointer, tmp_path)
    parsed = []
    construct = checkpointer._construct_checkpoint_objects
    monkeypatch.setattr(
        checkpointer,
        "_construct_checkpoint_objects",
        lambda folders: parsed.extend(folders) or construct(folders),
    )
    for ua in (0.1, 0.9, 0.5, 0.2):
        checkpointer.save_and_keep_only(meta={"UA": ua}, max_keys=["UA"])
    assert checkpointer.find_checkpoint(max_key="UA").meta["UA"] == 0.9
    assert len(parsed) == len(set(parsed)) == 4


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


def flip(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)


def saved(folder, *scores):
    checkpointer = make(CompleteCheckpointer, folder)
    return [checkpointer.save_checkpoint(meta={"UA": score}) for score in scores]


def names(checkpointer):
    return [each.path.name for each in checkpointer.list_checkpoints()]


FILES = ["CKPT.yaml", "digests.json", "first.ckpt", "second.ckpt"]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["flip", "zeros", "remove"])
def test_a_checkpoint_with_changed_bytes_is_named_and_not_used(tmp_path, caplog, name, change):
    _, changed = saved(tmp_path, 0.5, 0.9)
    file = changed.path / name
    if change == "remove":
        file.unlink()
    elif change == "flip":
        flip(file, file.stat().st_size // 2)
    else:
        file.write_bytes(bytes(file.stat().st_size))
    again = make(CompleteCheckpointer, tmp_path)
    assert again.find_checkpoint(max_key="UA").meta["UA"] == 0.5
    assert again.find_checkpoint().meta["UA"] == 0.5
    assert caplog.text.count("is damaged or missing") == 1
    assert f"{changed.path}/" in caplog.text
    assert {each.parent for each in damaged(tmp_path)} == {changed.path}


def test_what_was_saved_after_a_damaged_checkpoint_is_not_used_and_goes(tmp_path):
    best, _ = saved(tmp_path, 0.9, 0.5)
    flip(best.path / "first.ckpt", 300)
    again = make(CompleteCheckpointer, tmp_path)
    assert names(again) == []
    again.save_checkpoint(meta={"UA": 0.7})
    assert [each.meta["UA"] for each in again.list_checkpoints()] == [0.7]
    assert damaged(tmp_path) == []


def test_a_checkpoint_that_is_damaged_while_training_goes_on_ends_it(tmp_path):
    checkpointer = make(CompleteCheckpointer, tmp_path)
    checkpointer.save_checkpoint(meta={"UA": 0.5})
    best = checkpointer.save_checkpoint(meta={"UA": 0.9})
    flip(best.path / "first.ckpt", 300)
    message = f"{re.escape(str(best.path))} was damaged while training went on"
    with pytest.raises(OSError, match=message):
        checkpointer.save_checkpoint(meta={"UA": 0.5})
    assert len(names(make(CompleteCheckpointer, tmp_path))) == 1


def test_the_newest_is_the_last_saved_whatever_the_clock(tmp_path, monkeypatch):
    now = time.time()
    checkpointer = make(CompleteCheckpointer, tmp_path)
    for epoch, hours in enumerate([0, 24, -24, 1, -48]):
        monkeypatch.setattr(time, "time", lambda hours=hours: now + 3600 * hours)
        checkpointer.save_and_keep_only(meta={"UA": -epoch, "epoch": epoch}, max_keys=["UA"])
        again = make(CompleteCheckpointer, tmp_path)
        assert again.find_checkpoint().meta["epoch"] == epoch
        assert again.find_checkpoint(max_key="UA").meta["epoch"] == 0
        assert len(names(again)) == min(2, epoch + 1)


DIES = """
import os, shutil, signal, sys, torch
from softlabels.training.checkpoints import CompleteCheckpointer
def die(folder, **_):
    if os.path.exists(folder):
        os.unlink(os.path.join(folder, "first.ckpt"))
        os.kill(os.getpid(), signal.SIGKILL)
layers = {name: torch.nn.Linear(1, 1) for name in ("first", "second")}
checkpointer = CompleteCheckpointer(sys.argv[1], layers)
checkpointer.save_checkpoint()
checkpointer.save_checkpoint()
shutil.rmtree = die
checkpointer.delete_checkpoints()
"""


def test_a_process_killed_while_it_deletes_leaves_the_others_to_use(python, tmp_path):
    assert python(["-c", DIES, tmp_path]).returncode == -signal.SIGKILL
    again = make(CompleteCheckpointer, tmp_path)
    assert names(again) == ["CKPT+000002"]
    again.save_and_keep_only()
    assert os.listdir(tmp_path) == ["CKPT+000003"]


def test_files_are_read_once_a_process(tmp_path, monkeypatch):
    saved(tmp_path, 0.5, 0.9)
    digests = []
    digest = hashlib.file_digest
    monkeypatch.setattr(seal, "_verified", {})
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: digests.append(a) or digest(*a))
    for _ in range(3):
        assert len(names(make(CompleteCheckpointer, tmp_path))) == 2
    assert len(digests) == 6
