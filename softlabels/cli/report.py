"""``softlabels report``."""

from __future__ import annotations

import click

from softlabels.cli.options import players_option


@click.command(
    epilog="""\b
    Examples:
    softlabels report results/reproduction
    softlabels report results/reproduction --players link --row 'soft / clear + ambiguous'
    """
)
@click.argument("results", type=click.Path(exists=True, file_okay=False))
@players_option
@click.option(
    "--row",
    help="The row whose predictions choose the doubtful clips.  [default: the best UA]",
)
def report(results: str, players: str, row: str | None) -> None:
    """Write the report of a sweep anew.

    RESULTS is the sweep's folder; what is in it is read, and nothing is trained. Its page is
    report.html; doubtful.csv and annotators.csv have what the page shows of clips and annotators.
    """
    from softlabels.report.page import write_report

    click.echo(write_report(results, players, row), nl=False)
    click.echo(f"\n{results}/report.html", err=True)
