"""``softlabels encoders``."""

from __future__ import annotations

import inspect

import click


@click.command(epilog="Example: softlabels encoders")
def encoders() -> None:
    """List the encoders that are installed, with their options and defaults."""
    from softlabels.encoders.base import ENCODERS

    for name in ENCODERS.available():
        try:
            cls = ENCODERS.get(name)
        except Exception as error:
            # of another distribution: one that is broken must not hide the others
            click.echo(f"{name}  can't be loaded: {error}")
            continue
        parameters = list(inspect.signature(cls).parameters.values())[1:]  # classes
        options = ", ".join(
            each.name if each.default is each.empty else f"{each.name}={each.default!r}"
            for each in parameters
        )
        first = (inspect.getdoc(cls) or "").partition("\n")[0]
        click.echo(f"{name}({options})  {first}")
