"""`tiny_release` writes a small IEMOCAP release with arbitrary votes;
`everyday_release` is one that many tests read and none changes.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

Votes = Mapping[str, Sequence[Sequence[str]]]
CLASSES = ("Neutral", "Happiness", "Sadness", "Anger")


@pytest.fixture(autouse=True)
def excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    """SpeechBrain sets a hook of its own for each run."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


@pytest.fixture
def tiny_release(tmp_path: Path) -> Callable[..., Path]:
    """`write_release` into tmp_path: a function that returns the release's folder."""
    return partial(write_release, tmp_path)


@pytest.fixture(scope="session")
def everyday_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release with `everyday_votes`, written once: not to be changed."""
    return write_release(tmp_path_factory.mktemp("everyday"))


def everyday_votes(per_class: int = 2) -> dict[str, list[list[str]]]:
    """Votes for five sessions with two speakers each.

    Every speaker has ``per_class`` clear utterances of each class, two
    ambiguous ones and a discarded one: with 2, 110 utterances in all.
    """
    votes: dict[str, list[list[str]]] = {}
    for session in range(1, 6):
        for sex in "FM":
            kinds = [[[name], [name], [name, "Other"]] for name in CLASSES] * per_class
            kinds += [
                [["Frustration"], ["Frustration"], ["Anger"]],
                [["Happiness"], ["Neutral"], ["Excited"]],
                [["Frustration"], ["Excited"], ["Excited"]],
            ]
            for number, each in enumerate(kinds):
                votes[f"Ses0{session}{sex}_impro01_{sex}{number:03d}"] = each
    return votes


def write_release(
    parent: Path,
    votes: Votes | None = None,
    *,
    own: Mapping[str, Sequence[str]] | None = None,
    folder: str = "release",
    seconds: float = 0.1,
    sample_rate: int = 16000,
    per_class: int = 2,
    reverse: bool = False,
) -> Path:
    """Write a release and return its folder.

    Arguments
    ---------
    parent : pathlib.Path
        Where its folder goes.
    votes : dict of str to votes, optional
        Utterance → annotators' labels; `everyday_votes(per_class)` if left out.
        Every session needs at least one utterance.
    own : dict of str to labels, optional
        Utterance → the actor's own labels.
    folder : str
        Its name.
    seconds, sample_rate : float, int
        Of each wav; its pitch tells the first label.
    per_class : int
        See `everyday_votes`.
    reverse : bool
        Whether files and folders are created in the opposite order.
    """
    votes = everyday_votes(per_class) if votes is None else votes
    dialogs: dict[str, list[str]] = {}
    for utterance in sorted(votes, reverse=reverse):
        dialogs.setdefault(utterance.rpartition("_")[0], []).append(utterance)
    for dialog, utterances in dialogs.items():
        session = parent / folder / f"Session{int(dialog[3:5])}"
        text = session / "dialog" / "EmoEvaluation" / f"{dialog}.txt"
        wavs = session / "sentences" / "wav" / dialog
        for path in (text.parent, wavs):
            path.mkdir(parents=True, exist_ok=True)
        for name in utterances:
            samples = tone(name, votes[name], seconds, sample_rate)
            soundfile.write(wavs / f"{name}.wav", samples, sample_rate)
        blocks = [block(name, votes[name], (own or {}).get(name)) for name in sorted(utterances)]
        text.write_text("\n".join(["% [START_TIME - END_TIME] TURN_NAME …\n", *blocks]))
    return parent / folder


def block(utterance: str, votes: Sequence[Sequence[str]], own: Sequence[str] | None = None) -> str:
    """An utterance's lines in an annotation file."""
    lines = [f"[6.2901 - 8.2357]\t{utterance}\txxx\t[2.5000, 2.5000, 2.5000]"]
    for number, labels in enumerate(votes, start=2):
        lines.append(f"C-E{number}:\t{''.join(f'{label}; ' for label in labels)}\t()")
    if own is not None:
        lines.append(f"C-{utterance.rpartition('_')[2][0]}1:\t{'; '.join(own)};\t(curious; (x)")
    lines += ["A-E3:\tval 3; act 2; dom  2;\t()", "A-F1:\tval 3; act ; dom;\t()"]
    return "\n".join(lines) + "\n"


def tone(
    utterance: str, votes: Sequence[Sequence[str]], seconds: float, sample_rate: int
) -> np.ndarray:
    """A buzz with a little noise, [samples]; the same for the same utterance."""
    generator = np.random.default_rng(zlib.crc32(utterance.encode()))
    first = next((label for labels in votes for label in labels), "")
    pitch = 90 + 40 * (CLASSES.index(first) if first in CLASSES else 4) + generator.normal(0, 5)
    phase = 2 * np.pi * pitch * np.arange(round(seconds * sample_rate)) / sample_rate
    buzz = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 6))
    return 0.2 * buzz + 0.01 * generator.standard_normal(len(phase))
