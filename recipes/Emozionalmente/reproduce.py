#!/usr/bin/env python3
"""Train each kind of target several times on Emozionalmente, compare them, and write a report.

> python reproduce.py --data_folder /path/to/Emozionalmente --jobs 2
"""

from functools import partial
from pathlib import Path

from emozionalmente_prepare import EMOZIONALMENTE

from softlabels.errors import run_script
from softlabels.sweep.main import main

if __name__ == "__main__":
    run_script(partial(main, EMOZIONALMENTE, script=Path(__file__).with_name("train.py")))
