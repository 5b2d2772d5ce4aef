"""A row of the comparison: an encoder, what it trains on, a network, and settings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from softlabels.encoders.base import ENCODERS
from softlabels.encoders.factory import encoder_options
from softlabels.errors import InputError

BOTH = ("clear", "ambiguous")
NETWORK, PRETRAINED = "blstm", "pretrained"
PAPERS_ENCODERS = ("hard", "soft", "modified_soft")


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Arguments
    ---------
    encoder : str
        The encoder's name.
    train_on : tuple of str
        The partitions that train.
    network : str
        The network's name; a YAML of its own, `yaml_of`.
    settings : dict
        Settings that this row changes: setting → text as on a command line.
    options : dict
        The encoder's options, of those that hold for the whole sweep.

    Example
    -------
    >>> row = Row("modified_soft", ("clear",), settings={"alpha": "1"})
    >>> row.name
    'modified soft, alpha 1 / clear'
    >>> row.arguments[1:3]
    ('--encoder', 'modified_soft')
    """

    encoder: str
    train_on: tuple[str, ...]
    network: str = NETWORK
    settings: Mapping[str, str] = field(default_factory=dict, hash=False)
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """Its name in the table."""
        words = [self.encoder.replace("_", " ")]
        words += [f"{name} {value}" for name, value in self.settings.items()]
        words += [Path(self.network).stem] if self.network != NETWORK else []
        return f"{', '.join(words)} / {' + '.join(self.train_on)}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command line of train.py for it, less seed, fold and places."""
        words = [yaml_of(self.network), "--encoder", self.encoder]
        words += ["--train_on", f"[{', '.join(self.train_on)}]"]
        for name, value in self.settings.items():
            words += [f"--{name}", value]
        if self.options:
            words += ["--encoder_options", json.dumps(self.options, ensure_ascii=False)]
        return tuple(words)

    @property
    def slug(self) -> str:
        """A folder's name for it."""
        name = self.name.replace(" / ", "_").replace(" + ", "+")
        return re.sub(r"[^\w.+-]+", "_", name).strip("_")


def yaml_of(network: str) -> str:
    """Return the YAML of a network; a path of one's own is returned as it is.

    Example
    -------
    >>> yaml_of("blstm"), yaml_of("ecapa"), yaml_of("mine.yaml")
    ('hparams/modified_soft.yaml', 'hparams/modified_soft_ecapa.yaml', 'mine.yaml')
    >>> yaml_of("pretrained")
    'hparams/pretrained.yaml'
    """
    if network.endswith((".yaml", ".yml")):
        return network
    if network == PRETRAINED:
        return f"hparams/{network}.yaml"
    ending = "" if network == NETWORK else f"_{network}"
    return f"hparams/modified_soft{ending}.yaml"


def plan_rows(
    encoders: Sequence[str],
    networks: Sequence[str] = (NETWORK,),
    axes: Mapping[str, Sequence[str]] | None = None,
    takes: Mapping[str, Sequence[str]] | None = None,
    more: Iterable[Row] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Row]:
    """Plan the table's rows: the baseline, then each encoder on clear and on all utterances.

    Arguments
    ---------
    encoders : sequence of str
        Names; the first one's row on clear utterances is the baseline.
    networks : sequence of str
        Names; see `yaml_of`.
    axes : dict, optional
        Setting → values that it takes in turn.
    takes : dict, optional
        Encoder → the partitions that it can make targets of; both where not given.
    more : iterable of Row
        Rows that follow, where they are others.
    options : dict, optional
        Encoder → its options; see `options_of`.

    Returns
    -------
    rows : list of Row
        For each network and point of the axes: every encoder on clear utterances, the paper's
        row of modified soft targets on ambiguous ones alone, every encoder on both.

    Raises
    ------
    ValueError
        If two rows have one name.

    Example
    -------
    >>> [row.name for row in plan_rows(["hard", "soft"], takes={"hard": ["clear"]})]
    ['hard / clear', 'soft / clear', 'soft / clear + ambiguous']
    """
    both = [name for name in encoders if "ambiguous" in (takes or {}).get(name, BOTH)]
    rows = [Row(name, ("clear",)) for name in encoders]
    rows += [Row(name, ("ambiguous",)) for name in both if name == "modified_soft"]
    rows += [Row(name, BOTH) for name in reversed(both)]
    rows += [row for row in more if row not in rows]
    points = [
        dict(zip(axes or {}, values, strict=True)) for values in product(*(axes or {}).values())
    ]
    planned = [
        replace(
            row,
            network=network,
            settings={**row.settings, **point},
            options=(options or {}).get(row.encoder, {}),
        )
        for network in networks
        for point in points
        for row in rows
    ]
    check_names(planned)
    return planned


def choose_rows(rows: Sequence[Row], names: Iterable[str]) -> list[Row]:
    """Return the rows that have one of some names, in their order.

    Raises
    ------
    InputError
        If no row has one of the names.

    Example
    -------
    >>> rows = plan_rows(["hard", "soft"])
    >>> [row.name for row in choose_rows(rows, ["soft / clear", "hard / clear"])]
    ['hard / clear', 'soft / clear']
    """
    chosen, known = {*names}, [row.name for row in rows]
    if unknown := sorted(chosen - {*known}):
        raise InputError(f"--row: no row is named {unknown[0]!r}; there are {'; '.join(known)}")
    return [row for row in rows if row.name in chosen]


def options_of(encoders: Iterable[str], options: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Give each encoder those of a sweep's options that it has: encoder → options.

    Raises
    ------
    InputError
        If none of the encoders has one of the options.

    Example
    -------
    >>> options_of(["hard", "modified_soft"], {"alpha": 1})
    {'hard': {}, 'modified_soft': {'alpha': 1}}
    """
    known = {name: encoder_options(ENCODERS.get(name)) for name in encoders}
    if nobodys := sorted({*options}.difference(*known.values())):
        each = "; ".join(f"{name}: {', '.join(of) or 'none'}" for name, of in known.items())
        raise InputError(f"--encoder_options: no encoder of the sweep has {nobodys}; {each}")
    return {
        name: {option: value for option, value in options.items() if option in of}
        for name, of in known.items()
    }


def curve_rows(alphas: Sequence[float], default: float) -> dict[float, Row]:
    """Return the rows of the curve over α, on both partitions: α → row.

    α = 0 is ``soft``, the YAML's own α is the table's row.
    """
    known = {0.0: Row("soft", BOTH), default: Row("modified_soft", BOTH)}
    return {
        alpha: known.get(alpha, Row("modified_soft", BOTH, settings={"alpha": f"{alpha:g}"}))
        for alpha in sorted(set(alphas))
    }


def check_names(rows: Sequence[Row]) -> None:
    """Raise a ValueError where two rows have one name."""
    names = [row.slug for row in rows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(
            f"rows of one name: {twice}; values of α or an axis, or YAMLs' names, are too alike"
        )


def described(row: Row, encoder: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as sweep.json has it; encoder: as `AnnotationEncoder.describe` gives it."""
    return {
        "name": row.name,
        "encoder": {"name": row.encoder, "options": json.loads(json.dumps(encoder["options"]))},
        "train_on": list(row.train_on),
        "network": row.network,
        "settings": dict(row.settings),
    }
