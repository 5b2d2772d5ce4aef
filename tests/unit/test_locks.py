"""Who holds a folder is named, and a folder that can't be held says why."""

import errno
import os

import pytest

from softlabels.locks import hold, holder


def test_asking_who_holds_a_folder_writes_nothing(tmp_path):
    assert holder(tmp_path) is None
    assert not any(tmp_path.iterdir())


def test_a_read_only_folder_is_named_with_the_remedy_in_one_line(tmp_path, monkeypatch):
    def read_only(path, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)

    with hold(tmp_path):
        pass
    monkeypatch.setattr(os, "open", read_only)
    assert holder(tmp_path) is None
    message = f"can't be written.*another folder.*{tmp_path}"
    with pytest.raises(OSError, match=message) as caught, hold(tmp_path):
        pass
    assert "\n" not in str(caught.value)


def test_a_folder_under_a_file_is_named_with_the_remedy(tmp_path):
    (tmp_path / "file").touch()
    message = r"isn't a folder.*another folder.*/file/results"
    with pytest.raises(OSError, match=message), hold(tmp_path / "file" / "results"):
        pass
