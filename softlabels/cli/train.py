"""``softlabels train``."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import click

from softlabels.cli.options import columns_options, names
from softlabels.errors import InputError

DEFAULT = "modified_soft"


class TrainCommand(click.Command):
    """Shows the settings, too, when asked for help."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Return the usage: VOTES come first."""
        return ["VOTES --audio FOLDER --classes CLASS,… [OPTION] … [--SETTING VALUE] …"]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example and the settings with their defaults."""
        from softlabels.corpora.table import TABLE
        from softlabels.training.arguments import describe, settable
        from softlabels.training.hparams import read_tree
        from softlabels.training.settings import SETTINGS

        super().format_epilog(ctx, formatter)
        table = {**SETTINGS, **TABLE.settings}
        defaults = {**settable(read_tree(yaml_file(DEFAULT))), **TABLE.defaults}
        options = {parameter.name for parameter in self.params} | {"data_folder"}
        lines = [
            describe(name, default, table.get(name))
            for name, default in defaults.items()
            if name not in options
        ]
        formatter.write("\n".join(["", f"Settings of {DEFAULT}, with defaults:", *lines, ""]))


@click.command(
    cls=TrainCommand,
    context_settings={"ignore_unknown_options": True},
    epilog="""\b
    Examples:
    softlabels train votes.csv --audio wavs --classes neutral,happy,sad,angry
    softlabels train votes.csv --audio wavs --classes neutral,happy,sad,angry --yaml hard \\
        --utterances speakers.csv --frontend mfcc --output_folder results/hard
    """,
)
@click.argument("votes", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--audio", required=True, type=click.Path(exists=True, file_okay=False), help="The clips."
)
@click.option("--classes", callback=names, metavar="CLASS,…", help="The target classes.")
@columns_options
@click.option(
    "--utterances",
    type=click.Path(exists=True, dir_okay=False),
    help="A CSV with the same column of items, and any of speaker, group, split and path.",
)
@click.option(
    "--yaml",
    "file",
    default=DEFAULT,
    show_default=True,
    metavar="NAME",
    help="Encoder and network: hard, soft, modified_soft, … or the path of a YAML.",
)
@click.argument("settings", nargs=-1, type=click.UNPROCESSED)
def train(votes: str, audio: str, file: str, settings: tuple[str, ...], **given: Any) -> None:
    """Train and test a classifier of recordings on a CSV of votes.

    VOTES is read as by `softlabels encode`; an item is a clip's name, with or without its
    ending, in the folder of --audio or below it. Run the same command again to resume what was
    stopped. It leaves the model, metrics.json and predictions.csv in --output_folder, by default
    results/…
    """
    from softlabels.corpora.table import TABLE
    from softlabels.training.main import main

    words = [yaml_file(file), "--votes", votes, "--data_folder", audio]
    for name, value in given.items():
        if value not in (None, []):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            words.append(f"--{name}={text}")
    main(TABLE, [*words, *settings])


def yaml_file(name: str) -> str:
    """Return the path of a YAML that comes with the package, or of one's own.

    Example
    -------
    >>> yaml_file("soft").rpartition("/")[2], yaml_file("mine.yaml")
    ('soft.yaml', 'mine.yaml')
    """
    if name.endswith((".yaml", ".yml")):
        return name
    folder = files("softlabels") / "hparams"
    file = folder / f"{name}.yaml"
    if not file.is_file():
        shipped = sorted(
            path.name.removesuffix(".yaml")
            for path in folder.iterdir()
            if re.search(r"^encoder: \w", path.read_text("utf-8"), re.MULTILINE)  # no part of one
        )
        raise InputError(f"--yaml {name}: give a path, or one of {', '.join(shipped)}")
    return str(file)
