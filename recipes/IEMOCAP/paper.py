"""The paper's rows and figures: Ando et al., ICASSP 2018, results on IEMOCAP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """A row of the table: a teacher, what it trains on, and the paper's WA and UA in percent.

    Example
    -------
    >>> Row("hard", ("clear",)).name
    'hard / clear'
    """

    encoder: str
    train_on: tuple[str, ...]
    alpha: float | None = None  # None: the YAML's
    paper: tuple[float, float] | None = None
    axes: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the table calls it."""
        teacher = self.encoder.replace("_", " ")
        if self.alpha is not None:
            teacher += f" α = {self.alpha:g}"
        more = "".join(f", {name} {value}" for name, value in self.axes.items())
        return f"{teacher} / {' + '.join(self.train_on)}{more}"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What train.py is given for it."""
        given = [f"hparams/{self.encoder}.yaml", "--train_on", f"[{', '.join(self.train_on)}]"]
        if self.alpha is not None:
            given += ["--alpha", str(self.alpha)]
        for name, value in self.axes.items():
            given += [f"--{name}", value]
        return tuple(given)


BOTH = ("clear", "ambiguous")
HARD = Row("hard", ("clear",), paper=(58.6, 53.7))
SOFT = Row("soft", BOTH)  # only in a figure of the paper's
MODIFIED = Row("modified_soft", BOTH, paper=(62.6, 63.7))
ROWS = (
    HARD,
    Row("soft", ("clear",), paper=(58.1, 54.9)),
    Row("modified_soft", ("clear",), paper=(58.5, 57.4)),
    Row("modified_soft", ("ambiguous",), paper=(53.6, 54.0)),
    MODIFIED,
    SOFT,
)
MAJORITY = (40.8, 25.0)  # WA, UA of always answering Neutral

# The paper's table of data, session 1 held out: what tells that a corpus is IEMOCAP.
CLEAR_TRAIN = {"Neutral": 1324, "Happiness": 460, "Sadness": 890, "Anger": 874}
CLEAR_TEST = {"Neutral": 384, "Happiness": 135, "Sadness": 194, "Anger": 229}


def is_papers_corpus(partition: Mapping[str, Any]) -> bool:
    """Tell from partition.json whether these are the paper's data.

    Example
    -------
    >>> nobody = {"clear": {}, "ambiguous": 0, "discarded": 0}
    >>> is_papers_corpus({"train": nobody, "valid": nobody, "test": nobody})
    False
    """
    parts = {name: partition[name]["clear"] for name in ("train", "valid", "test")}
    train = {name: count + parts["valid"][name] for name, count in parts["train"].items()}
    ambiguous = partition["train"]["ambiguous"] + partition["valid"]["ambiguous"]
    return (train, parts["test"], ambiguous) == (CLEAR_TRAIN, CLEAR_TEST, 3693)
