"""``softlabels audit``."""

from __future__ import annotations

from collections.abc import Callable
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from softlabels.cli.options import (
    agreement_option,
    as_json,
    classes_option,
    format_option,
    picture_option,
    players_option,
    votes_options,
    warn_of_absent,
)
from softlabels.votes.files import read_votes

if TYPE_CHECKING:
    import pandas as pd

    from softlabels.report.audit import Audit
    from softlabels.votes.dominance import Agreement


@click.command(
    epilog="""\b
    Examples:
    softlabels audit votes.csv --classes neutral,happy,sad,angry --picture audit.png
    softlabels audit votes.csv --audio wavs --page audit.html
    softlabels audit votes.csv --format json > audit.json
    softlabels audit clips.csv --item clip --counts song,call,noise --classes song,call \\
        --query 'seconds > 2'
    """
)
@votes_options
@classes_option()
@agreement_option(default="2")
@click.option("--alpha", type=float, default=0.75, show_default=True, help="Of modified_soft.")
@click.option(
    "--patterns",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="How many patterns of votes are listed.",
)
@format_option("text", "markdown", "json")
@picture_option
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="An HTML page to write, with doubtful items and annotators.  [default: audit.html, with "
    "--audio]",
)
@click.option(
    "--audio",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The items' recordings, matched by name, for the page.",
)
@players_option
def audit(
    votes: BufferedReader,
    classes: list[str],
    agreement: Agreement,
    alpha: float,
    patterns: int,
    form: str,
    picture: Path | None,
    page: Path | None,
    audio: Path | None,
    players: str,
    **where: Any,
) -> None:
    """Summarise votes: agreement, ambiguous items, encoders' targets.

    VOTES is read as by `softlabels encode`. The page has the items that annotators disagree on
    most, to be listened to, and each annotator against the others where it is known who voted.
    """
    from softlabels.report.audit import audit_votes
    from softlabels.report.formats import aligned, markdown

    items, ballots = read_votes(votes, **where)
    warn_of_absent(classes, ballots)
    summary = audit_votes(
        ballots,
        classes or ballots.labels,
        alpha=alpha,
        agreement=agreement,
        patterns=patterns,
    )
    if picture:  # first: a pipe into `head` ends this command before the last table
        from softlabels.report.votes_figures import draw_audit

        draw_audit(summary, picture)
        click.echo(f"drawn: {picture}", err=True)
    if page or audio:
        from softlabels.report.audit_page import write_audit_page

        page = page or Path("audit.html")
        if note := write_audit_page(page, summary, items, audio, players):
            click.echo(note, err=True)
        click.echo(f"written: {page}", err=True)
    if form == "json":
        click.echo(as_json(summary.as_dict()))
    else:
        click.echo(_text(summary, markdown if form == "markdown" else aligned))


def _text(audit: Audit, lay_out: Callable[[pd.DataFrame], str]) -> str:
    from softlabels.report.audit import MOST
    from softlabels.report.tables import audit_facts, audit_patterns, target_table

    if len(audit.classes) > MOST:
        heading = "The highest targets of each pattern"
    else:
        heading = f"Targets in the order {', '.join(audit.classes)}"
    shown = audit.main_classes
    rows = [{**row, "balance": [row["balance"][k] for k in shown]} for row in audit.targets]
    return "\n\n".join(
        [
            lay_out(audit_facts(audit)),
            f"{heading}:",
            lay_out(audit_patterns(audit)),
            "Mean targets:",
            lay_out(target_table(rows, [audit.classes[k] for k in shown])),
        ]
    )
