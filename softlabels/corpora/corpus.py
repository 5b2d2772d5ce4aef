"""A corpus is a value: its reader, its defaults, and what can be held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from softlabels.corpora.kinds import Setting
from softlabels.corpora.manifest import Manifest
from softlabels.corpora.splits import split_by_settings


@dataclass(frozen=True)
class Corpus:
    """A corpus: how its release is read and split.

    Arguments
    ---------
    name : str
        The corpus' name, for folders, titles and messages.
    read : callable
        ``read(data_folder, problems, **options)`` → the manifest without what the wavs'
        headers say. It appends to ``problems`` what is wrong instead of raising.
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
        The setting that says what is held out, and its values, for a sweep over all of them.
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

    def fold(self, settings: Mapping[str, Any]) -> str:
        """Return a short name of what is held out, for folders and titles.

        Example
        -------
        >>> corpus = Corpus("c", read=dict, defaults={}, folds=("test_session", (1, 2)))
        >>> corpus.fold({"test_session": 2})
        'session2'
        """
        name, _ = self.folds
        value = settings[name or "held_out"]
        parts = value if isinstance(value, list | tuple) else [value]
        return name.removeprefix("test_").removeprefix("held_out") + "+".join(map(str, parts))
