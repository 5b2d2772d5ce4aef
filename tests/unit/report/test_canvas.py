"""Pictures with letters that matplotlib's own font lacks."""

import io
import logging
import warnings

import numpy as np
from matplotlib.image import imread

from softlabels.report.canvas import new_figure, save_figure


def picture(text):
    figure = new_figure((2, 1))
    figure.text(0.1, 0.5, text)
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, out)
    return imread(io.BytesIO(out.getvalue()))


def test_a_letter_of_another_installed_font_is_drawn_in_it(caplog):
    # a script capital, which comes with matplotlib in STIX alone
    letter = "\U0001d4d0"
    out = io.BytesIO()
    figure = new_figure((2, 1))
    figure.text(0.1, 0.5, letter, family=["sans-serif", "STIXGeneral"])
    figure.savefig(out, dpi=130)
    assert np.array_equal(picture(letter), imread(io.BytesIO(out.getvalue())))
    assert not np.array_equal(picture(letter), picture("\U000f0000"))
    assert not [record for record in caplog.records if letter in record.message]


def test_letters_that_no_font_has_are_named_once_and_warn_nowhere(caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            picture("\U000f0000\U000f0001 happy \U000f0000")
    (record,) = caplog.records
    assert "no installed font has \U000f0000\U000f0001: other signs" in record.message


def test_the_suffix_of_a_file_is_its_format(tmp_path):
    save_figure(new_figure((1, 1)), tmp_path / "a.svg")
    save_figure(new_figure((1, 1)), tmp_path / "a")
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    assert (tmp_path / "a").read_bytes().startswith(b"\x89PNG")
