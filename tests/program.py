"""Run a Python program in this process, as ``python WORDS`` would in one of its own.

Its command line is one JSON object: ``words``, ``folder`` to run in, ``variables`` of the
environment, and the file for the standard ``errors``.
"""

import importlib
import json
import os
import runpy
import sys


def run(words, folder, variables, errors):
    """Run a script, a module (``-m``) or code (``-c``)."""
    output = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    kind, *rest = words
    name = rest.pop(0) if kind in ("-c", "-m") else kind
    sys.argv = [kind if kind == "-c" else name, *rest]
    first = {"-c": "", "-m": folder}.get(kind, os.path.dirname(os.path.abspath(kind)))
    given = [path for path in variables.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:1] = [first, *given]
    importlib.invalidate_caches()
    if kind == "-c":
        exec(compile(name, "<string>", "exec"), {"__name__": "__main__"})
    elif kind == "-m":
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(name, run_name="__main__")


if __name__ == "__main__":
    run(**json.loads(sys.argv[1]))
