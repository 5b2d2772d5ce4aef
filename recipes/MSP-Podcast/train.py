#!/usr/bin/env python3
"""Train and test a speech emotion classifier on MSP-Podcast's votes.

> python train.py hparams/modified_soft.yaml --data_folder /path/to/MSP-Podcast

Every setting of the YAML can be given on the command line, ``--votes both`` too. Run the same
command again to resume what was killed.
"""

from functools import partial

from msp_podcast_prepare import MSP_PODCAST

from softlabels.errors import run_script
from softlabels.training.main import main

if __name__ == "__main__":
    run_script(partial(main, MSP_PODCAST))
