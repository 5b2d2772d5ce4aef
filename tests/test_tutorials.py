"""The tutorials run from top to bottom, and print what they show."""

import contextlib
import doctest
import io
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from softlabels.cli import main

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs/tutorials").glob("*.md"))
QUICK = ["--number_of_epochs", "1", "--hidden_size", "8", "--lstm_size", "4"]  # of a training
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(text):
    """Yield each block's language, code and, where a block of text follows, its output."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    for place, (language, code) in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else ("", "")
        if language in ("python", "bash"):
            yield language, code, following[1] if following[0] == "text" else None


def run_shell(code):
    printed = ""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "softlabels", line
        quick = QUICK if words[1] == "train" else []
        output = words[words.index(">") + 1] if ">" in words else None
        words = words[: words.index(">")] if output else words
        done = CliRunner().invoke(main, [*words[1:], *quick], catch_exceptions=False)
        assert done.exit_code == 0, done.stderr
        if output:
            Path(output).write_text(done.stdout)
        else:
            printed += done.stdout
    return printed


def run_python(code, names):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "<tutorial>", "exec"), names)
    return printed.getvalue()


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda file: file.stem)
def test_a_tutorial_prints_what_it_shows(tutorial, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "tutorial"}
    for language, code, shown in blocks(tutorial.read_text("utf-8")):
        printed = run_python(code, names) if language == "python" else run_shell(code)
        if shown is not None:
            matches = doctest.OutputChecker().check_output(shown, printed, FLAGS)
            assert matches, f"{code}\nprints\n{printed}"
