#!/usr/bin/env python3
"""Train several encoders several times each on a table of votes, compare them, write a report.

> python reproduce.py --votes votes.csv --data_folder wavs --classes "[happy, sad]" --jobs 2
"""

from functools import partial
from pathlib import Path

from softlabels.corpora.table import TABLE
from softlabels.errors import run_script
from softlabels.sweep.main import main

if __name__ == "__main__":
    run_script(partial(main, TABLE, script=Path(__file__).with_name("train.py")))
