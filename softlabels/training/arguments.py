"""Read a training's command line: every value arrives as it was typed, or is refused."""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple, NoReturn

from speechbrain.utils.run_opts import RunOptions

from softlabels.corpora.kinds import Setting, read_yaml
from softlabels.training.hparams import plain_values, read_tree
from softlabels.training.settings import SETTINGS, UNKNOWN, show_value


class CommandLine(NamedTuple):
    """The YAML, SpeechBrain's run options, and settings that replace the YAML's."""

    file: str
    run_opts: RunOptions
    overrides: dict[str, Any]


def parse(
    arguments: Sequence[str],
    defaults: Mapping[str, Any] | None = None,
    table: Mapping[str, Setting] = SETTINGS,
    description: str | None = None,
) -> CommandLine:
    """Read a command line.

    Values of texts are taken as they were typed, others are read as YAML, and checked later by
    `softlabels.training.settings.check_settings`. Wrong usage ends the process with 2, ``--help``
    with 0.

    Arguments
    ---------
    arguments : sequence of str
        A YAML's name, SpeechBrain's run options, and settings at the YAML's top level, each
        once: ``--name value`` or ``--name=value``. Progress bars are off, too, where stderr is
        no terminal.
    defaults : dict, optional
        Settings that a corpus adds to the YAML's, and defaults of its own for those.
    table : dict
        Name → `Setting`.
    description : str, optional
        The head of ``--help``.
    """
    help_asked = "--help" in arguments or "-h" in arguments
    words = [word for word in arguments if word not in ("--help", "-h")]
    # The YAML is located by what every YAML has; then its own settings are known as well.
    parser = _Parser(table, description)
    file = parser.parse_known_args(words)[0].FILE
    if file is None:
        if help_asked:
            parser.show_help({}, table)
        parser.error("give a YAML first, as hparams/modified_soft.yaml")
    known = {**settable(read_tree(file)), **(defaults or {})}
    parser = _Parser(known, description)
    if help_asked:
        parser.show_help(known, table)
    refuse_repeated(parser, words)
    options, unknown = parser.parse_known_args(words)
    parser.refuse_unknown(unknown)
    given = {name: value for name, value in vars(options).items() if name != "FILE"}
    overrides = {
        name: read_value(given.pop(name), known[name], table.get(name))
        for name in known
        if name in given
    }
    if not sys.stderr.isatty():
        given["noprogressbar"] = True
    run_opts = RunOptions(**given, param_file=file, overridden_args=set(given))
    return CommandLine(file, run_opts, overrides)


def settable(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the settings that the command line can replace: name → default."""
    plain = plain_values(tree)
    names = [name for name in tree if name in plain or name in SETTINGS]
    return {name: plain.get(name, UNKNOWN) for name in names}


def read_value(text: str, default: Any, setting: Setting | None) -> Any:
    """Read a setting's value from the command line; without `Setting`, by its default's type.

    Example
    -------
    >>> read_value("7", 1, None), read_value("7 #", "a", None), read_value("7", 1, SETTINGS["head"])
    (7, '7 #', '7')
    """
    if setting is not None:
        return setting.kind.read(text)
    return text if isinstance(default, str) else read_yaml(text)


def refuse_repeated(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """End with a usage error where an option of the parser's is given twice."""
    names = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    for name in names:
        if names.count(name) > 1 and name in parser._option_string_actions:
            parser.error(f"{name} is given {names.count(name)} times; give it once")


def describe(name: str, default: Any, setting: Setting | None) -> str:
    """Describe a setting for ``--help``.

    Example
    -------
    >>> describe("dropout", 0.5, SETTINGS["dropout"]).splitlines()[0]
    '  --dropout (0.5): a number from 0 to below 1'
    """
    value = "" if default is UNKNOWN else f" ({show_value(default)})"
    if setting is None:
        return f"  --{name}{value}"
    return f"  --{name}{value}: {setting.kind}\n{_indented(setting.meaning.replace('`', ''))}"


class _Parser(argparse.ArgumentParser):
    """SpeechBrain's run options and settings, of which none has a default here."""

    def __init__(self, settings: Iterable[str], description: str | None) -> None:
        super().__init__(
            usage="%(prog)s FILE.yaml [--SETTING VALUE] … [RUN OPTION] …",
            description=description,
            add_help=False,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,
        )
        self.add_argument("FILE", nargs="?", default=None)
        for option in _run_options():
            if option.dest not in settings:
                self._add_action(option)
        for name in settings:
            self.add_argument(f"--{name}")

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n(--help lists the settings)\n")

    def refuse_unknown(self, words: Sequence[str]) -> None:
        known = list(self._option_string_actions)
        for word in words:
            if not word.startswith("-"):
                self.error(
                    f"{word!r} belongs to no option; a value with blanks needs quotes, and one "
                    'option has one value, as in --train_on "[clear, ambiguous]"'
                )
            name = word.partition("=")[0]
            near = " or ".join(difflib.get_close_matches(name, known))
            self.error(f"there is no setting {name}" + (f"; did you mean {near}?" if near else ""))

    def show_help(self, defaults: Mapping[str, Any], table: Mapping[str, Setting]) -> NoReturn:
        names = list(defaults or table)
        settings = [describe(name, defaults.get(name, UNKNOWN), table.get(name)) for name in names]
        options = [
            f"  --{option.dest}\n{_indented(option.help or '')}"
            for option in _run_options()
            if option.dest not in names
        ]
        parts = [
            self.format_usage().rstrip(),
            (self.description or "").strip(),
            "\n".join([f"Settings{', with the defaults' if defaults else ''}:", *settings]),
            "\n".join(["SpeechBrain's run options:", *options]),
        ]
        print("\n\n".join(filter(None, parts)))
        self.exit(0)


def _indented(text: str) -> str:
    return textwrap.indent(textwrap.fill(text, 92), " " * 6)


def _run_options() -> list[argparse.Action]:
    """Return the options that every training script of SpeechBrain takes."""
    known = {field.name for field in fields(RunOptions)}
    actions = RunOptions._create_parser()._actions
    options = [option for option in actions if option.option_strings and option.dest in known]
    for option in options:
        option.default = argparse.SUPPRESS  # what isn't given is `RunOptions`' default
        if option.dest == "optimizer_step_limit":
            option.type = int  # SpeechBrain leaves it a text, and compares it to a number
    return sorted(options, key=lambda option: option.dest)
