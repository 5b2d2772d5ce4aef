"""A corpus is a value: its reader, its defaults, and what can be held out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from softlabels.corpora.kinds import File, Setting
from softlabels.corpora.manifest import Manifest
from softlabels.corpora.splits import split_by_settings

LONGEST = 80  # letters of a fold's name, which is a folder's


@dataclass(frozen=True)
class Corpus:
    """A corpus: how its release is read and split.

    Arguments
    ---------
    name : str
        The corpus' name, for folders, titles and messages.
    read : callable
        ``read(data_folder, problems, **options)`` → the manifest without what the wavs'
        headers give. It appends to ``problems`` what is wrong instead of raising.
    defaults : dict
        The settings that the corpus adds to a YAML's, or whose values it changes: ``classes``
        in any case, the reader's options, what its split depends on.
    options : tuple of str
        The settings that ``read`` takes.
    labels : tuple of str
        Every label there can be, to check ``merge``; () for whatever occurs.
    split : callable
        ``split(manifest, settings)`` → utterance → "train", "valid", "test" ("test2", …).
    check : callable
        ``check(settings)`` raises a ValueError where settings don't go together.
    folds : (str, tuple)
        The setting that chooses what is held out, and its values, for a sweep over all of them.
    settings : dict
        The corpus' own settings: name → which values it takes and what it means.
    remedies : dict
        Kind of problem → what to do about it.

    Example
    -------
    >>> corpus = Corpus("mine", read=lambda data_folder, problems: {}, defaults={"classes": ["a"]})
    >>> corpus.name
    'mine'
    """

    name: str
    read: Callable[..., Manifest]
    defaults: Mapping[str, Any]
    options: Sequence[str] = ()
    labels: Sequence[str] = ()
    split: Callable[[Manifest, Mapping[str, Any]], dict[str, str]] = split_by_settings
    check: Callable[[Mapping[str, Any]], None] = lambda settings: None
    folds: tuple[str, tuple[Any, ...]] = ("", ())
    settings: Mapping[str, Setting] = field(default_factory=dict)
    remedies: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> set[str]:
        """The settings that are files; their content matters, not where they lie."""
        return {name for name, each in self.settings.items() if isinstance(each.kind, File)}

    def fold(self, settings: Mapping[str, Any]) -> str:
        """Return a short name of what is held out, for folders and titles.

        Example
        -------
        >>> corpus = Corpus("c", read=dict, defaults={}, folds=("test_session", (1, 2)))
        >>> corpus.fold({"test_session": 2})
        'session2'
        >>> corpus = Corpus("c", read=dict, defaults={})
        >>> [corpus.fold({"held_out": each}) for each in (None, ["ann", "bob"], "a/b")]
        ['test', 'ann+bob', 'a_b']
        """
        name, _ = self.folds
        value = settings[name or "held_out"]
        if value is None:
            return "test"  # the corpus' own rule
        parts = value if isinstance(value, list | tuple) else [value]
        fold = name.removeprefix("test_").removeprefix("held_out") + "+".join(map(str, parts))
        fold = re.sub(r"[^\w.+-]", "_", fold)
        if len(fold) > LONGEST:
            fold = f"{len(parts)}_groups_{zlib.crc32(fold.encode()):08x}"
        return fold
