"""A cache of the tests' own, a small corpus that many tests read, and programs that start fast."""

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from softlabels.sweep.processes import TRAINING, Starter

PROGRAM = Path(__file__).with_name("program.py")
IMPORTED = (*TRAINING, "softlabels.sweep.main", "softlabels.cli.group", "pandas", "pyarrow")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """One feature store and corpus for all tests and their processes, none of the user's."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTLABELS_CACHE", str(base / "cache"))
        yield


@pytest.fixture(scope="session")
def everyday_corpus(cache):
    """The built-in corpus, made small; not to be changed."""
    from softlabels.corpora.simulated import cached_corpus

    return cached_corpus(utterances=80, progressbar=False)


class Python:
    """Python programs, each in a process forked from one that has imported what they need.

    A process with torch and SpeechBrain takes seconds to import them, a fork takes none. Variables
    that libraries read when they are imported are those of the tests.
    """

    def __init__(self, folder):
        self._folder = folder
        self._starter = Starter(PROGRAM.parents[1], {}, IMPORTED)

    @contextmanager
    def start(self, words, cwd=PROGRAM.parents[1], env=None):
        """Start ``python WORDS``; it is killed at the end of the context.

        Returns
        -------
        script, output, errors : softlabels.sweep.processes.Script, Path, Path
            The process, and the files of what it writes.
        """
        place = Path(tempfile.mkdtemp(dir=self._folder))
        output, errors = place / "output", place / "errors"
        request = {
            "words": [*map(str, words)],
            "folder": str(Path(cwd).absolute()),
            "variables": dict(os.environ if env is None else env),
            "errors": str(errors),
        }
        with self._starter([str(PROGRAM), json.dumps(request)], output) as script:
            yield script, output, errors

    def __call__(self, words, cwd=PROGRAM.parents[1], env=None, check=False, timeout=600):
        """Run ``python WORDS`` to its end, as `subprocess.run` with captured text does."""
        with self.start(words, cwd, env) as (script, output, errors):
            code = script.wait(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(words, timeout)
        texts = [file.read_text("utf-8") if file.exists() else "" for file in (output, errors)]
        if check:
            assert code == 0, f"{words} ended with {code}: {texts[1]}"
        return subprocess.CompletedProcess(words, code, *texts)

    def close(self):
        """End the process that forks."""
        self._starter.close()


@pytest.fixture(scope="session")
def python(tmp_path_factory):
    """Run Python programs as `subprocess.run` does, without their imports; see `Python`."""
    programs = Python(tmp_path_factory.mktemp("programs"))
    yield programs
    programs.close()
