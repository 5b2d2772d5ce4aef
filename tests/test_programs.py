"""The tests' programs are processes of their own, as `subprocess.run` would start."""

import os
import subprocess
import sys
import time

CODE = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["WORD"], os.environ.get("PATH"), sys.path[0])
print("wrong", file=sys.stderr)
import beside
sys.exit(7)
"""


def test_a_program_runs_as_in_an_interpreter_of_its_own(python, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/program.py").write_text(CODE)
    (tmp_path / "folder/beside.py").write_text("print('beside', __name__)")
    variables = {"WORD": "ä", "PYTHONPATH": str(tmp_path / "folder"), "PYTHONUTF8": "1"}
    for words in (["folder/program.py", "a", "b"], ["-m", "program", "c"], ["-c", CODE, "d"]):
        ours = python(words, cwd=tmp_path, env=variables)
        theirs = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, env=variables, capture_output=True, text=True
        )
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
        assert ours.stderr == theirs.stderr == "wrong\n"


def test_an_error_is_the_programs(python):
    ended = python(["-c", "1 / 0"])
    assert ended.returncode == 1
    assert ended.stderr.rstrip().endswith("ZeroDivisionError: division by zero")
    assert python(["-c", "import os; os.kill(os.getpid(), 9)"]).returncode == -9


def test_a_program_ends_with_its_context(python, tmp_path):
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    with python.start(["-c", code]) as (script, output, _):
        while not (number := output.read_text() if output.exists() else ""):
            time.sleep(0.01)
        assert script.wait(0.01) is None
        os.kill(int(number), 0)
    while os.path.exists(f"/proc/{int(number)}"):
        time.sleep(0.01)
