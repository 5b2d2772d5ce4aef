"""Files and folders are whole or absent, and errors name the place and the remedy."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from softlabels import files
from softlabels.files import make_once, replace_folder, write

KILLED = """
import os, signal, sys
from softlabels import files
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = die
files.{call}
"""
CALLS = [
    "write(sys.argv[1], 'x')",
    "make_once(sys.argv[1], die)",
    "replace_folder(sys.argv[1], die)",
]


@pytest.mark.parametrize("call", CALLS)
def test_what_a_killed_process_leaves_is_not_believed_and_goes_at_the_next_writing(tmp_path, call):
    place = tmp_path / "it"
    code = KILLED.format(call=call)
    assert subprocess.run([sys.executable, "-c", code, str(place)]).returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".it.")
    write(place, "whole")
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


def test_another_machines_remains_go_after_a_day(tmp_path, monkeypatch):
    (tmp_path / ".it.else.where-1-0a.partial").mkdir()
    make_once(tmp_path / "it", lambda _: None)
    assert len(list(tmp_path.iterdir())) == 2
    monkeypatch.setattr(files, "ABANDONED", -1.0)
    replace_folder(tmp_path / "it", lambda _: None)
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


def test_a_living_writers_temporary_file_stays(tmp_path):
    def fill(partial: Path):
        write(tmp_path / "it", "file")
        assert partial.is_dir()
        (tmp_path / "it").unlink()

    make_once(tmp_path / "it", fill)
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


def test_a_failed_writing_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write(tmp_path / "it", "old")
    monkeypatch.setattr(os, "fsync", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "it", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["it"]
    assert (tmp_path / "it").read_text() == "old"


def test_of_two_makers_the_first_ones_stays_and_both_get_it(tmp_path):
    def slow(partial: Path):
        make_once(tmp_path / "it", lambda new: (new / "maker").write_text("fast"))
        (partial / "maker").write_text("slow")

    assert (make_once(tmp_path / "it", slow) / "maker").read_text() == "fast"
    assert [file.name for file in tmp_path.iterdir()] == ["it"]


@pytest.mark.parametrize("make", [make_once, replace_folder, write])
@pytest.mark.parametrize(
    ("code", "words"), [(errno.EROFS, "can't be written"), (errno.ENOSPC, "is full")]
)
def test_a_place_that_is_read_only_or_full_is_named_with_the_remedy(
    tmp_path, monkeypatch, make, code, words
):
    def fail(*_):
        raise OSError(code, "no")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(
        OSError, match=f"{words}.*another folder.*SOFTLABELS_CACHE.*{tmp_path}"
    ) as caught:
        make(tmp_path / "it", "text" if make is write else fail)
    assert caught.value.errno == code
    assert not any(tmp_path.iterdir())


def test_who_may_read_a_file_is_the_umasks_to_say(tmp_path):
    before = os.umask(0o027)
    try:
        write(tmp_path / "it", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "it").stat().st_mode & 0o777 == 0o640
