#!/usr/bin/env python3
"""Train each kind of target several times on CREMA-D, compare them, and write a report.

> python reproduce.py --data_folder /path/to/CREMA-D --jobs 2
> python reproduce.py --data_folder /path/to/CREMA-D --test_folds all --trials 1
"""

from collections.abc import Sequence
from pathlib import Path

from softlabels.errors import run_script


def reproduce(arguments: Sequence[str]) -> int:
    """Run a sweep from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from crema_d_prepare import CREMA_D

    from softlabels.sweep.main import main

    return main(CREMA_D, arguments, script=Path(__file__).with_name("train.py"))


if __name__ == "__main__":
    run_script(reproduce)
