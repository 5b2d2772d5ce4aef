"""``softlabels compare``."""

from __future__ import annotations

import json
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from softlabels.cli.options import (
    as_json,
    classes_option,
    format_option,
    picture_option,
    votes_options,
    warn_of_absent,
)
from softlabels.votes.files import read_votes
from softlabels.votes.groups import Groups

if TYPE_CHECKING:
    import pandas as pd

    from softlabels.report.forecasts import Forecast, Forecasts

MOST = 10  # annotators in the text


@click.command(
    epilog="""\b
    Examples:
    softlabels compare votes.csv --classes neutral,happy,sad,angry --groups speaker
    softlabels compare clips.csv --item clip --counts song,call,noise --classes song,call \\
        --picture targets.png
    softlabels compare votes.csv --format json > targets.json
    """
)
@votes_options
@classes_option()
@click.option(
    "--groups",
    "column",
    help="Column of what is held out together, such as speakers.  [default: each item]",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    default=5,
    show_default=True,
    help="Parts of the groups; encoders are fitted on the others'.",
)
@format_option("text", "json", "csv")
@picture_option
def compare(
    votes: BufferedReader,
    classes: list[str],
    column: str | None,
    folds: int,
    form: str,
    picture: Path | None,
    **where: Any,
) -> None:
    """Compare targets: which one forecasts a vote that was left out?

    Every encoder is fitted on other groups' votes. One vote is taken away, a target is made
    of the others, and its score is the logarithm of the probability that it gives to the vote
    that was taken, in nats. Where annotators are known, their votes are scored by annotator too.
    No model is trained. VOTES is read as by `softlabels encode`.
    """
    from softlabels.report.forecasts import compare_forecasts

    groups = Groups(column) if column else None
    items, ballots = read_votes(votes, **where, groups=groups)
    warn_of_absent(classes, ballots)
    of_items = groups.of(items) if groups else None
    forecasts = compare_forecasts(ballots, classes or ballots.labels, of_items, folds)
    if picture:
        from softlabels.report.forecast_figures import draw_forecasts

        draw_forecasts(forecasts, picture)
        click.echo(f"drawn: {picture}", err=True)
    if form == "json":
        alphas = [{"alpha": alpha, "score": score} for alpha, score in forecasts.alphas.items()]
        click.echo(as_json({**vars(forecasts), "alphas": alphas, "advice": forecasts.advice()}))
    elif form == "csv":
        click.echo(_frame(forecasts).to_csv(index=False), nl=False)
    else:
        click.echo(_text(forecasts, column))


def _text(forecasts: Forecasts, column: str | None) -> str:
    import pandas as pd

    from softlabels.report.formats import aligned, number

    rows = [
        {
            "target": row.target,
            "nats a vote": number(row.score),
            "to the paper's": number(row.gain, "+.3f"),
            "95 % interval": _interval(row),
            "votes": f"{row.votes / forecasts.votes:.0%}",
        }
        for row in forecasts.rows
    ]
    annotators = _annotators(forecasts)
    of = f"groups of {column!r}" if column else "items"
    notes = "".join(f"\nNot compared: {each}." for each in forecasts.left_out)
    return (
        f"{forecasts.votes} votes left out, of {forecasts.clusters} {of}; "
        f"{forecasts.folds} folds.\n\n"
        f"{aligned(pd.DataFrame(rows))}\n{annotators}{notes}\n{forecasts.advice()}"
    )


def _annotators(forecasts: Forecasts) -> str:
    """Lay out how well two targets forecast the votes of the annotators who voted most."""
    import pandas as pd

    from softlabels.report.forecasts import paper_target
    from softlabels.report.formats import aligned, number

    if not forecasts.by_annotator:
        return ""
    shown = dict.fromkeys([forecasts.rows[0].target, paper_target()])
    rows = [
        {
            "annotator": each.annotator,
            "votes": str(each.votes),
            **{target: number(each.scores[target]) for target in shown},
        }
        for each in forecasts.by_annotator[:MOST]
    ]
    more = len(forecasts.by_annotator) - len(rows)
    rest = f"\nand {more} more with fewer votes: --format json has all\n" if more else ""
    return f"\nNats a vote, by annotator:\n\n{aligned(pd.DataFrame(rows))}\n{rest}"


def _interval(row: Forecast) -> str:
    from softlabels.report.formats import GAP, number

    if row.low != row.low:
        return GAP
    return f"{number(row.low, '+.3f')} to {number(row.high, '+.3f')}"


def _frame(forecasts: Forecasts) -> pd.DataFrame:
    import pandas as pd

    rows = [{**vars(row), "options": json.dumps(row.options)} for row in forecasts.rows]
    return pd.DataFrame(rows)
