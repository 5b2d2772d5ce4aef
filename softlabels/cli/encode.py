"""``softlabels encode``."""

from __future__ import annotations

from io import BufferedReader
from typing import TYPE_CHECKING, Any, TextIO

import click

from softlabels.cli.options import agreement_rule, names, votes_options, warn_of_absent
from softlabels.votes.files import read_votes

if TYPE_CHECKING:
    from softlabels.votes.dominance import Agreement

CHUNK = 200_000  # rows that are written at once


@click.command(
    epilog="""\b
    Examples:
    softlabels encode votes.csv --encoder modified_soft --alpha 0.75 \\
        --classes neutral,happy,sad,angry -o targets.csv
    softlabels encode clips.csv --item clip --counts song,call,noise --classes song,call
    cat votes.csv | softlabels encode - --classes toxic,fine
    """
)
@votes_options
@click.option("--encoder", "name", default="modified_soft", show_default=True)
@click.option("--classes", callback=names, required=True, metavar="CLASS,…", help="The targets.")
@click.option("--alpha", type=float, help="Votes added to each class, of modified_soft.")
@click.option(
    "--agreement",
    callback=agreement_rule,
    metavar="RULE",
    help="What makes a label dominant (hard): 2 annotators, plurality, majority, a share (0.6).",
)
@click.option(
    "--option", "more", multiple=True, metavar="NAME=VALUE", help="Of an encoder of your own."
)
@click.option("-o", "--output", type=click.File("w", encoding="utf-8", lazy=True), default="-")
def encode(
    votes: BufferedReader,
    name: str,
    classes: list[str],
    alpha: float | None,
    agreement: Agreement | None,
    more: tuple[str, ...],
    output: TextIO,
    **where: Any,
) -> None:
    """Turn votes into targets: a row an item, a column a class.

    VOTES is a CSV with a row for each label that an annotator gave (see --item, --annotator,
    --label), one with a row for each item (see --counts), a recipe's manifest in JSON, or -
    for standard input. Items without a target have empty cells. An encoder that learns from
    votes learns from these.
    """
    import numpy as np
    import pandas as pd

    from softlabels.encoders import get_encoder

    options: dict[str, Any] = {"alpha": alpha, "agreement": agreement}
    options = {key: value for key, value in options.items() if value is not None}
    options |= dict(_option(text) for text in more)
    encoder = get_encoder(name, classes, **options)
    items, ballots = read_votes(votes, **where)
    warn_of_absent(classes, ballots)
    encoder.fit(ballots)
    none, item = 0, where["item"] or "item"
    for start in range(0, max(len(items), 1), CHUNK):
        targets = encoder.encode_ballots(ballots.take(slice(start, start + CHUNK)))
        none += int(np.isnan(targets).any(axis=1).sum())
        table = pd.DataFrame(targets, columns=list(encoder.classes))
        # a class may be called like the items' column
        table.insert(0, item, items[start : start + CHUNK], allow_duplicates=True)
        table.to_csv(output, index=False, header=start == 0, lineterminator="\n")
    click.echo(f"{len(items)} items, {len(items) - none} of them with a target", err=True)


def _option(text: str) -> tuple[str, Any]:
    """Read NAME=VALUE; the value as YAML reads it: a number where it looks like one."""
    from ruamel.yaml import YAML, YAMLError

    key, equals, value = text.partition("=")
    if not equals:
        raise click.BadParameter(f"--option must be NAME=VALUE; got {text!r}")
    try:
        return key, YAML(typ="safe").load(value)
    except YAMLError as error:
        raise click.BadParameter(f"--option {text!r} is not YAML: {error}") from error
