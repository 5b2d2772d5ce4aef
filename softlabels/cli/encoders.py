"""``softlabels encoders``."""

from __future__ import annotations

import inspect
from dataclasses import MISSING
from typing import Any

import click

from softlabels.cli.options import as_json, format_option


@click.command(
    epilog="""\b
    Examples:
    softlabels encoders
    softlabels encoders --format json
    """
)
@format_option("text", "json")
def encoders(form: str) -> None:
    """List the encoders that are installed, with options and defaults."""
    from softlabels.encoders.base import ENCODERS

    rows = [_row(name) for name in ENCODERS.available()]
    click.echo(as_json(rows) if form == "json" else "\n".join(map(_text, rows)))


def _row(name: str) -> dict[str, Any]:
    from softlabels.encoders.base import ENCODERS
    from softlabels.encoders.factory import encoder_options

    try:
        cls = ENCODERS.get(name)
    except Exception as error:
        # of another distribution: one that is broken must not hide the others
        return {"name": name, "error": str(error)}
    options = encoder_options(cls)
    return {
        "name": name,
        "description": (inspect.getdoc(cls) or "").partition("\n")[0],
        "required": [option for option, default in options.items() if default is MISSING],
        "defaults": {name: value for name, value in options.items() if value is not MISSING},
    }


def _text(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['name']}  can't be loaded: {row['error']}"
    defaults = [f"{option}={default!r}" for option, default in row["defaults"].items()]
    return f"{row['name']}({', '.join([*row['required'], *defaults])})  {row['description']}"
