"""Single precision, whatever the caller has set for torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import torch

_LOCK = RLock()  # the default type is the whole process'


@contextmanager
def single_precision() -> Iterator[None]:
    """Compute in float32: without autocast, and with float32 as torch's default type.

    Example
    -------
    >>> with torch.autocast("cpu", torch.bfloat16), single_precision():
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    torch.float32
    """
    with torch.autocast("cpu", enabled=False):
        default = torch.get_default_dtype()
        if default == torch.float32:
            yield
            return
        with _LOCK:
            torch.set_default_dtype(torch.float32)
            try:
                yield
            finally:
                torch.set_default_dtype(default)
