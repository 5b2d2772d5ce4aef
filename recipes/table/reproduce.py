#!/usr/bin/env python3
"""Train several encoders several times each on a table of votes, compare them, write a report.

> python reproduce.py --votes votes.csv --data_folder wavs --classes "[happy, sad]" --jobs 2
"""

from collections.abc import Sequence
from pathlib import Path

from softlabels.errors import run_script


def reproduce(arguments: Sequence[str]) -> int:
    """Run a sweep from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from softlabels.corpora.table import TABLE
    from softlabels.sweep.main import main

    return main(TABLE, arguments, script=Path(__file__).with_name("train.py"))


if __name__ == "__main__":
    run_script(reproduce)
