#!/usr/bin/env python3
"""Train and test a speech emotion classifier on a table of votes and a folder of clips.

> python train.py hparams/modified_soft.yaml --votes votes.csv --data_folder wavs \\
    --classes "[happy, sad, neutral]"

``README.md`` beside it describes the tables. Every setting of the YAML can be given on the
command line. Run the same command again to resume what was killed.
"""

from collections.abc import Sequence

from softlabels.errors import run_script


def train(arguments: Sequence[str]) -> None:
    """Train and test from command-line arguments."""
    # imported here, as this takes seconds: an interrupt then ends the script in one line, too
    from softlabels.corpora.table import TABLE
    from softlabels.training.main import main

    main(TABLE, arguments)


if __name__ == "__main__":
    run_script(train)
