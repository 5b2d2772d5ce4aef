"""The command line: ``softlabels COMMAND``, a file a command."""

from softlabels.cli.group import main

__all__ = ["main"]
