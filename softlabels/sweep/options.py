"""The command line of a sweep."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from softlabels.corpora import Corpus
from softlabels.sweep.engines import ENGINES
from softlabels.training.arguments import refuse_repeated
from softlabels.training.settings import SETTINGS

DESCRIPTION = """Train several encoders several times each, compare them, and write a report.

Each trial is train.py in a process of its own. Run the same command again to resume what was
killed. A setting of the YAML that is given here holds for all trials."""


def parse(corpus: Corpus, arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Read the command line; settings of the YAML come back as they were typed."""
    setting, values = corpus.folds
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data_folder", default="simulated", help="a release; simulated speech if not given")
    add("--output_folder", type=Path, help="default: results/<corpus>/reproduction")
    add("--encoders", default="hard,soft,modified_soft", help="the first one is the baseline")
    add("--network", default="blstm", help="networks, as blstm,ecapa, or a YAML's path")
    add("--encoder_options", default="{}", help="{power: 3}: each encoder takes those it has")
    add("--trials", type=int, default=5, help="trainings of each row: seeds 1, 2, …")
    if setting:
        add(f"--{setting}s", dest="folds", default=str(values[0]), help="held out: 1,3 or all")
    add("--alphas", help="modified soft targets' α, for the curve: 0,0.25,0.5,0.75,1,1.5,2,4")
    add("--axis", action="append", default=[], metavar="SETTING=A,B", help="vary a setting too")
    add(
        "--row",
        dest="rows",
        action="append",
        metavar="NAME",
        help="this row alone, by its name in --dry-run; several may be given, of which the first "
        "in the table is the baseline",
    )
    add("--jobs", type=int, default=os.cpu_count(), help="trials at once")
    add("--threads", type=int, default=1, help="of each trial; its numbers depend on it")
    add("--backend", choices=[*ENGINES], default="local", help="where trials run")
    add("--scheduler", help="the Dask scheduler's or Ray cluster's address")
    add("--dry-run", action="store_true", help="show the trials and about how long they take")
    once = [word for word in arguments if word.partition("=")[0] not in ("--axis", "--row")]
    refuse_repeated(parser, once)
    options, settings = parser.parse_known_args(arguments)
    try:
        options.alphas = [float(a) for a in options.alphas.split(",")] if options.alphas else []
        axes = [axis.split("=", 1) for axis in options.axis]
        options.axes = {name: each.split(",") for name, each in axes}
    except ValueError as error:
        parser.error(f"--alphas or --axis can't be read: {error}")
    options.encoders = options.encoders.split(",")
    options.networks = [
        os.path.abspath(name) if name.endswith((".yaml", ".yml")) else name
        for name in options.network.split(",")
    ]
    kind = SETTINGS["encoder_options"].kind
    of_encoders = kind.read(options.encoder_options)
    if not kind.takes(of_encoders):
        parser.error(f"--encoder_options must be {kind}; got {options.encoder_options!r}")
    if options.alphas and "alpha" in of_encoders:
        parser.error("--encoder_options has alpha, which --alphas varies; leave one of them out")
    options.encoder_options = of_encoders
    folds = getattr(options, "folds", "all")
    known = {str(value): value for value in values}
    names = list(known) if folds == "all" else list(dict.fromkeys(folds.split(",")))
    if wrong := [name for name in names if name not in known]:
        parser.error(f"--{setting}s are among {', '.join(known)}, or all; got {', '.join(wrong)}")
    options.folds = [value for name, value in known.items() if name in names]
    if min(options.trials, options.jobs, options.threads) < 1:
        parser.error("--trials, --jobs and --threads are at least 1")
    given = {word.removeprefix("--").partition("=")[0] for word in settings} | {*options.axes}
    planned = {"encoder", "train_on", "seed", setting} | ({"alpha"} if options.alphas else set())
    if taken := given & planned:
        parser.error(f"--{', --'.join(sorted(taken))}: the plan itself varies that")
    return options, settings


def absolute_files(corpus: Corpus, words: Sequence[str]) -> list[str]:
    """Make the paths among a command line's settings absolute: trials run in another folder.

    ``pretrained`` is a path where there is such a folder, and else an id on the hub.

    Example
    -------
    >>> from softlabels.corpora.table import TABLE
    >>> absolute_files(TABLE, ["--votes=/a/../b.csv", "--item", "clip"])
    ['--votes=/b.csv', '--item', 'clip']
    """
    absolute: list[str] = []
    for before, word in pairwise(["", *words]):
        name, equals, value = word.partition("=")
        if _is_path(before, word, corpus):
            word = os.path.abspath(word)
        elif equals and _is_path(name, value, corpus):
            word = f"{name}={os.path.abspath(value)}"
        absolute.append(word)
    return absolute


def _is_path(name: str, value: str, corpus: Corpus) -> bool:
    name = name.removeprefix("--")
    return name in corpus.files or (name == "pretrained" and os.path.isdir(value))


def words_by_network(
    words: Sequence[str], settings: Mapping[str, Collection[str]]
) -> dict[str, list[str]]:
    """Give each network those of the settings that it has: network → words.

    A setting that no network has stays, for its error.

    Arguments
    ---------
    words : sequence of str
        Settings as typed: ``--name value`` or ``--name=value``.
    settings : dict
        Network → names of the settings in its YAML.

    Example
    -------
    >>> words = ["--pretrained", "whisper", "--lr=0.1"]
    >>> words_by_network(words, {"blstm": ["lr"], "pretrained": ["lr", "pretrained"]})
    {'blstm': ['--lr=0.1'], 'pretrained': ['--pretrained', 'whisper', '--lr=0.1']}
    """
    known = {name for names in settings.values() for name in names}
    kept: dict[str, list[str]] = {network: [] for network in settings}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--").partition("=")[0]
        for network, names in settings.items():
            if name in names or name not in known:
                kept[network].append(word)
    return kept
