#!/usr/bin/env python3
"""Train and test a speech emotion classifier on CREMA-D's votes.

> python train.py hparams/modified_soft.yaml --data_folder /path/to/CREMA-D

Every setting of the YAML can be given on the command line, ``--mode face`` and ``--test_fold 2``
too. Run the same command again to resume what was killed.
"""

from collections.abc import Sequence

from softlabels.errors import run_script


def train(arguments: Sequence[str]) -> None:
    """Train and test from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from crema_d_prepare import CREMA_D

    from softlabels.training.main import main

    main(CREMA_D, arguments)


if __name__ == "__main__":
    run_script(train)
