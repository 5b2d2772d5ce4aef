"""The built-in corpus: simulated speech, votes and the truth behind them.

Every utterance has a true distribution over ten emotions. Three annotators vote
by it, and the voice follows it: its prosody is the expected value of the
emotions' settings under the distribution, plus noise. So ambiguous votes carry
information about the sound, as in IEMOCAP, in whose layout all is written.
"""

from __future__ import annotations

import csv
import json
import operator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from softlabels.cache import cache_folder
from softlabels.corpora.simulated.latent import LABELS, TARGETS, draw_prosody, draw_truth, draw_vote
from softlabels.corpora.simulated.voice import SAMPLE_RATE, Speaker, synthesise
from softlabels.progress import progress
from softlabels.seal import make_sealed

NOTICE = "simulated speech: not comparable with the paper"
VERSION = 1
"""Of the simulator: raised whenever the same seed gives another corpus."""

UTTERANCES = 500
SESSIONS = 5
_PLAN = (*TARGETS, "spread", "spread", "spread", "elsewhere")  # of a session's first utterances
_PLANNED = 16  # how many these are: each speaker goes through the plan once
_KINDS = {"concentrated": 0.28, "spread": 0.70, "elsewhere": 0.02}  # shares of all later ones


def simulate_corpus(
    folder: str | Path, seed: int = 0, utterances: int = UTTERANCES, progressbar: bool = True
) -> Path:
    """Write a corpus of simulated speech as an IEMOCAP release.

    Five sessions of a woman and a man each. Beside the release: ``truth.csv``,
    every utterance's true distribution, and ``simulated.json``, which is
    written last and records what made it.

    Arguments
    ---------
    folder : str or Path
        A folder that is empty or doesn't exist.
    seed : int
        0 or more. The same seed gives the same bytes.
    utterances : int
        A multiple of 10, at least 40. Every session has clear utterances of
        all four target classes; from 80 on, every speaker has.
    progressbar : bool
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        If ``seed`` or ``utterances`` is none of these.
    FileExistsError
        If the folder holds something.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     corpus = simulate_corpus(place, utterances=40, progressbar=False)
    ...     len(list(corpus.glob("Session?/sentences/wav/*/*.wav")))
    40
    """
    seed, utterances = _check_size(seed, utterances)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: give an empty or a new folder")
    (folder / "README.txt").write_text(
        f"{NOTICE}\n\nMade by softlabels.simulate, version {VERSION}, seed {seed}, {utterances} "
        "utterances.\nIEMOCAP's layout. Sound, votes and own ratings follow truth.csv; the\n"
        "attributes (valence, activation, dominance) are placeholders.\n",
        encoding="utf-8",
    )
    with (
        open(folder / "truth.csv", "w", newline="", encoding="utf-8") as file,
        progress("Simulated speech", utterances, "utterance", progressbar) as bar,
    ):
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["utterance", *(label.lower() for label in LABELS)])
        for session in range(1, SESSIONS + 1):
            for name, truth in _write_session(folder, seed, session, utterances // SESSIONS, bar):
                table.writerow([name, *(f"{share:.4f}" for share in truth)])
    made_by = {"notice": NOTICE, "version": VERSION, "seed": seed, "utterances": utterances}
    (folder / "simulated.json").write_text(json.dumps(made_by, indent=1) + "\n", encoding="utf-8")
    return folder


def cached_corpus(
    cache: str | Path | None = None,
    seed: int = 0,
    utterances: int = UTTERANCES,
    progressbar: bool = True,
) -> Path:
    """Return the corpus in the cache; it is made there the first time.

    Arguments
    ---------
    cache : str or Path
        The cache's folder; default: `softlabels.cache.cache_folder`.
    seed : int
        See `simulate_corpus`.
    utterances : int
        See `simulate_corpus`.
    progressbar : bool
        Whether to show a progress bar.

    Raises
    ------
    ValueError
        As `simulate_corpus` does.
    OSError
        If the cache can't be written; the message names the remedy.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     cached_corpus(place, utterances=40, progressbar=False).name
    'simulated-v1-seed0-40'
    """
    seed, utterances = _check_size(seed, utterances)
    place = cache_folder() if cache is None else Path(cache)
    folder = place / f"simulated-v{VERSION}-seed{seed}-{utterances}"
    return make_sealed(folder, lambda new: simulate_corpus(new, seed, utterances, progressbar))


def is_simulated(folder: str | Path) -> bool:
    """Return whether `simulate_corpus` made a folder, so that `NOTICE` holds for it.

    Returns
    -------
    simulated : bool
        True if it has the simulator's mark.

    Example
    -------
    >>> is_simulated("/path/to/IEMOCAP_full_release")
    False
    """
    return (Path(folder) / "simulated.json").is_file()


def _check_size(seed: int, utterances: int) -> tuple[int, int]:
    """Both as ints, or a ValueError that names the wrong one."""
    for name, value in (("seed", seed), ("utterances", utterances)):
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise ValueError(f"{name} must be a whole number; got {value!r}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more; got {seed!r}")
    if utterances < 40 or utterances % 10:
        raise ValueError(f"utterances must be a multiple of 10, at least 40; got {utterances!r}")
    return operator.index(seed), operator.index(utterances)


def _speaker(seed: int, session: int, sex: str) -> Speaker:
    """One of the ten: the seed and who it is decide on the voice."""
    generator = np.random.default_rng([seed, 0, session, ord(sex)])
    usual, tract = (200.0, 1.16) if sex == "F" else (115.0, 1.0)
    pitch, length, loudness, tempo, tilt = generator.normal(0, [1.3, 0.03, 1.0, 0.05, 1.0])
    return Speaker(
        pitch=usual * 2 ** (pitch / 12),
        tract=tract * float(np.exp(length)),
        loudness=loudness,
        tempo=float(np.exp(tempo)),
        tilt=tilt,
    )


def _write_session(
    folder: Path, seed: int, session: int, utterances: int, bar: Any
) -> list[tuple[str, NDArray[np.float64]]]:
    """Write a session's dialogs; return its utterances' names and distributions."""
    speakers = {sex: _speaker(seed, session, sex) for sex in "FM"}
    truths = []
    for part, letters in enumerate(("F_impro01", "M_impro01", "F_impro02", "M_impro02")):
        dialog = f"Ses{session:02d}{letters}"
        wavs = folder / f"Session{session}" / "sentences" / "wav" / dialog
        wavs.mkdir(parents=True)
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        clock, turns = 1.0, dict.fromkeys("FM", 0)
        for number in range(part * utterances // 4, (part + 1) * utterances // 4):
            sex = "FM"[number % 2]
            name = f"{dialog}_{sex}{turns[sex]:03d}"
            turns[sex] += 1
            generator = np.random.default_rng([seed, 1, session, number])
            if number < _PLANNED:  # what one speaker had in the first 8, the other has in the next
                kind = _PLAN[(number + number // 8 + session) % 8]
            else:
                kind = str(generator.choice(list(_KINDS), p=list(_KINDS.values())))
            truth = draw_truth(kind, generator)
            votes = [draw_vote(truth, generator) for _ in range(3)]
            # a planned target is clear for certain: its voters vote again until it is
            while kind in TARGETS and sum(vote == [kind] for vote in votes) < 2:
                votes = [draw_vote(truth, generator) for _ in range(3)]
            prosody = draw_prosody(truth, generator)
            samples = synthesise(speakers[sex], prosody, generator.uniform(0.9, 1.9), generator)
            whole = np.round(samples * 32767).astype(np.int16)
            wavfile.write(wavs / f"{name}.wav", SAMPLE_RATE, whole)
            end = clock + len(whole) / SAMPLE_RATE
            own = f"C-{sex}1" if generator.random() < 0.5 else ""
            lines += _entry(name, clock, end, votes, own, draw_vote(truth, generator))
            clock = end + 0.5
            truths.append((name, truth))
            bar.update()
        text = folder / f"Session{session}" / "dialog" / "EmoEvaluation" / f"{dialog}.txt"
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("\n".join(lines), encoding="utf-8", newline="\n")
    return truths


def _entry(
    name: str, start: float, end: float, votes: list[list[str]], own: str, own_vote: list[str]
) -> list[str]:
    """An utterance's lines in a dialog's file."""
    given = [label for vote in votes for label in vote]
    best = max(LABELS, key=given.count)
    ties = sum(given.count(label) == given.count(best) for label in LABELS)
    code = best[:3].lower() if given.count(best) > 1 and ties == 1 else "xxx"
    raters = [
        *zip(("C-E2", "C-E3", "C-E4"), votes, strict=True),
        *([(own, own_vote)] if own else []),
    ]
    return [
        f"[{start:.4f} - {end:.4f}]\t{name}\t{code}\t[3.0000, 3.0000, 3.0000]",
        *(f"{rater}:\t{' '.join(f'{label};' for label in vote)}\t()" for rater, vote in raters),
        "A-E3:\tval 3; act 3; dom  3;\t()",
        "A-E4:\tval 3; act 3; dom  3;\t()",
        "",
    ]
