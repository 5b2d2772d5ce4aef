"""The commands, and what they share: how an error is shown, and how a command ends."""

from __future__ import annotations

import dis
import sys
from typing import Any

import click

import softlabels
from softlabels.cli.audit import audit
from softlabels.cli.classify import classify
from softlabels.cli.compare import compare
from softlabels.cli.encode import encode
from softlabels.cli.encoders import encoders
from softlabels.cli.export import export
from softlabels.cli.report import report
from softlabels.cli.simulate import simulate
from softlabels.cli.train import train
from softlabels.errors import InputError

COMMANDS = (audit, compare, encoders, encode, train, classify, export, report, simulate)


class Group(click.Group):
    """Shows what is wrong with the input in one line, and ends with 1; wrong usage ends with 2.

    An error that the user can't mend is a bug, and keeps its traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of work."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with the whole first line of its help."""
        lines = [
            (name, (command.help or "").partition("\n")[0])
            for name, command in self.commands.items()
        ]
        with formatter.section("Commands, in the order of work"):
            formatter.write_dl(lines)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except (ValueError, OSError, ImportError) as error:
            if isinstance(error, BrokenPipeError) or not _is_about_input(error):
                raise
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)


def _is_about_input(error: Exception) -> bool:
    """Whether the user can mend it: of ValueErrors those that this package raises itself.

    Others come from a call that failed, as ``int("x")`` does, and nobody foresaw that.
    """
    if isinstance(error, (InputError, OSError, ImportError)):
        return True
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    code, module = trace.tb_frame.f_code, trace.tb_frame.f_globals.get("__name__", "")
    raised = code.co_code[trace.tb_lasti] == dis.opmap["RAISE_VARARGS"]
    return raised and module.split(".")[0] == "softlabels"


@click.group(
    cls=Group,
    epilog="softlabels COMMAND --help shows a command's options and examples.",
)
@click.version_option(softlabels.__version__)
def main() -> None:
    """Soft labels: from every annotator's vote to targets, models and reports."""


for command in COMMANDS:
    main.add_command(command)
