"""Read a training's command line: every value arrives as it was typed, or is refused."""

from __future__ import annotations

import argparse
import difflib
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from speechbrain.utils.run_opts import RunOptions

from softlabels.training.hparams import plain_values, read_tree
from softlabels.training.settings import SETTINGS, UNKNOWN, show_value

USAGE = "%(prog)s FILE.yaml [--SETTING VALUE] … [RUN OPTION] …"


class CommandLine(NamedTuple):
    """The YAML, SpeechBrain's run options, and settings that replace the YAML's."""

    file: str
    run_opts: RunOptions
    overrides: dict[str, Any]


def parse(arguments: Sequence[str], description: str | None = None) -> CommandLine:
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
    description : str, optional
        What ``--help`` says first.
    """
    help_asked = "--help" in arguments or "-h" in arguments
    # The YAML is looked for among what every YAML has; then its own settings are known as well.
    parser = _Parser(description)
    file = parser.parse_known_args([a for a in arguments if a not in ("-h", "--help")])[0].FILE
    if file is None:
        if help_asked:
            parser.show_help({})
        parser.error("give a YAML first, as hparams/modified_soft.yaml")
    defaults = settable(read_tree(file))
    parser = _Parser(description, defaults)
    if help_asked:
        parser.show_help(defaults)
    parser.refuse_repeated(arguments)
    options, unknown = parser.parse_known_args(list(arguments))
    parser.refuse_unknown(unknown)
    given = {name: value for name, value in vars(options).items() if value is not None}
    given.pop("FILE")
    overrides = {
        name: read_value(name, given.pop(name), defaults[name])
        for name in defaults
        if name in given
    }
    overridden = set(given)
    given["noprogressbar"] = given.get("noprogressbar", False) or not sys.stderr.isatty()
    run_opts = RunOptions(**given, param_file=file, overridden_args=overridden)
    return CommandLine(file, run_opts, overrides)


def settable(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the settings that the command line can replace: name → default."""
    plain = plain_values(tree)
    names = [name for name in tree if name in plain or name in SETTINGS]
    return {name: plain.get(name, UNKNOWN) for name in names}


def read_value(name: str, text: str, default: Any = None) -> Any:
    """Read a setting's value from the command line.

    Example
    -------
    >>> read_value("seed", "7"), read_value("output_folder", "7 #b"), read_value("merge", "{a: b}")
    (7, '7 #b', {'a': 'b'})
    """
    if name in SETTINGS:
        kind = SETTINGS[name].kind
        if kind.as_typed and not (kind.optional and text == "null"):
            return text
    elif isinstance(default, str):
        return text
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError):
        return text


def describe(name: str, default: Any) -> str:
    """Describe a setting for ``--help``.

    Example
    -------
    >>> describe("dropout", 0.5).splitlines()[0]
    '  --dropout (0.5): a number from 0 to below 1'
    """
    known = SETTINGS.get(name)
    value = "" if default is UNKNOWN else f" ({show_value(default)})"
    if known is None:
        return f"  --{name}{value}"
    meaning = textwrap.fill(known.meaning.replace("`", ""), 92)
    return f"  --{name}{value}: {known.kind}\n{textwrap.indent(meaning, '      ')}"


class _Parser(argparse.ArgumentParser):
    """SpeechBrain's run options and a YAML's settings, of which none has a default here."""

    def __init__(self, description: str | None, settings: Mapping[str, Any] = SETTINGS) -> None:
        super().__init__(
            usage=USAGE,
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

    def refuse_repeated(self, arguments: Sequence[str]) -> None:
        names = [word.partition("=")[0] for word in arguments if word.startswith("--")]
        for name in names:
            if names.count(name) > 1 and name in self._option_string_actions:
                self.error(f"{name} is given {names.count(name)} times; give it once")

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

    def show_help(self, defaults: Mapping[str, Any]) -> NoReturn:
        options = [option for option in _run_options() if option.dest not in defaults]
        settings = [describe(name, defaults.get(name, UNKNOWN)) for name in defaults or SETTINGS]
        parts = [
            self.format_usage().rstrip(),
            (self.description or "").strip(),
            "\n".join(
                ["Settings" + (", with the YAML's defaults:" if defaults else ":"), *settings]
            ),
            "\n".join(["SpeechBrain's run options:", *(_describe(option) for option in options)]),
        ]
        print("\n\n".join(filter(None, parts)))
        self.exit(0)


def _describe(option: argparse.Action) -> str:
    return f"  --{option.dest}\n{textwrap.indent(textwrap.fill(option.help or '', 92), '      ')}"


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
