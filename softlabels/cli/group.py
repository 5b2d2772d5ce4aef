"""The commands, and what they share: how an error is told, and how a command ends."""

from __future__ import annotations

import sys
from typing import Any

import click

import softlabels
from softlabels.cli.audit import audit
from softlabels.cli.classify import classify
from softlabels.cli.encode import encode
from softlabels.cli.encoders import encoders
from softlabels.cli.report import report
from softlabels.cli.simulate import simulate

COMMANDS = (encoders, encode, audit, simulate, classify, report)


class Group(click.Group):
    """Tells what is wrong with the input in one line, and ends with 1; wrong usage ends with 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (ValueError, TypeError, OSError, ImportError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)


@click.group(cls=Group)
@click.version_option(softlabels.__version__)
def main() -> None:
    """Soft labels: from what every annotator said to targets, models and reports."""


for command in COMMANDS:
    main.add_command(command)
