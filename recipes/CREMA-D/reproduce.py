#!/usr/bin/env python3
"""Train each kind of target several times on CREMA-D, compare them, and write a report.

> python reproduce.py --data_folder /path/to/CREMA-D --jobs 2
> python reproduce.py --data_folder /path/to/CREMA-D --test_folds all --trials 1
"""

import sys
from pathlib import Path

from crema_d_prepare import CREMA_D

from softlabels.sweep.main import run

if __name__ == "__main__":
    run(CREMA_D, sys.argv[1:], Path(__file__).with_name("train.py"))
