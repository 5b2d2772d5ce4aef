"""CREMA-D: the votes of the release's raters on each clip (Cao et al., 2014).

`CREMA_D` is the corpus: ``AudioWAV/<clip>.wav``; who voted from ``finishedResponses.csv``, or how
many from ``tabulatedVotes.csv``, each at the release's top or in ``processedResults/``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from softlabels.corpora import NOTE, Corpus, Manifest, Problems, csv_rows, first_file, listed
from softlabels.corpora.kinds import Setting, Whole, Word

MODES = {"voice": 1, "face": 2, "both": 3}  # what the raters were shown
LABELS = {"A": "anger", "D": "disgust", "F": "fear", "H": "happy", "N": "neutral", "S": "sad"}
FOLDS = (1, 2, 3, 4, 5)
FIRST_ACTOR, FOLD_SIZE = 1001, 18  # the last fold has 19
CLIP = re.compile(r"(?P<actor>1\d{3})_(?P<sentence>[A-Z]{3})_(?P<intended>[A-Z]{3})_(?P<level>\w+)")
PRACTICE = (7443, 7444)  # numbers of clips that raters learned on
SLOW = 10_000  # ms: tabulatedVotes.csv leaves out responses whose first click came later
NO_WAV = ("1064_IEO_DIS_MD", "1064_TIE_SAD_XX", "1076_MTI_NEU_XX", "1076_MTI_SAD_XX")
SILENCE = 4 / 32768  # a peak of at most four steps of 16 bits
Votes = dict[str, tuple[str, list[str], list[list[str]]]]  # clip → place, annotators, votes


def read_crema_d(data_folder: str | Path, problems: Problems, mode: str = "voice") -> Manifest:
    """Read a release's votes.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder that holds AudioWAV.
    problems : list of (str, str)
        What is wrong with the release is appended here.
    mode : str
        What the raters who count were shown: "voice", "face" or "both".

    Returns
    -------
    manifest : dict
        An entry for every clip: ``wav``, ``speaker`` and ``group`` (the actor), ``annotators``
        (nobody where only counts are there) and their ``votes``; ``sentence``, ``intended``,
        ``level``; ``sex`` and ``age`` where VideoDemographics.csv lies.
    """
    release = Path(data_folder)
    responses, tabulated = _place(release, "finishedResponses"), _place(release, "tabulatedVotes")
    if not responses and not tabulated:
        problems.append(("file", "neither finishedResponses.csv nor tabulatedVotes.csv is there"))
        return {}
    counted = read_counts(release, tabulated, mode, problems) if tabulated else {}
    voted = read_responses(release, responses, mode, problems) if responses else counted
    if responses and tabulated:
        problems.append((NOTE, _difference(voted, counted, mode)))
    actors = _actors(release, problems)
    manifest: Manifest = {}
    for clip, (place, annotators, votes) in voted.items():
        match = CLIP.fullmatch(clip)
        if not match:
            problems.append(("line", f"{place}: {clip!r} is no clip such as 1001_DFA_ANG_XX"))
            continue
        wav = _audio(release, clip)
        if wav is None:
            problems.append((NOTE, f"{clip} is left out: the release has no sound of it"))
            continue
        about = match.groupdict()
        manifest[clip] = {
            "wav": f"{{data_root}}/{wav}",
            "speaker": about["actor"],
            "group": about.pop("actor"),
            "annotators": annotators,
            "votes": votes,
            "place": place,
            **about,
            **actors.get(clip[:4], {}),
        }
    names = {path.stem for path in (release / "AudioWAV").glob("[!.]*.wav")}
    if others := sorted(names - set(voted)):
        problems.append((NOTE, f"{len(others)} wavs have no votes, left out: {listed(others)}"))
    return manifest


def read_counts(release: Path, file: str, mode: str, problems: Problems) -> Votes:
    """Read tabulatedVotes.csv: how many raters gave each label, but not who.

    A row's number, in its first column, begins with the mode: 100001 is clip 1, voice.
    """
    counted: Votes = {}
    for place, row in csv_rows(release, file, [*LABELS, "fileName"], problems):
        number, clip = next(iter(row.values())), row["fileName"].partition(".")[0]
        if not re.fullmatch(r"[123]\d{5}", number):
            problems.append(("line", f"{place}: the first cell, {number!r}, is no row's number"))
        elif not all(row[letter].isdecimal() for letter in LABELS):
            cells = ", ".join(row[letter] for letter in LABELS)
            problems.append(("line", f"{place}: counts must be whole numbers; got {cells}"))
        elif int(number[0]) == MODES[mode] and int(number[1:]) not in PRACTICE:
            if clip in counted:
                problems.append(("twice", f"{clip}: {counted[clip][0]} and {place}"))
            votes = [[name] for letter, name in LABELS.items() for _ in range(int(row[letter]))]
            counted[clip] = (place, [], votes)
    return counted


def read_responses(release: Path, file: str, mode: str, problems: Problems) -> Votes:
    """Read finishedResponses.csv, a row a response, without those that came late.

    Of two responses of one rater to one clip the first counts.
    """
    columns = ["localid", "queryType", "questNum", "clipNum", "clipName", "sessionNums", "respEmo"]
    late = _late_responses(release, problems)
    given: dict[str, dict[str, tuple[int, str, str]]] = {}
    left_out: Counter[str] = Counter()
    for place, row in csv_rows(release, file, columns, problems):
        clip, rater, letter = row["clipName"].partition(".")[0], row["localid"], row["respEmo"]
        question = _question(row)
        if question is None or letter not in LABELS or not rater:
            cells = ", ".join(f"{name} {row[name]!r}" for name in columns)
            problems.append(("line", f"{place}: no response: {cells}"))
        elif int(row["queryType"]) != MODES[mode]:
            continue
        elif row["clipNum"] in map(str, PRACTICE) or clip.endswith("_practice"):
            left_out["to practice clips"] += 1
        elif question in late:
            left_out["after 10 s"] += 1
        else:
            before = given.setdefault(clip, {}).get(rater)
            left_out["by a rater to the same clip again"] += before is not None
            response = (question, letter, place)
            given[clip][rater] = min(response, before or response)
    problems += [(NOTE, f"{n} responses {why} don't count") for why, n in left_out.items() if n]
    return {
        clip: (
            min(raters.values())[2],
            sorted(raters),
            [[LABELS[raters[rater][1]]] for rater in sorted(raters)],
        )
        for clip, raters in given.items()
    }


def _late_responses(release: Path, problems: Problems) -> set[int]:
    """Return the questions whose first click came late, from finishedEmoResponses.csv."""
    file = _place(release, "finishedEmoResponses")
    if not file:
        note = "no finishedEmoResponses.csv: responses that came after 10 s count too"
        problems.append((NOTE, note))
        return set()
    late = set()
    for place, row in csv_rows(
        release, file, ["sessionNums", "queryType", "questNum", "ttr"], problems
    ):
        question = _question(row)
        if question is None:
            problems.append(("line", f"{place}: sessionNums, queryType or questNum is no number"))
        elif re.fullmatch(r"\d+(\.\d*)?", row["ttr"]) and float(row["ttr"]) > SLOW:
            late.add(question)
    return late


def _question(row: Mapping[str, str]) -> int | None:
    """Return the number that joins the two files of responses."""
    parts = [row[name] for name in ("sessionNums", "queryType", "questNum")]
    if not all(part.isdecimal() for part in parts) or parts[1] not in "123":
        return None
    session, mode, question = map(int, parts)
    return session * 1000 + mode * 100 + question


def _difference(voted: Votes, counted: Votes, mode: str) -> str:
    """Log how far finishedResponses.csv and tabulatedVotes.csv agree."""
    kinds = [
        {clip: Counter(label for (label,) in votes) for clip, (_, _, votes) in source.items()}
        for source in (voted, counted)
    ]
    totals = [sum(map(Counter.total, kind.values())) for kind in kinds]
    differ = sum(kinds[0].get(clip) != kinds[1].get(clip) for clip in {**voted, **counted})
    return (
        f"finishedResponses.csv has {totals[0]} votes ({mode}) and is used; tabulatedVotes.csv has "
        f"{totals[1]}; they differ on {differ} clips"
    )


def _actors(release: Path, problems: Problems) -> dict[str, dict[str, str]]:
    """Return each actor's sex and age, if VideoDemographics.csv is there."""
    if not (file := _place(release, "VideoDemographics")):
        return {}
    rows = csv_rows(release, file, ["ActorID", "Sex", "Age"], problems)
    return {row["ActorID"]: {"sex": row["Sex"][:1].upper(), "age": row["Age"]} for _, row in rows}


