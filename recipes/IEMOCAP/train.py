#!/usr/bin/env python3
"""Train and test a speech emotion classifier on IEMOCAP's annotations.

> python train.py hparams/modified_soft.yaml --data_folder /path/to/IEMOCAP_full_release

Without ``--data_folder`` it runs on simulated speech. Every setting of the YAML can be given on
the command line: ``--encoder soft``, ``--train_on "[clear]"``, ``--test_session 2``. Run the
same command again to resume what was killed.
"""

from collections.abc import Sequence

from softlabels.errors import run_script


def train(arguments: Sequence[str]) -> None:
    """Train and test from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from iemocap_prepare import IEMOCAP

    from softlabels.training.main import main

    main(IEMOCAP, arguments)


if __name__ == "__main__":
    run_script(train)
