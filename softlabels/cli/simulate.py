"""``softlabels simulate``."""

from __future__ import annotations

import click


@click.command(
    epilog="""\b
    Example:
    softlabels simulate corpus --utterances 200
    """
)
@click.argument("out", type=click.Path(file_okay=False))
@click.option("--utterances", type=int, help="A multiple of 10.  [default: 500]")
@click.option("--seed", type=int, default=0, show_default=True, help="Of everything in it.")
def simulate(out: str, utterances: int | None, seed: int) -> None:
    """Write the built-in corpus: simulated speech, and votes on it.

    OUT is a new or an empty folder.
    """
    from softlabels.corpora.simulated.corpus import NOTICE, UTTERANCES, simulate_corpus

    simulate_corpus(out, seed, UTTERANCES if utterances is None else utterances)
    click.echo(f"{out}: {NOTICE}")
