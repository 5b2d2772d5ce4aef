"""Encoders as JSON: what they are, and what they learned from votes."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from softlabels.errors import InputError


def learned_attributes(encoder: object) -> dict[str, Any]:
    """Return an encoder's learned attributes: those whose names end in ``_``."""
    return {
        name: value
        for name, value in vars(encoder).items()
        if name.endswith("_") and not name.startswith("_")
    }


def write_encoder(
    description: Mapping[str, Any], learned: Mapping[str, Any], path: str | os.PathLike[str]
) -> None:
    """Write a description and, if there is something, what was learned; floats are exact."""
    content = dict(description)
    if learned:
        content["learned"] = {name: _as_json(value) for name, value in learned.items()}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    Path(path).write_text(text + "\n", "utf-8")


def read_encoder(
    path: str | os.PathLike[str], description: Mapping[str, Any], learned: Mapping[str, Any]
) -> dict[str, Any]:
    """Read what a saved encoder learned, if it is the described one.

    Arguments
    ---------
    path : str or os.PathLike
        What `write_encoder` wrote.
    description : dict
        What the file must hold.
    learned : dict
        What it must have learned, up to rounding; nothing: whatever it did.

    Raises
    ------
    ValueError
        If the file is damaged or differs.
    """
    try:
        saved = json.loads(Path(path).read_text("utf-8"))
        expected = json.loads(json.dumps(description))  # a tuple comes back as a list
        differences = [key for key, value in expected.items() if saved[key] != value]
        values = {name: _from_json(value) for name, value in saved.get("learned", {}).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is not a saved encoder: {error!r}") from error
    if differences:
        message = "; ".join(
            f"{key} is {saved[key]!r} there and {expected[key]!r} in the settings"
            for key in differences
        )
        raise InputError(f"{path} was saved with another encoder: {message}")
    if learned:
        for name in sorted({*learned, *values}):
            if not (name in learned and name in values and _alike(learned[name], values[name])):
                raise InputError(
                    f"{path} was saved by an encoder that learned from other votes: {name} is "
                    f"{values.get(name)!r:.200} there and {learned.get(name)!r:.200} here"
                )
    return dict(learned) or values


def _as_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.str, "values": value.tolist()}
    return value.item() if isinstance(value, np.generic) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"dtype", "values"}:
        return np.array(value["values"], dtype=value["dtype"])
    return value


def _alike(a: Any, b: Any) -> bool:
    """Whether both are the same, but for the last bits, which another processor may change."""
    if isinstance(a, np.ndarray) and a.dtype.kind == "f":
        return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-6, atol=1e-12)
    if isinstance(a, (float, np.floating)):
        return isinstance(b, float) and bool(np.isclose(a, b, rtol=1e-6, atol=1e-12))
    return json.dumps(_as_json(a)) == json.dumps(_as_json(b))
