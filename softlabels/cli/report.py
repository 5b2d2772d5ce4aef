"""``softlabels report``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
    Example:
    softlabels report results/reproduction
    """
)
@click.argument("results", type=click.Path(exists=True, file_okay=False))
def report(results: str) -> None:
    """Write the report of a sweep anew.

    RESULTS is the sweep's folder; what is in it is read, and nothing is trained.
    """
    from softlabels.report.page import write_report

    click.echo(write_report(results), nl=False)
    click.echo(f"\n{results}/report.html", err=True)
