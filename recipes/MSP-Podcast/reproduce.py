#!/usr/bin/env python3
"""Train each kind of target several times on MSP-Podcast, compare them, and write a report.

> python reproduce.py --data_folder /path/to/MSP-Podcast --jobs 2
"""

from collections.abc import Sequence
from pathlib import Path

from softlabels.errors import run_script


def reproduce(arguments: Sequence[str]) -> int:
    """Run a sweep from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from msp_podcast_prepare import MSP_PODCAST

    from softlabels.sweep.main import main

    return main(MSP_PODCAST, arguments, script=Path(__file__).with_name("train.py"))


if __name__ == "__main__":
    run_script(reproduce)
