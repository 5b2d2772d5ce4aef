"""Public names that are imported when first used, so that a package stays cheap to import."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def lazy_names(package: str, module_of: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a package's ``__getattr__`` (PEP 562), which imports a name's module on first use.

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

    Example
    -------
    >>> lazy_names("example", {"sqrt": "math"})("sqrt")(9)
    3.0
    """

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(module_of[name]), name)

    return get
