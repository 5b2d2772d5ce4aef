"""Settings: the values that each takes, their description, and their meaning."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

REFERENCE = re.compile(r"<[^>]*>")  # HyperPyYAML would replace it by another setting


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Values of one kind; ``optional`` ones may be null too."""

    optional: bool = False

    def takes(self, value: Any) -> bool:
        """Return whether a setting of this kind may have this value."""
        return (value is None and self.optional) or self.holds(value)

    def holds(self, value: Any) -> bool:
        """Return whether a value other than null is of this kind."""
        raise NotImplementedError

    def allowed(self) -> str:
        """Describe the values, null aside."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """Read a value from a command line; one that isn't of this kind is left as it is."""
        return None if self.optional and text == "null" else self.parse(text)

    def parse(self, text: str) -> Any:
        """Read a value other than null."""
        return read_yaml(text)

    def __str__(self) -> str:
        return f"{self.allowed()}, or null" if self.optional else self.allowed()


class Setting(NamedTuple):
    """Which values a setting takes, and what it means."""

    kind: Kind
    meaning: str


@dataclass(frozen=True, kw_only=True)
class Switch(Kind):
    """True or false; no other word and no number stands for one."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, bool)

    def allowed(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number from ``least`` to ``most``; with ``step``, a multiple of it.

    Example
    -------
    >>> Whole(1, 8).takes(8), Whole(1, 8).takes(1.5), Whole(0, 1).takes(True)
    (True, False, False)
    """

    least: int
    most: int
    step: int = 1

    def holds(self, value: Any) -> bool:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and self.least <= value <= self.most and value % self.step == 0

    def allowed(self) -> str:
        multiple = f", a multiple of {self.step}" if self.step > 1 else ""
        return f"a whole number from {self.least} to {self.most}{multiple}"


@dataclass(frozen=True)
class Number(Kind):
    """A number from ``least`` to ``most``; ``above``, ``below``: without that end itself.

    Example
    -------
    >>> print(Number(0, 1, below=True))
    a number from 0 to below 1
    >>> Number(0, 1, below=True).takes(1), Number(0, 1).takes(float("nan"))
    (False, False)
    """

    least: float
    most: float
    above: bool = False
    below: bool = False

    def holds(self, value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        ends = (self.above and value == self.least) or (self.below and value == self.most)
        return math.isfinite(value) and self.least <= value <= self.most and not ends

    def allowed(self) -> str:
        least = f"above {self.least:g}" if self.above else f"from {self.least:g}"
        return f"a number {least} to {'below ' if self.below else ''}{self.most:g}"


@dataclass(frozen=True)
class Word(Kind):
    """One of some words; ``choices`` is called when they are needed."""

    choices: Callable[[], Sequence[str]]

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.choices()

    def parse(self, text: str) -> Any:
        return text

    def allowed(self) -> str:
        return f"one of {', '.join(self.choices())}"


@dataclass(frozen=True, kw_only=True)
class Text(Kind):
    """Any text, such as a path."""

    def holds(self, value: Any) -> bool:
        usable = isinstance(value, str) and value.strip() and "\0" not in value
        return bool(usable and not REFERENCE.search(value))

    def parse(self, text: str) -> Any:
        return text

    def allowed(self) -> str:
        return "a text that is not blank and has no <…> in it"


@dataclass(frozen=True, kw_only=True)
class File(Text):
    """The path of a file; one from a command line is made absolute."""

    def parse(self, text: str) -> Any:
        return os.path.abspath(text) if text else text

    def allowed(self) -> str:
        return "a file's path"


@dataclass(frozen=True)
class Names(Kind):
    """A list of at least ``least`` different names, of ``choices`` if given.

    Example
    -------
    >>> print(Names(1, ("clear", "ambiguous")))
    a list of clear, ambiguous or both, as in [clear, ambiguous]
    >>> Names(2).takes(["happy"]), Names(2).takes(["happy", "sad"])
    (False, True)
    """

    least: int
    choices: tuple[str, ...] = ()

    def holds(self, value: Any) -> bool:
        if not isinstance(value, (list, tuple)) or not all(map(_is_name, value)):
            return False
        known = not self.choices or set(value) <= set(self.choices)
        return known and len(set(value)) == len(value) >= self.least

    def parse(self, text: str) -> Any:
        return read_yaml(text, names=True)

    def allowed(self) -> str:
        if self.choices:
            form = ", ".join(self.choices)
            return f"a list of {form} or both, as in [{form}]"
        return f"a list of at least {self.least} different names, as in [happy, sad]"


@dataclass(frozen=True, kw_only=True)
class Pairs(Kind):
    """Name → value; with ``names``, name → name."""

    names: bool = False

    def holds(self, value: Any) -> bool:
        if not isinstance(value, dict) or not all(map(_is_name, value)):
            return False
        return not self.names or all(map(_is_name, value.values()))

    def parse(self, text: str) -> Any:
        return read_yaml(text, names=self.names)

    def allowed(self) -> str:
        form = "{one: another}" if self.names else "{name: value}"
        return f"a mapping, as in {form}, or {{}}"


@dataclass(frozen=True)
class HeldOut(Kind):
    """A group's name, a list of them, a share of the groups, or the corpus' own split.

    Example
    -------
    >>> HeldOut().read("0.2"), HeldOut().read("1001"), HeldOut().read("[01, 02]")
    (0.2, '1001', ['01', '02'])
    """

    def holds(self, value: Any) -> bool:
        if isinstance(value, float):
            return 0 < value < 1
        return _is_name(value) or (Names(1).holds(value))

    def parse(self, text: str) -> Any:
        value = read_yaml(text, names=True)
        share = read_yaml(text)
        return share if isinstance(share, float) and 0 < share < 1 else value

    def allowed(self) -> str:
        return "a group, a list of groups, a share of them above 0 and below 1, or official"


@dataclass(frozen=True)
class Checked(Kind):
    """What ``check`` takes: it raises a ValueError for all else."""

    check: Callable[[Any], object]
    rules: str

    def holds(self, value: Any) -> bool:
        try:
            self.check(value)
        except ValueError:
            return False
        return True

    def allowed(self) -> str:
        return self.rules


def read_yaml(text: str, names: bool = False) -> Any:
    """Read a value written as YAML; a text that is none is returned as it is.

    Arguments
    ---------
    text : str
        The value.
    names : bool
        Whether all that isn't a list or a mapping is a name: ``no`` or ``01`` are, too.

    Example
    -------
    >>> read_yaml("[no, 01]"), read_yaml("[no, 01]", names=True), read_yaml("a: b: c")
    (['no', 1], ['no', '01'], 'a: b: c')
    """
    try:
        return YAML(typ="base" if names else "safe", pure=True).load(text)
    except (YAMLError, ValueError):
        return text


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
