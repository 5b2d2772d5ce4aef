"""Named things that others may add to: by a decorator, or by an entry point of
their own distribution, which is loaded when that name is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from softlabels.errors import InputError


class Registry:
    """Names → objects. Refuses a name that is taken, and lists what there is.

    Arguments
    ---------
    kind : str
        What it holds, for messages: 'encoder'.
    group : str
        The entry-point group in which other distributions announce theirs.
    prepare : callable, optional
        Called with name and object before an object is registered; raises what is wrong with it.

    Example
    -------
    >>> shapes = Registry("shape", group="example.shapes")
    >>> @shapes.register("round")
    ... class Round: ...
    >>> shapes.available()
    ('round',)
    >>> shapes.get("square")
    Traceback (most recent call last):
    ...
    softlabels.errors.InputError: unknown shape 'square'; available: ['round']
    """

    def __init__(
        self, kind: str, group: str, prepare: Callable[[str, Any], None] | None = None
    ) -> None:
        self.kind = kind
        self.group = group
        self._prepare = prepare
        self._registered: dict[str, Any] = {}
        self._unrivalled: set[str] = set()  # names that were looked up: a scan of all takes ms

    def register(self, name: str) -> Callable[[Any], Any]:
        """Return a decorator that registers an object under a name.

        Arguments
        ---------
        name : str
            A name that isn't taken.

        Returns
        -------
        decorator : callable
            Registers its argument and returns it unchanged.

        Raises
        ------
        ValueError
            If another object has that name.
        """
        self._check_name(name)

        def decorator(thing: Any) -> Any:
            held = self._registered.get(name)
            # A module that is run again may register its own anew.
            again = _place(held) == _place(thing) and "<locals>" not in _place(thing)
            if held is not None and held is not thing and not again:
                raise InputError(
                    f"{self.kind} {name!r} is already registered by {_place(held)}; "
                    f"choose another name for {_place(thing)}"
                )
            if self._prepare is not None:
                self._prepare(name, thing)
            self._registered[name] = thing
            self._unrivalled.discard(name)
            return thing

        return decorator

    @contextmanager
    def temporarily(self, name: str, thing: Any) -> Iterator[Any]:
        """Register an object for the length of a ``with`` block, as a test needs it.

        Example
        -------
        >>> shapes = Registry("shape", group="example.shapes")
        >>> with shapes.temporarily("flat", object):
        ...     shapes.available()
        ('flat',)
        >>> shapes.available()
        ()
        """
        self.register(name)(thing)
        try:
            yield thing
        finally:
            del self._registered[name]
            self._unrivalled.discard(name)

    def available(self) -> tuple[str, ...]:
        """List every name, those of entry points included, without loading any."""
        return tuple(sorted({*self._registered, *entry_points(group=self.group).names}))

    def get(self, name: str) -> Any:
        """Return what is registered under a name, loading its entry point if need be.

        Arguments
        ---------
        name : str
            One of `available`.

        Returns
        -------
        thing : object
            The registered class or function.

        Raises
        ------
        ValueError
            If the name is unknown, or two distributions claim it.
        ImportError
            If the entry point cannot be loaded.
        """
        self._check_name(name)
        if name in self._unrivalled:
            return self._registered[name]
        points = tuple(entry_points(group=self.group, name=name))
        claims = {point.value for point in points}
        if name in self._registered:
            claims.add(_place(self._registered[name]))
        if not claims:
            raise InputError(f"unknown {self.kind} {name!r}; available: {list(self.available())}")
        if len(claims) > 1:
            raise InputError(
                f"{self.kind} {name!r} is claimed by {sorted(claims)}; uninstall all but one"
            )
        if name not in self._registered:
            self.register(name)(self._load(points[0]))
        self._unrivalled.add(name)
        return self._registered[name]

    def _load(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except Exception as error:
            source = point.dist.name if point.dist else "an unknown distribution"
            raise ImportError(
                f"{self.kind} {point.name!r} = {point.value!r} of {source} "
                f"could not be loaded: {error}"
            ) from error

    def _check_name(self, name: str) -> None:
        article = "an" if self.kind[0] in "aeiou" else "a"
        if not isinstance(name, str):
            raise InputError(f"the name of {article} {self.kind} must be a string; got {name!r}")
        if not name.strip():
            raise InputError(f"the name of {article} {self.kind} is empty: give it one")

    def loaded(self) -> dict[str, Any]:
        """Return a copy of what is registered and loaded so far."""
        return dict(self._registered)


def _place(thing: Any) -> str:
    return f"{thing.__module__}:{thing.__qualname__}" if thing is not None else ""
