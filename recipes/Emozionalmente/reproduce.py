#!/usr/bin/env python3
"""Train each kind of target several times on Emozionalmente, compare them, and write a report.

> python reproduce.py --data_folder /path/to/Emozionalmente --jobs 2
"""

import sys
from pathlib import Path

from emozionalmente_prepare import EMOZIONALMENTE

from softlabels.sweep.main import run

if __name__ == "__main__":
    run(EMOZIONALMENTE, sys.argv[1:], Path(__file__).with_name("train.py"))
