"""``python -m softlabels``: the command line."""

from softlabels.cli import main

main(prog_name="softlabels")
