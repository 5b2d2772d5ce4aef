"""A process that has imported what scripts need, and forks for each one.

``python -m softlabels.sweep.starter SOCKET MODULE …``: the number of an inherited Unix socket, over
which each script's own socket comes (see `softlabels.sweep.processes`), and what is imported.

This process computes nothing, so that a fork loses no thread of a pool and no CUDA context. Each
script has a process that watches it: it ends the script where the other end of the script's
socket is closed, by whatever ends that process, and sends it the exit code.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
from collections.abc import Sequence

WITHOUT_CONTEXT = "PYTORCH_NVML_BASED_CUDA_CHECK"  # SpeechBrain asks for CUDA when imported


def preload(modules: Sequence[str]) -> None:
    """Import modules; one that can't be imported is an error of the script's, in its log."""
    given = os.environ.get(WITHOUT_CONTEXT)
    os.environ[WITHOUT_CONTEXT] = "1"
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    del os.environ[WITHOUT_CONTEXT]
    if given is not None:
        os.environ[WITHOUT_CONTEXT] = given
    gc.collect()
    gc.freeze()  # a collection in a forked process would copy all pages


def serve(requests: socket.socket) -> list[str] | None:
    """Fork for each socket that comes.

    Returns
    -------
    words : list of str, optional
        In a process that is to run a script: its command line. None in this process, when the
        other end of the requests is closed.
    """
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C: the sweep ends scripts
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those who watch are waited for by nobody
    while True:
        message, descriptors, *_ = socket.recv_fds(requests, 1, 1)
        if not message:
            return None
        with socket.socket(fileno=descriptors[0]) as end:
            if os.fork():
                continue
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            words, log = json.loads(end.makefile().readline())
            lifeline, held = os.pipe()  # held by the process that watches alone
            process = os.fork()
            if process:
                _watch(process, end)
        os.close(held)
        signal.signal(signal.SIGINT, interrupted)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
        return list(words)


def _watch(process: int, end: socket.socket) -> None:
    """Wait for a script's process, or kill it where nobody waits at the other end; exit."""

    def kill_if_closed() -> None:
        with contextlib.suppress(ConnectionError):
            end.recv(1)
        os.kill(process, signal.SIGKILL)

    threading.Thread(target=kill_if_closed, daemon=True).start()
    _, status = os.waitpid(process, 0)
    with contextlib.suppress(ConnectionError):
        end.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)
    os._exit(1)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        if sys.platform == "linux":  # elsewhere libraries don't survive a fork
            preload(sys.argv[2:])
        words = serve(requests)
    if words is not None:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
