"""``softlabels encode``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BufferedReader
from typing import TYPE_CHECKING, Any, TextIO

import click

from softlabels.cli.options import (
    agreement_option,
    as_json,
    classes_option,
    format_option,
    votes_options,
    warn_of_absent,
)
from softlabels.votes.files import read_votes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from softlabels.votes.dominance import Agreement

    Chunks = Iterator[tuple[Sequence[Any], NDArray[np.float32]]]

CHUNK = 200_000  # rows that are written at once


@click.command(
    epilog="""\b
    Examples:
    softlabels encode votes.csv --encoder modified_soft --alpha 0.75 \\
        --classes neutral,happy,sad,angry -o targets.csv
    softlabels encode clips.csv --item clip --counts song,call,noise --classes song,call
    cat votes.csv | softlabels encode - --classes happy,sad --format json
    """
)
@votes_options
@click.option("--encoder", "name", default="modified_soft", show_default=True, help="Its name.")
@classes_option(required=True)
@click.option("--alpha", type=float, help="Votes added to each class, of modified_soft.")
@agreement_option()
@click.option(
    "--option", "more", multiple=True, metavar="NAME=VALUE", help="Of an encoder of your own."
)
@format_option("csv", "json")
@click.option(
    "-o",
    "--output",
    type=click.File("w", encoding="utf-8", lazy=True),
    default="-",
    help="A file, in place of standard output.",
)
def encode(
    votes: BufferedReader,
    name: str,
    classes: list[str],
    alpha: float | None,
    agreement: Agreement | None,
    more: tuple[str, ...],
    form: str,
    output: TextIO,
    **where: Any,
) -> None:
    """Turn votes into targets: a row an item, a column a class.

    VOTES is a CSV with a row for each label that an annotator gave (see --item, --annotator,
    --label), one with a row for each item (see --counts), a recipe's manifest in JSON, or -
    for standard input. Items without a target have empty cells, or null in JSON. An encoder
    that learns from votes learns from these.
    """
    import numpy as np

    from softlabels.encoders import get_encoder

    options: dict[str, Any] = {"alpha": alpha, "agreement": agreement}
    options = {key: value for key, value in options.items() if value is not None}
    options |= dict(_option(text) for text in more)
    encoder = get_encoder(name, classes, **options)
    items, ballots = read_votes(votes, **where)
    warn_of_absent(classes, ballots)
    encoder.fit(ballots)
    with_target = 0

    def chunks() -> Chunks:
        nonlocal with_target
        for start in range(0, max(len(items), 1), CHUNK):
            part = slice(start, start + CHUNK)
            targets = encoder.encode_ballots(ballots.take(part))
            with_target += int((~np.isnan(targets).any(axis=1)).sum())
            yield items[part], targets

    if form == "json":
        _write_json(chunks(), encoder.classes, output)
    else:
        _write_csv(chunks(), encoder.classes, where["item"] or "item", output)
    click.echo(f"{len(items)} items, {with_target} of them with a target", err=True)


def _write_csv(chunks: Chunks, classes: Sequence[str], item: str, output: TextIO) -> None:
    import pandas as pd

    header = True
    for items, targets in chunks:
        table = pd.DataFrame(targets, columns=list(classes))
        # a class may be called like the items' column
        table.insert(0, item, items, allow_duplicates=True)
        table.to_csv(output, index=False, header=header, lineterminator="\n")
        header = False


def _write_json(chunks: Chunks, classes: Sequence[str], output: TextIO) -> None:
    """Write a list with an object for each item, a line each."""
    before = "["
    for items, targets in chunks:
        for item, target in zip(items, targets, strict=True):
            shares = None if (target != target).any() else dict(zip(classes, target, strict=True))
            output.write(f"{before}\n{as_json({'item': item, 'target': shares}, indent=False)}")
            before = ","
    output.write("\n]\n")


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
