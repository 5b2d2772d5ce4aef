"""``softlabels report``."""

from __future__ import annotations

import click


@click.command(epilog="Example: softlabels report recipes/IEMOCAP/results/simulated/reproduction")
@click.argument("results", type=click.Path(exists=True, file_okay=False))
def report(results: str) -> None:
    """Write the report of a sweep anew, from what is in its folder RESULTS."""
    from softlabels.report.page import write_report

    click.echo(write_report(results), nl=False)
    click.echo(f"\n{results}/report.html", err=True)
