"""How a script ends: with a line where the user can mend it, with a traceback where we must."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import os, signal, sys, time
from softlabels.errors import InputError, run_script

def main(arguments):
    {body}

run_script(main)
"""


def run(body, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(body=body))
    return subprocess.Popen(
        [sys.executable, str(script), "word"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("body", "code", "error"),
    [
        ("print(arguments)", 0, ""),
        ("return 3", 3, ""),
        ("raise InputError('seed: x; give a number')", 1, "script.py: seed: x; give a number\n"),
        (
            "open('/nowhere/a')",
            1,
            "script.py: [Errno 2] No such file or directory: '/nowhere/a'\n",
        ),
    ],
)
def test_a_script_ends_with_its_code_and_at_most_a_line(body, code, error, tmp_path):
    process = run(body, tmp_path)
    assert process.communicate()[1] == error
    assert process.returncode == code


def test_a_bug_shows_its_traceback(tmp_path):
    process = run("[][0]", tmp_path)
    error = process.communicate()[1]
    assert error.startswith("Traceback")
    assert error.endswith("IndexError: list index out of range\n")


def test_ctrl_c_says_that_the_same_command_goes_on(tmp_path):
    # processes that a shell started with & ignore it
    heeded = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    process = run(f"{heeded}; print('begun', flush=True); time.sleep(60)", tmp_path)
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "\nscript.py: stopped; the same command goes on from here\n"
    assert process.returncode == 130


def test_an_interrupt_while_a_script_imports_is_one_line(tmp_path):
    script = Path(__file__).parents[2] / "recipes/table/train.py"
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n\n\nclass Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'torch':\n            raise KeyboardInterrupt\n\n\n"
        "sys.meta_path.insert(0, Interrupt())\n"
    )
    places = os.pathsep.join([str(tmp_path), str(script.parents[2])])
    ended = subprocess.run(
        [sys.executable, str(script), "hparams/soft.yaml"],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 130
    assert ended.stderr.strip() == "train.py: stopped; the same command goes on from here"
