#!/usr/bin/env python3
"""Train each kind of target several times on CREMA-D, compare them, and write a report.

> python reproduce.py --data_folder /path/to/CREMA-D --jobs 2
> python reproduce.py --data_folder /path/to/CREMA-D --test_folds all --trials 1
"""

from functools import partial
from pathlib import Path

from crema_d_prepare import CREMA_D

from softlabels.errors import run_script
from softlabels.sweep.main import main

if __name__ == "__main__":
    run_script(partial(main, CREMA_D, script=Path(__file__).with_name("train.py")))
