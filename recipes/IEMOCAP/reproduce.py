#!/usr/bin/env python3
"""Train the paper's rows several times each, compare them, and write a report.

> python reproduce.py --data_folder /path/to/IEMOCAP_full_release --jobs 2
> python reproduce.py --alphas 0,0.25,0.5,0.75,1,1.5,2,4 --test_sessions all
> python reproduce.py --axis frontend=acoustic47,fbank --number_of_epochs 10
> python reproduce.py --backend dask --scheduler tcp://node1:8786 --jobs 32
"""

from collections.abc import Sequence
from pathlib import Path

from softlabels.errors import run_script


def reproduce(arguments: Sequence[str]) -> int:
    """Run a sweep from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from iemocap_prepare import IEMOCAP
    from paper import published_figures

    from softlabels.sweep.main import main

    script = Path(__file__).with_name("train.py")
    return main(IEMOCAP, arguments, script=script, figures=published_figures)


if __name__ == "__main__":
    run_script(reproduce)
