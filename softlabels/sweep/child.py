"""Run a script in a process that ends when its standard input does.

``python -m softlabels.sweep.child SCRIPT ARGUMENTS``: the input is a pipe, so that the script
ends with the process at its other end, whatever kills that.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading


def _end_with(pipe: int) -> None:
    os.read(pipe, 1)
    os._exit(1)


if __name__ == "__main__":
    pipe = os.dup(0)  # not inherited by what the script starts
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with, args=(pipe,), daemon=True).start()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
