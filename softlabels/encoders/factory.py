"""Encoders by name: register, list, build."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from softlabels.encoders.base import ENCODERS, AnnotationEncoder
from softlabels.errors import InputError

Encoder = TypeVar("Encoder", bound=type[AnnotationEncoder])


def register_encoder(name: str) -> Callable[[Encoder], Encoder]:
    """Return a class decorator that makes an encoder available under a name.

    Arguments
    ---------
    name : str
        A name that isn't taken.

    Returns
    -------
    decorator : callable
        Registers the class, names it and returns it.

    Raises
    ------
    ValueError
        If another class has that name, or the class another name.
    TypeError
        If what it decorates is not an `AnnotationEncoder`, or its options are not fields.

    Example
    -------
    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Presence(AnnotationEncoder):
    ...     def targets(self, ballots):
    ...         given = ballots.of(self.classes) > 0
    ...         return given / given.sum(axis=1, keepdims=True)
    >>> with ENCODERS.temporarily("presence", Presence):  # for good: @register_encoder("presence")
    ...     get_encoder("presence", classes=["a", "b"]).encode([["a"], ["a"], ["b"]])
    array([0.5, 0.5], dtype=float32)
    """
    return ENCODERS.register(name)


def available_encoders() -> tuple[str, ...]:
    """List the encoders' names, those of other distributions included.

    Returns
    -------
    names : tuple of str
        In alphabetical order.

    Example
    -------
    >>> {"hard", "modified_soft", "soft"} <= set(available_encoders())
    True
    """
    return ENCODERS.available()


def get_encoder(name: str, classes: Iterable[str], **options: Any) -> AnnotationEncoder:
    """Build an encoder from its name.

    Arguments
    ---------
    name : str
        One of `available_encoders`.
    classes : iterable of str
        The K target classes, in the order that targets will have.
    **options
        The encoder's own options.

    Raises
    ------
    ValueError
        If the name is unknown, the encoder has no such option or needs one that isn't given,
        or the classes or an option's value are wrong.

    Example
    -------
    >>> encoder = get_encoder("modified_soft", classes=["happy", "sad"], alpha=1.0)
    >>> encoder.encode([["happy"], ["happy"], ["happy"]])
    array([0.8, 0.2], dtype=float32)
    """
    cls = ENCODERS.get(name)
    known = encoder_options(cls)
    if unknown := sorted(set(options) - set(known)):
        raise InputError(f"encoder {name!r} has no option {unknown}; its options: {list(known)}")
    if missing := [key for key in known if known[key] is MISSING and key not in options]:
        raise InputError(f"encoder {name!r} needs the option {missing}; its options: {list(known)}")
    try:
        encoder: AnnotationEncoder = cls(classes, **options)
    except InputError:
        raise
    except ValueError as error:  # of another distribution's
        raise InputError(f"encoder {name!r}: {error}") from error
    return encoder


def encoder_from_settings(
    name: str,
    classes: Iterable[str],
    options: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AnnotationEncoder:
    """Build an encoder from a YAML's settings.

    ``--encoder soft`` exchanges the encoder by one word, so settings that several encoders
    share are given to those that have them; the options are one encoder's own.

    Arguments
    ---------
    name : str
        One of `available_encoders`.
    classes : iterable of str
        The K target classes, in the order that targets will have.
    options : dict, optional
        The encoder's own options; they go before settings of the same name.
    **settings
        Settings of any encoder; those that this one lacks are left aside.

    Returns
    -------
    encoder : AnnotationEncoder
        The encoder; SpeechBrain's Checkpointer can save it.

    Raises
    ------
    ValueError
        As `get_encoder`; above all if the encoder lacks one of ``options``.

    Example
    -------
    >>> encoder_from_settings("soft", ["happy", "sad"], alpha=0.75)
    SoftEncoder(classes=('happy', 'sad'))
    >>> encoder_from_settings("modified_soft", ["happy", "sad"], {"alpha": 1}, agreement=2)
    ModifiedSoftEncoder(classes=('happy', 'sad'), alpha=1.0)
    """
    if not isinstance(options, (Mapping, type(None))):
        raise InputError(f"encoder options must look like {{power: 3}}; got {options!r}")
    with contextlib.suppress(ImportError):
        # A YAML's Checkpointer may be built after its encoder; it must know how to save it.
        importlib.import_module("speechbrain.utils.checkpoints")
    known = encoder_options(ENCODERS.get(name))
    shared = {key: value for key, value in settings.items() if key in known}
    try:
        return get_encoder(name, classes, **{**shared, **(options or {})})
    except InputError as error:
        if not options:
            raise
        raise InputError(f"{error} (--encoder_options {dict(options)})") from error


def encoder_options(cls: type[AnnotationEncoder]) -> dict[str, Any]:
    """Return an encoder's options and their defaults, `dataclasses.MISSING` for none.

    Example
    -------
    >>> encoder_options(ENCODERS.get("modified_soft"))
    {'alpha': 0.75}
    """
    return {
        each.name: each.default if each.default_factory is MISSING else each.default_factory()
        for each in fields(cls)[1:]  # the first are the classes
        if each.init
    }
