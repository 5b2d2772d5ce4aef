"""Scripts in processes that end with the process that started them, and import nothing anew."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from softlabels.sweep import starter

# What a training imports: torch._dynamo by its optimizer, the last two by its YAML. That takes
# longer than training a linear head.
TRAINING = (
    "softlabels.training.main",
    "torch._dynamo",
    "softlabels.training.checkpoints",
    "speechbrain.utils.train_logger",
)


class Starter:
    """Starts scripts, each in a process forked from one that has imported what they need.

    Arguments
    ---------
    folder : Path
        Where the scripts run.
    variables : mapping
        Environment variables that they have besides this process' own: some, as
        ``OMP_NUM_THREADS``, have to be set before torch is imported.
    modules : sequence of str
        What is imported.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "a.py").write_text("import sys; print(sys.argv[1])")
    ...     start = Starter(Path(name), {"OMP_NUM_THREADS": "1"})
    ...     with start(["a.py", "b"], Path(name, "log")) as script:
    ...         code = script.wait(60)
    ...     start.close()
    ...     code, Path(name, "log").read_text()
    (0, 'b\\n')
    """

    def __init__(
        self, folder: Path, variables: Mapping[str, str], modules: Sequence[str] = ()
    ) -> None:
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", starter.__name__, str(theirs.fileno()), *modules],
                cwd=folder,
                env={**os.environ, **variables},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # what a script writes goes to its log
                stderr=subprocess.DEVNULL,
            )

    def __call__(self, words: Sequence[str], log: Path) -> Script:
        """Start a script.

        Arguments
        ---------
        words : sequence of str
            Its command line, from its own name on.
        log : Path
            The file of all that it writes; one that is there is overwritten.

        Raises
        ------
        ConnectionError
            If the process that forks was killed.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._requests, [b"+"], [theirs.fileno()])
        ours.sendall(json.dumps([list(words), str(log)]).encode() + b"\n")
        return Script(ours)

    def is_alive(self) -> bool:
        """Return whether the process that forks is there."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process that forks; scripts that run go on."""
        self._requests.close()
        self._process.wait()


class Script:
    """A script that runs; leaving the context kills it, and so does whatever ends this process."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def wait(self, seconds: float) -> int | None:
        """Return the exit code, of a killed one minus the signal; None if it runs on.

        Raises
        ------
        ConnectionError
            If the process that watches the script was killed, and so the script.
        """
        self._end.settimeout(seconds)
        try:
            code = self._end.recv(16)
        except TimeoutError:
            return None
        if not code:
            raise ConnectionError("the process that watches it was killed")
        return int(code)

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *error: Any) -> None:
        with self._end:
            self._end.settimeout(None)
            try:
                self._end.shutdown(socket.SHUT_WR)
                while self._end.recv(16):
                    pass
            except OSError:
                pass  # it has ended
