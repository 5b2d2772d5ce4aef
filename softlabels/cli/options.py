"""What commands share: options on votes, classes, forms of output and pictures; JSON."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson

from softlabels.errors import InputError

if TYPE_CHECKING:
    from softlabels.votes import Ballots
    from softlabels.votes.dominance import Agreement

Command = TypeVar("Command", bound=Callable[..., Any])

PICTURES = (".png", ".pdf", ".svg")


def names(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str]:
    """Split a list of names at its commas; a name that has one stands in double quotes."""
    cells = next(csv.reader([text or ""], skipinitialspace=True), [])
    given = [name.strip() for name in cells if name.strip()]
    if len(set(given)) < len(given):
        raise click.BadParameter(f"a name occurs twice in {text!r}")
    return given


def agreement_rule(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> Agreement | None:
    """Read a rule of dominance: a whole number, a share, 'plurality' or 'majority'."""
    from softlabels.votes.dominance import check_agreement

    if text is None:
        return None
    rule: Agreement = text
    for number in (int, float):
        with contextlib.suppress(ValueError):
            rule = number(text)
            break
    try:
        return check_agreement(rule)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def votes_options(command: Command) -> Command:
    """Give a command the argument VOTES and the options for reading it."""
    return click.argument("votes", type=click.File("rb"))(columns_options(command))


def columns_options(command: Command) -> Command:
    """Give a command the options for reading votes."""
    for decorate in (
        click.option("--skip-bad-rows", is_flag=True, help="Leave out unreadable rows; list them."),
        click.option(
            "--query",
            help="Only rows that this pandas query selects: 'age > 20'. A first column without "
            "a name is called `Unnamed: 0`.",
        ),
        click.option(
            "--counts",
            callback=names,
            metavar="LABEL,…",
            help="A row is an item, with a column of counts for each of these labels.",
        ),
        click.option("--label", default="label", show_default=True, help="Column of labels."),
        click.option(
            "--annotator",
            default="worker",
            show_default="worker, or annotator",
            help="Column of annotators.",
        ),
        click.option(
            "--item",
            help="Column of items.  [default: task, clip or item; or the line, with --counts]",
        ),
    ):
        command = decorate(command)
    return command


def classes_option(required: bool = False) -> Callable[[Command], Command]:
    """Return the option ``--classes``; where it is not required, all labels are the default."""
    return click.option(
        "--classes",
        callback=names,
        required=required,
        metavar="CLASS,…",
        help="The target classes." + ("" if required else "  [default: all labels]"),
    )


def agreement_option(default: str | None = None) -> Callable[[Command], Command]:
    """Return the option ``--agreement``."""
    return click.option(
        "--agreement",
        callback=agreement_rule,
        default=default,
        show_default=True,
        metavar="RULE",
        help="What makes a label dominant: 2 annotators, plurality, majority or a share (0.6).",
    )


def format_option(*forms: str) -> Callable[[Command], Command]:
    """Return the option ``--format``, as the argument ``form``; the first one is the default."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help="What is printed.",
    )


def picture_option(command: Command) -> Command:
    """Give a command the option ``--picture``."""
    return click.option(
        "--picture",
        type=click.Path(dir_okay=False, path_type=Path),
        callback=_checked_picture,
        help="A PNG, PDF or SVG to draw, by its suffix.",
    )(command)


def _checked_picture(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    if file and file.suffix.lower() not in PICTURES:
        raise click.BadParameter(f"{str(file)!r}: its suffix must be one of {', '.join(PICTURES)}")
    return file


def as_json(content: Any, indent: bool = True) -> str:
    """Write dicts, lists, dataclasses and arrays as JSON; NaN is null.

    Example
    -------
    >>> print(as_json({"score": float("nan"), 0.5: (1, "α")}))
    {
      "score": null,
      "0.5": [
        1,
        "α"
      ]
    }
    """
    option = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
    if indent:
        option |= orjson.OPT_INDENT_2
    return orjson.dumps(content, option=option).decode()


def players_option(command: Command) -> Command:
    """Give a command the option for the audio of a page's clips."""
    return click.option(
        "--players",
        type=click.Choice(["embed", "link", "none"]),
        default="embed",
        show_default=True,
        help="The audio of doubtful clips: a copy in the page, a link to the file, or none.",
    )(command)


def warn_of_absent(classes: Sequence[str], ballots: Ballots) -> None:
    """Report classes without votes and votes outside the classes: either may be misspelt.

    That nobody voted for any class is an error.
    """
    from softlabels.votes.leftovers import leftover_votes

    leftover = leftover_votes(ballots, classes) if classes else None
    if absent := [name for name in classes if name not in ballots.labels]:
        message = f"nobody voted for {', '.join(absent)}; the labels: {', '.join(ballots.labels)}"
        if len(absent) == len(classes):
            raise InputError(f"{message}. {leftover}")
        click.echo(message, err=True)
    if leftover:
        click.echo(leftover, err=True)
