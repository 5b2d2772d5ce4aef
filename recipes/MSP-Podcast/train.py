#!/usr/bin/env python3
"""Train and test a speech emotion classifier on MSP-Podcast's votes.

> python train.py hparams/modified_soft.yaml --data_folder /path/to/MSP-Podcast

Every setting of the YAML can be given on the command line, ``--votes both`` too. Run the same
command again to resume what was killed.
"""

from collections.abc import Sequence

from softlabels.errors import run_script


def train(arguments: Sequence[str]) -> None:
    """Train and test from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from msp_podcast_prepare import MSP_PODCAST

    from softlabels.training.main import main

    main(MSP_PODCAST, arguments)


if __name__ == "__main__":
    run_script(train)
