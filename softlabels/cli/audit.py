"""``softlabels audit``."""

from __future__ import annotations

from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from softlabels.cli.votes import agreement_rule, names, read_votes, votes_options, warn_of_absent

if TYPE_CHECKING:
    from softlabels.votes.dominance import Agreement

MOST = 12  # labels or classes that are told one by one


@click.command(
    epilog="""\b
    Examples:
    softlabels audit votes.csv --classes neutral,happy,sad,angry --picture audit.png
    softlabels audit clips.csv --item clip --counts song,call,noise --classes song,call
    softlabels audit tabulatedVotes.csv --counts A,D,F,H,N,S \\
        --query '`Unnamed: 0` < 200000'
    """
)
@votes_options
@click.option("--classes", callback=names, metavar="CLASS,…", help="The targets.  [default: all]")
@click.option(
    "--agreement",
    callback=agreement_rule,
    default="2",
    show_default=True,
    metavar="RULE",
    help="What makes a label dominant: 2 annotators, plurality, majority or a share (0.6).",
)
@click.option("--alpha", type=float, default=0.75, show_default=True, help="Of modified_soft.")
@click.option("--patterns", type=click.IntRange(min=1), default=8, show_default=True)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A PNG, PDF or SVG to draw, as its name says.",
)
def audit(
    votes: BufferedReader,
    classes: list[str],
    agreement: Agreement,
    alpha: float,
    patterns: int,
    picture: Path | None,
    **where: Any,
) -> None:
    """Look at votes: agreement, what is clear or ambiguous, and what encoders make of it.

    VOTES is read as by `softlabels encode`.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import entr

    from softlabels.report.tables import markdown, target_table
    from softlabels.report.teachers import (
        commonest_patterns,
        compared_encoders,
        described,
        target_statistics,
    )
    from softlabels.votes.agreement import krippendorff_alpha

    items, ballots = read_votes(votes, **where)
    counts, labels = ballots.counts, ballots.labels
    warn_of_absent(classes, ballots)
    targets = classes or list(labels)
    encoders = compared_encoders(targets, alpha, agreement)
    kinds = ballots.partition(targets, agreement)
    common = commonest_patterns(counts[kinds != "discarded"], patterns)
    given = counts.sum(axis=1)
    voted = counts[given > 0]
    krippendorff = krippendorff_alpha(counts)
    if picture:  # first: who reads the beginning of the tables alone, by `head`, gets it too
        from softlabels.report.votes_figures import draw_audit

        draw_audit(ballots, kinds, krippendorff, common, encoders, picture)
        click.echo(f"drawn: {picture}", err=True)
    entropy = entr(voted / voted.sum(axis=1, keepdims=True)).sum(axis=1).mean() if len(voted) else 0
    per_item = f"{np.median(given):g} (median; {given.min()} to {given.max()})" if len(given) else 0
    facts = {
        "items": f"{len(items)}",
        "votes": f"{counts.sum()}",
        "votes an item": f"{per_item}",
        "Krippendorff's α": "–" if krippendorff is None else f"{krippendorff:.3f}",
        "mean entropy of the votes": f"{entropy:.3f} nats",
        **{
            kind: f"{(n := int((kinds == kind).sum()))} ({n / max(len(items), 1):.1%})"
            for kind in ("clear", "ambiguous", "discarded")
        },
        **{
            f"votes for {label}": f"{n} ({n / max(counts.sum(), 1):.1%})"
            for label, n in _commonest(labels, counts.sum(axis=0))
        },
    }
    if len(labels) > MOST:
        facts["other labels"] = f"{len(labels) - MOST}"
    click.echo(markdown(pd.DataFrame({"": facts.keys(), "value": facts.values()})))
    made = [
        {
            "votes": described(row, labels, ", "),
            "items": f"{n}",
            **{name: _written(encoder, row, labels) for name, encoder in encoders.items()},
        }
        for row, n in common
    ]
    if len(targets) > MOST:
        told = "The highest of each target"
    else:
        told = f"Targets in the order {', '.join(targets)}"
    click.echo(f"\n{told}:\n\n{markdown(pd.DataFrame(made))}\n")
    rows = target_statistics(ballots, encoders, agreement)
    shown = _commonest(range(len(targets)), ballots.of(targets).sum(axis=0))
    for row in rows:
        row["balance"] = [row["balance"][k] for k, _ in shown]
    click.echo(markdown(target_table(rows, [targets[k] for k, _ in shown])))


def _written(encoder: Any, row: Any, labels: tuple[str, ...]) -> str:
    import numpy as np

    target = encoder.encode_counts(row[None], labels)[0]
    if np.isnan(target).any():
        return "no target"
    if len(target) <= MOST:
        return " ".join(f"{x:.2f}" for x in target)
    highest = [k for k in np.argsort(-target, kind="stable")[:3] if target[k]]
    return ", ".join(f"{encoder.classes[k]} {target[k]:.2f}" for k in highest)


def _commonest(names: Sequence[Any], votes: Any) -> list[tuple[Any, int]]:
    """The names with most votes, in their own order."""
    import numpy as np

    most = np.sort(np.argsort(-votes, kind="stable")[:MOST])
    return [(names[k], int(votes[k])) for k in most]
