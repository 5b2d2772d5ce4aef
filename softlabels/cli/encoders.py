"""``softlabels encoders``."""

from __future__ import annotations

import inspect
from dataclasses import MISSING

import click


@click.command(epilog="Example: softlabels encoders")
def encoders() -> None:
    """List the encoders that are installed, with their options and defaults."""
    from softlabels.encoders.base import ENCODERS
    from softlabels.encoders.factory import encoder_options

    for name in ENCODERS.available():
        try:
            cls = ENCODERS.get(name)
        except Exception as error:
            # of another distribution: one that is broken must not hide the others
            click.echo(f"{name}  can't be loaded: {error}")
            continue
        options = ", ".join(
            option if default is MISSING else f"{option}={default!r}"
            for option, default in encoder_options(cls).items()
        )
        first = (inspect.getdoc(cls) or "").partition("\n")[0]
        click.echo(f"{name}({options})  {first}")
