"""Read a training's YAML: what it includes, what the command line changes, its objects.

A YAML may begin with ``!include:other.yaml``; its keys are then changes to that file. HyperPyYAML
includes below a key only, where settings of the file are out of reach of the command line, so the
beginning of a file is resolved here, by the rules that HyperPyYAML has for includes and overrides.
An included file lies beside the one that includes it, or comes with the package.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from hyperpyyaml import load_hyperpyyaml, resolve_references
from hyperpyyaml.core import recursive_update
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString
from ruamel.yaml.tag import Tag

from softlabels.errors import InputError

INCLUDE = "!include:"
PLACEHOLDER = "!PLACEHOLDER"
SHIPPED = Path(__file__).parents[1] / "hparams"


def read_tree(
    file: str | os.PathLike[str], changes: Mapping[str, Any] | None = None
) -> CommentedMap:
    """Read a YAML with what it includes; nothing is built.

    Arguments
    ---------
    file : str or os.PathLike
        The YAML.
    changes : dict, optional
        Values that replace those of the top level, and are taken as they are.

    Returns
    -------
    tree : ruamel.yaml.comments.CommentedMap
        The top level: tags and references as they are written.

    Raises
    ------
    InputError
        If a file is missing, is no YAML of settings, or includes itself.
    """
    tree = _read(Path(file), ())
    for name, value in (changes or {}).items():
        tree[name] = _quoted(value)
    return tree


def plain_values(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the top level's values that are settings: nothing is to be built or referred to.

    A placeholder's value is None.
    """
    return {
        name: None if _tag(value) == PLACEHOLDER else value
        for name, value in tree.items()
        if _tag(value) == PLACEHOLDER or _is_plain(value)
    }


def build(tree: CommentedMap) -> dict[str, Any]:
    """Build the objects of a YAML, as HyperPyYAML does."""
    logging.getLogger("speechbrain.utils.train_logger").addFilter(_is_news)
    loaded: dict[str, Any] = load_hyperpyyaml(_stream(tree))
    return loaded


def resolved(tree: CommentedMap) -> str:
    """Return a YAML that needs no other: includes and references are resolved."""
    text: str = resolve_references(_stream(tree)).getvalue()
    return text


def _is_news(record: logging.LogRecord) -> bool:
    """Drop a warning on import that figures can't be saved, which nothing here asks for."""
    return "torchvision" not in record.getMessage()


def _read(file: Path, including: tuple[Path, ...]) -> CommentedMap:
    if file.resolve() in including:
        raise InputError(f"{file} includes itself, by {including[-1]}; take out one {INCLUDE}")
    try:
        tree = _yaml().load(file.read_text("utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no YAML: {error}") from error
    except OSError as error:
        raise InputError(f"{file} can't be read: {error.strerror or error}") from error
    if not isinstance(tree, CommentedMap):
        raise InputError(f"{file} has no settings: it must be a mapping, as in 'seed: 1'")
    tag = _tag(tree) or ""
    if not tag.startswith(INCLUDE):
        return tree
    name = tag.removeprefix(INCLUDE)
    beside = file.resolve().parent / name
    included = beside if beside.exists() else SHIPPED / name
    base = _read(included if included.exists() else beside, (*including, file.resolve()))
    recursive_update(base, tree)
    return base


def _stream(tree: CommentedMap) -> StringIO:
    stream = StringIO()
    _yaml().dump(tree, stream)
    stream.seek(0)
    return stream


def _yaml() -> YAML:
    yaml = YAML()
    yaml.width = 1_000_000  # no value is broken into lines
    return yaml


def _tag(node: Any) -> str | None:
    tag = getattr(node, "tag", None)
    return (tag.value or None) if isinstance(tag, Tag) else None


def _is_plain(node: Any) -> bool:
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    return _tag(node) is None and all(map(_is_plain, inner))


def _quoted(value: Any) -> Any:
    """Mark texts to be written in quotes, or HyperPyYAML takes ``(a)`` for a tuple."""
    if isinstance(value, str):
        return DoubleQuotedScalarString(value)
    if isinstance(value, Mapping):
        return {_quoted(name): _quoted(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_quoted(each) for each in value]
    return value
