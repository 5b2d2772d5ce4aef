"""Where the things are kept that take time to make."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the cache's folder, without making it or looking at it.

    ``$SOFTLABELS_CACHE``, else ``$XDG_CACHE_HOME/softlabels``, else
    ``~/.cache/softlabels``. A variable that is set to nothing counts as not
    set; so does a relative ``XDG_CACHE_HOME``, as its specification demands.

    Arguments
    ---------
    environment : mapping of str to str
        The environment's variables; this process's if not given.

    Example
    -------
    >>> cache_folder({"HOME": "/home/ada"}).as_posix()
    '/home/ada/.cache/softlabels'
    >>> cache_folder({"HOME": "/home/ada", "SOFTLABELS_CACHE": "/big/cache"}).as_posix()
    '/big/cache'
    """
    variables = os.environ if environment is None else environment
    home = variables.get("HOME") or os.path.expanduser("~")
    own = variables.get("SOFTLABELS_CACHE", "")
    if own:
        return Path(home + own[1:] if own == "~" or own.startswith("~/") else own)
    shared = variables.get("XDG_CACHE_HOME", "")
    if os.path.isabs(shared):
        return Path(shared) / "softlabels"
    return Path(home) / ".cache" / "softlabels"
