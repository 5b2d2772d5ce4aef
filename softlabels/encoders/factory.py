"""Encoders by name: register, list, build."""

from __future__ import annotations

import contextlib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from softlabels.encoders.base import ENCODERS, AnnotationEncoder

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
        Registers the class and returns it unchanged.

    Raises
    ------
    ValueError
        If another class has that name.
    TypeError
        If what it decorates is not an `AnnotationEncoder`.

    Example
    -------
    >>> import numpy as np
    >>> from softlabels.votes.counts import target_counts
    >>> @register_encoder("presence")
    ... class Presence(AnnotationEncoder):
    ...     def encode_counts(self, counts, labels):
    ...         given = target_counts(counts, labels, self.classes) > 0
    ...         with np.errstate(invalid="ignore"):
    ...             return (given / given.sum(axis=1, keepdims=True)).astype(np.float32)
    >>> get_encoder("presence", classes=["a", "b"]).encode([["a"], ["a"], ["b"]])
    array([0.5, 0.5], dtype=float32)
    >>> _ = ENCODERS._registered.pop("presence")  # leave no trace in other examples
    """

    def decorator(cls: Encoder) -> Encoder:
        ENCODERS.register(name)(_checked(cls, name))
        cls.name = name
        return cls

    return decorator


def _checked(cls: Any, name: str) -> Any:
    if not (isinstance(cls, type) and issubclass(cls, AnnotationEncoder)):
        raise TypeError(f"encoder {name!r} must inherit AnnotationEncoder; got {cls!r}")
    return cls


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

    Returns
    -------
    encoder : AnnotationEncoder
        The encoder.

    Raises
    ------
    ValueError
        If the name is unknown, or the classes or an option's value are wrong.
    TypeError
        If the encoder has no such option, needs one that isn't given, or doesn't keep its
        options.

    Example
    -------
    >>> encoder = get_encoder("modified_soft", classes=["happy", "sad"], alpha=1.0)
    >>> encoder.encode([["happy"], ["happy"], ["happy"]])
    array([0.8, 0.2], dtype=float32)
    """
    cls = _checked(ENCODERS.get(name), name)
    known = option_names(cls)
    if known is not None:
        if unknown := sorted(set(options) - set(known)):
            raise TypeError(f"encoder {name!r} has no option {unknown}; its options: {known}")
        parameters = inspect.signature(cls).parameters
        needed = [each for each in known if parameters[each].default is inspect.Parameter.empty]
        if missing := [each for each in needed if each not in options]:
            raise TypeError(f"encoder {name!r} needs the option {missing}; its options: {known}")
    cls.name = cls.name or name  # of an entry point's, which nothing decorated
    encoder: AnnotationEncoder = cls(classes, **options)
    encoder.name = name
    try:
        _ = encoder.options
    except AttributeError as error:
        raise TypeError(
            f"encoder {name!r} must keep each option under its own name: {error}"
        ) from error
    return encoder


def encoder_from_settings(name: str, classes: Iterable[str], **settings: Any) -> AnnotationEncoder:
    """Build an encoder and hand it those settings that its constructor names.

    This is the one-word switch of a YAML: ``--encoder soft`` exchanges the
    teacher, and a setting that only other encoders have (α) is left aside.

    Arguments
    ---------
    name : str
        One of `available_encoders`.
    classes : iterable of str
        The K target classes, in the order that targets will have.
    **settings
        Settings of any encoder.

    Returns
    -------
    encoder : AnnotationEncoder
        The encoder.

    Example
    -------
    >>> encoder_from_settings("soft", ["happy", "sad"], alpha=0.75).options
    {}
    >>> encoder_from_settings("modified_soft", ["happy", "sad"], alpha=0.75).options
    {'alpha': 0.75}
    """
    with contextlib.suppress(ImportError):
        # A YAML's Checkpointer may be built after its encoder; it must know how to save it.
        importlib.import_module("speechbrain.utils.checkpoints")
    return get_encoder(name, classes, **applicable(name, settings))


def applicable(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Pick those settings that an encoder has as options.

    Example
    -------
    >>> applicable("modified_soft", {"alpha": 0.75, "power": 2})
    {'alpha': 0.75}
    """
    known = option_names(_checked(ENCODERS.get(name), name))
    return {key: value for key, value in settings.items() if known is None or key in known}


def option_names(cls: type[AnnotationEncoder]) -> list[str] | None:
    """List an encoder's options; None where its constructor takes any.

    Arguments
    ---------
    cls : type
        An encoder class.

    Returns
    -------
    names : list of str or None
        The constructor's arguments after ``classes``.

    Example
    -------
    >>> option_names(ENCODERS.get("modified_soft"))
    ['alpha']
    """
    parameters = list(inspect.signature(cls).parameters.values())
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.name != "classes"]
