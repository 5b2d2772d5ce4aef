"""Public names that are imported when first used, so that a package stays cheap to import."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(
    package: str, module_of: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return a package's ``__getattr__`` and ``__dir__`` (PEP 562).

    The first imports a name's module on first use, the second lists all names.

    Arguments
    ---------
    package : str
        The package's ``__name__``.
    module_of : dict
        Public name → the module that defines it.

    Returns
    -------
    getattr : callable
        Name → object; an AttributeError for any other name.
    dir : callable
        The names of the package, those that are not yet imported too, sorted.

    Example
    -------
    >>> get, names = lazy_names("math", {"pstdev": "statistics"})
    >>> get("pstdev")([1, 3]), "pstdev" in names()
    (1.0, True)
    """

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(module_of[name]), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *module_of})

    return get, names
