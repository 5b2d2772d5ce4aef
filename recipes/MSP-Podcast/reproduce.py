#!/usr/bin/env python3
"""Train each kind of target several times on MSP-Podcast, compare them, and write a report.

> python reproduce.py --data_folder /path/to/MSP-Podcast --jobs 2
"""

import sys
from pathlib import Path

from msp_podcast_prepare import MSP_PODCAST

from softlabels.sweep.main import run

if __name__ == "__main__":
    run(MSP_PODCAST, sys.argv[1:], Path(__file__).with_name("train.py"))
