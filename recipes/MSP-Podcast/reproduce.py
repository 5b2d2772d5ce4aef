#!/usr/bin/env python3
"""Train each kind of target several times on MSP-Podcast, compare them, and write a report.

> python reproduce.py --data_folder /path/to/MSP-Podcast --jobs 2
"""

from functools import partial
from pathlib import Path

from msp_podcast_prepare import MSP_PODCAST

from softlabels.errors import run_script
from softlabels.sweep.main import main

if __name__ == "__main__":
    run_script(partial(main, MSP_PODCAST, script=Path(__file__).with_name("train.py")))
