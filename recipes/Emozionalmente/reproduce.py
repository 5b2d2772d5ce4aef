#!/usr/bin/env python3
"""Train each kind of target several times on Emozionalmente, compare them, and write a report.

> python reproduce.py --data_folder /path/to/Emozionalmente --jobs 2
"""

from collections.abc import Sequence
from pathlib import Path

from softlabels.errors import run_script


def reproduce(arguments: Sequence[str]) -> int:
    """Run a sweep from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from emozionalmente_prepare import EMOZIONALMENTE

    from softlabels.sweep.main import main

    return main(EMOZIONALMENTE, arguments, script=Path(__file__).with_name("train.py"))


if __name__ == "__main__":
    run_script(reproduce)