def _place(release: Path, name: str) -> str | None:
    return first_file(release, [f"{name}.csv", f"processedResults/{name}.csv"])


def _audio(release: Path, clip: str) -> str | None:
    """Return where a clip's audio lies; None where the release is known to have none."""
    wav = f"AudioWAV/{clip}.wav"
    if clip not in NO_WAV:
        return wav
    files: Iterator[str] = iter((wav, f"AudioMP3/{clip}.mp3"))
    return next((file for file in files if _is_audible(release / file)), None)


def _is_audible(path: Path) -> bool:
    try:
        samples, _ = soundfile.read(path)
    except (soundfile.SoundFileError, OSError):
        return False
    return bool(np.abs(samples).max(initial=0) > SILENCE)


def split_by_actor(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, str]:
    """Hold out EMO-SUPERB's fold of actors; the next fold's, the first after the last, validate."""
    test = settings["test_fold"]
    parts = {test: "test", test % len(FOLDS) + 1: "valid"}
    return {name: parts.get(fold_of(entry["speaker"]), "train") for name, entry in manifest.items()}


def fold_of(actor: str) -> int:
    """Return the fold in which an actor is held out: runs of 18 in order, 19 in the last.

    Example
    -------
    >>> [fold_of(actor) for actor in ("1001", "1018", "1019", "1073", "1091")]
    [1, 1, 2, 5, 5]
    """
    return min((int(actor) - FIRST_ACTOR) // FOLD_SIZE, len(FOLDS) - 1) + 1


CREMA_D = Corpus(
    name="CREMA-D",
    read=read_crema_d,
    defaults={
        "classes": ["neutral", "happy", "sad", "anger"],
        "agreement": "plurality",  # two of ten raters who agree are no agreement
        "mode": "voice",
        "test_fold": 1,
    },
    options=("mode",),
    labels=tuple(LABELS.values()),
    split=split_by_actor,
    folds=("test_fold", FOLDS),
    settings={
        "mode": Setting(Word(lambda: tuple(MODES)), "what the raters who count were shown"),
        "test_fold": Setting(
            Whole(1, 5), "the held-out fold of actors; those of the next one validate"
        ),
    },
    remedies={
        "file": "give as data_folder the folder that holds AudioWAV, and copy what is named there "
        "or to processedResults from the release",
        "line": "restore the line from the release",
        "twice": "remove one of the two rows",
        "wav": "copy the file from the release's AudioWAV (Git LFS: `git lfs pull`), or remove its "
        "rows from the votes",
    },
)
