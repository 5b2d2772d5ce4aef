"""What changed in a sealed folder is named."""

import os

import pytest

from softlabels.seal import SEAL_FILE, check_seal, make_sealed, seal, sealed_files


@pytest.fixture
def results(tmp_path):
    for name in ("metrics.json", "predictions.csv", "model/settings.json", "save/log", "log.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    seal(tmp_path, ["metrics.json", "predictions.csv", "model", "NOTICE.txt"])
    return tmp_path


SEALED = ["metrics.json", "model/settings.json", "predictions.csv"]


def test_named_files_and_folders_are_sealed_and_others_may_change(results):
    assert sealed_files(results) == SEALED
    assert check_seal(results) == []
    for name in ("save/log", "log.txt", "model/more"):
        (results / name).write_text("other")
    assert check_seal(results) == []


@pytest.mark.parametrize("name", [*SEALED, SEAL_FILE])
@pytest.mark.parametrize("clock", [0, 2**40])
def test_whatever_bit_is_flipped_is_noticed(results, name, clock):
    file = results / name
    whole = file.read_bytes()
    times = os.stat(file).st_atime_ns, os.stat(file).st_mtime_ns + clock
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        file.write_bytes(data)
        os.utime(file, ns=times)
        assert check_seal(results) or _same(whole, bytes(data)), place
    file.unlink()
    assert check_seal(results) == [file]


def _same(whole, changed):
    """Blanks around JSON's values are nobody's data."""
    return whole.split() == changed.split()


def test_a_sealed_folder_may_move(results, tmp_path_factory):
    moved = tmp_path_factory.mktemp("moved") / "results"
    os.rename(results, moved)
    assert check_seal(moved) == []


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"sha256": {}}', '{"sha256": {"a": 1}}'])
def test_a_seal_that_says_nothing_is_damaged(results, text):
    (results / SEAL_FILE).write_text(text)
    assert check_seal(results) == [results / SEAL_FILE]


@pytest.mark.parametrize("name", ["votes", SEAL_FILE])
def test_a_damaged_folder_is_named_and_made_anew(tmp_path, caplog, name):
    def make(new):
        (new / "votes").write_bytes(b"sad")

    folder = make_sealed(tmp_path / "cache", make)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(b"?" + whole[1:])
    make_sealed(folder, make)
    assert (folder / name).read_bytes() == whole
    assert f"{folder / name} is damaged or missing" in caplog.text
    caplog.clear()
    make_sealed(folder, lambda new: pytest.fail("it is whole"))
    assert not caplog.text
