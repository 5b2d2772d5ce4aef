"""IEMOCAP: every annotator's labels as written in the release (Busso et al., 2008).

`IEMOCAP` is the corpus: ``SessionN/dialog/EmoEvaluation/*.txt`` and
``SessionN/sentences/wav/<dialog>/<utterance>.wav``. Its reader reports all that is wrong with a
release at once, and decides nothing: who is clear, and who trains or tests, is derived from the
manifest by `softlabels.corpora`.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from softlabels.corpora import NOTE, Corpus, Manifest, Problems, prepare
from softlabels.corpora.kinds import Setting, Switch, Whole
from softlabels.errors import InputError

SESSIONS = (1, 2, 3, 4, 5)
LABELS = (
    "Neutral",
    "Happiness",
    "Sadness",
    "Anger",
    "Frustration",
    "Excited",
    "Surprise",
    "Fear",
    "Disgust",
    "Other",
)
# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
ENTRY_FORM = "[start - end]<tab>utterance<tab>emotion<tab>[v, a, d]"
NUMBER = r"\s*[-+]?(?:\d+\.?\d*|\.\d+|nan)\s*"
ENTRY = re.compile(
    rf"\[{NUMBER}-{NUMBER}\]\s+(?P<utterance>\S+)\s+\S+\s+\[{NUMBER},{NUMBER},{NUMBER}\]",
    re.IGNORECASE,
)
BARE_ENTRY = re.compile(r"(?!A-|%).*\bSes0\d[FM]_\S+_[FM]\w*\d")
# Ses05M_script01_1b_F042: the letter before the last digits is the speaker;
# the one in the dialog's name is the wearer of the motion-capture markers
UTTERANCE = re.compile(r"(?P<dialog>Ses0(?P<session>\d)\w+)_(?P<sex>[FM])(?:XX)?\d+[A-Za-z]*")
# C-E2:	Frustration; Anger;	(a comment)
RATING_FORM = "C-E2:<tab>Label; Label;<tab>(comment)"
RATING = re.compile(r"(?P<annotator>C-(?P<kind>[EFM])\w*)\s*:(?P<labels>[^(]*)(?:\(.*)?")


def parse_annotations(
    text: str, file: str, session: int, problems: Problems
) -> list[tuple[int, str, dict[str, Any]]]:
    """Parse one annotation file. Only lines that begin with ``[`` or ``C-`` count.

    Arguments
    ---------
    text : str
        What the file holds.
    file : str
        What to call it in a problem.
    session : int
        The session that it belongs to.
    problems : list of (str, str)
        Lines that don't parse and unknown labels are appended here.

    Returns
    -------
    entries : list of (int, str, dict)
        Line number, utterance and entry of each.

    Example
    -------
    >>> text = "[0.5 - 2.1] Ses01F_impro01_M000 neu [2.5, 2.5, 2.5]\\nC-E2: Anger; Fear; ()"
    >>> ((line, utterance, entry),) = parse_annotations(text, "a.txt", 1, [])
    >>> utterance, entry["speaker"], entry["votes"]
    ('Ses01F_impro01_M000', 'Ses01M', [['Anger', 'Fear']])
    """
    entries: list[tuple[int, str, dict[str, Any]]] = []
    entry: dict[str, Any] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("["):
            entry = _no_votes()  # of a bad line too, for the ratings that follow
            match = ENTRY.fullmatch(line)
            about = _describe(match["utterance"], session) if match else None
            if match and about:
                entry = about | entry
                entries.append((number, match["utterance"], entry))
            else:
                expected = f"{ENTRY_FORM} with an utterance such as Ses0{session}F_impro01_F000"
                problems.append(("line", f"{file}:{number}: {line[:100]!r} is not {expected}"))
        elif line.startswith("C-"):
            rating, place = _rating(line), f"{file}:{number}"
            if not rating:
                problems.append(("line", f"{place}: {line[:100]!r} is not {RATING_FORM}"))
            elif entry is None:
                problems.append(("line", f"{place}: {line[:100]!r} comes before any {ENTRY_FORM}"))
            else:
                annotator, own, labels, unknown = rating
                problems += [("label", f"{place}: unknown label {label!r}") for label in unknown]
                _add_rating(entry, annotator, labels, own)
        elif BARE_ENTRY.match(line):  # or the ratings below would go to the utterance above
            problems.append(("line", f"{file}:{number}: {line[:100]!r} is not {ENTRY_FORM}"))
            entry = _no_votes()
    return entries


def _describe(utterance: str, session: int) -> dict[str, Any] | None:
    """Return what an utterance's name states; None if it isn't a name of this session."""
    match = UTTERANCE.fullmatch(utterance)
    if not match or int(match["session"]) != session:
        return None
    return {
        "wav": f"{{data_root}}/Session{session}/sentences/wav/{match['dialog']}/{utterance}.wav",
        "group": f"Session{session}",
        "session": session,
        "dialog": match["dialog"],
        "speaker": f"Ses0{session}{match['sex']}",
        "sex": match["sex"],
    }


@lru_cache(maxsize=1024)  # most lines repeat an earlier one
def _rating(line: str) -> tuple[str, bool, tuple[str, ...], tuple[str, ...]] | None:
    """Return annotator, whether an actor, labels and unknown ones; None if it isn't a rating."""
    match = RATING.fullmatch(line)
    if not match:
        return None
    labels = tuple(label.strip() for label in match["labels"].split(";") if label.strip())
    unknown = tuple(label for label in labels if label not in LABELS)
    return match["annotator"], match["kind"] != "E", labels, unknown


def _no_votes() -> dict[str, Any]:
    return {"annotators": [], "votes": [], "own_annotators": [], "own_votes": []}


def _add_rating(entry: dict[str, Any], annotator: str, labels: tuple[str, ...], own: bool) -> None:
    """Add one line's labels. A second line of the same annotator is no second vote."""
    names, votes = ("own_annotators", "own_votes") if own else ("annotators", "votes")
    if annotator in entry[names]:
        entry[votes][entry[names].index(annotator)].extend(labels)
    else:
        entry[names].append(annotator)
        entry[votes].append(list(labels))


def read_iemocap(
    data_folder: str | Path, problems: Problems, own_ratings: bool = False
) -> Manifest:
    """Read a release's annotations.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder that holds Session1 … Session5.
    problems : list of (str, str)
        What is wrong with the release is appended here.
    own_ratings : bool
        Whether the actors' own ratings (``C-F*``, ``C-M*``) vote beside the external annotators.

    Returns
    -------
    manifest : dict
        An entry for every annotated utterance: ``wav``, ``speaker``, ``group``, ``annotators`` and
        their ``votes``; ``session``, ``dialog``, ``sex``, and the actors' own ratings as
        ``own_annotators`` and ``own_votes``.
    """
    release = Path(data_folder)
    manifest: Manifest = {}
    for session, path in _annotation_files(release, problems):
        file = path.relative_to(release).as_posix()
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
        before = len(problems)
        entries = parse_annotations(text, file, session, problems)
        if not entries and len(problems) == before and path.name.startswith("Ses"):
            problems.append(("line", f"{file}: holds no {ENTRY_FORM}"))
        elif entries and not any(any(entry["votes"]) for _, _, entry in entries):
            problems.append((NOTE, f"{file} holds no ratings: its utterances are discarded"))
        for line, utterance, entry in entries:
            place = f"{file}:{line}"
            if utterance in manifest:
                where = f"{manifest[utterance]['place']} and {place}"
                problems.append(("twice", f"{utterance}: {where}"))
            else:
                manifest[utterance] = {**entry, "place": place}
    if own_ratings:
        for entry in manifest.values():
            entry["annotators"] = entry["annotators"] + entry["own_annotators"]
            entry["votes"] = entry["votes"] + entry["own_votes"]
    problems += [(NOTE, note) for note in _left_out(manifest, release)]
    return manifest


def _left_out(manifest: Manifest, release: Path) -> Iterator[str]:
    """Yield a note on sessions that IEMOCAP lacks and on wavs without annotation."""
    more = {path.name for path in release.glob("Session[0-9]*") if path.is_dir()}
    if more := more - {f"Session{session}" for session in SESSIONS}:
        yield f"{', '.join(sorted(more))} left out: IEMOCAP has Session1 … Session5"
    dialogs = glob.iglob(f"{glob.escape(str(release))}/Session[1-5]/sentences/wav/*/")
    files = (name for dialog in dialogs for name in os.listdir(dialog) if name[0] != ".")
    others = sum(name.endswith(".wav") and name[:-4] not in manifest for name in files)
    if others:
        yield f"{others} wav files have no annotation and are left out"


def _annotation_files(release: Path, problems: Problems) -> Iterator[tuple[int, Path]]:
    """Yield each session's annotation files in alphabetical order."""
    if not release.is_dir():
        problems.append(("folder", f"{release} is not a folder"))
        return
    present = [session for session in SESSIONS if (release / f"Session{session}").is_dir()]
    if not present:
        problems.append(("folder", f"{release} is not a release: it holds no Session1 … Session5"))
        return
    for session in SESSIONS:
        folder = release / f"Session{session}" / "dialog" / "EmoEvaluation"
        there = [path for path in sorted(folder.glob("*.txt")) if not path.name.startswith(".")]
        files = [path for path in there if path.is_file()]
        for path in sorted({*there} - {*files}):
            where = path.relative_to(release).as_posix()
            problems.append(("session", f"{where} is no file, or a broken link"))
        if session not in present:
            problems.append(("session", f"Session{session} is missing"))
        elif not files:
            where = folder.relative_to(release).as_posix()
            problems.append(("session", f"{where} is missing or holds no annotations (*.txt)"))
        for path in files:
            yield session, path


def split_by_session(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, str]:
    """Hold out a session; a whole session validates where ``valid_session`` names one."""
    of_session = dict.fromkeys(SESSIONS, "train") | {settings["test_session"]: "test"}
    if settings["valid_session"] is not None:
        of_session[settings["valid_session"]] = "valid"
    return {name: of_session[entry["session"]] for name, entry in manifest.items()}


def check_iemocap(settings: Mapping[str, Any]) -> None:
    """Raise a ValueError where settings don't go together."""
    if settings["valid_session"] == settings["test_session"]:
        raise InputError(
            "valid_session must be another session than test_session; both are "
            f"{settings['test_session']}"
        )
    if settings["valid_fraction"] == 0 and settings["valid_session"] is None:
        raise InputError(
            "valid_fraction 0 leaves nothing to choose the epoch by: give a fraction above 0, "
            "or a valid_session"
        )


IEMOCAP = Corpus(
    name="IEMOCAP",
    read=read_iemocap,
    defaults={
        "classes": ["Neutral", "Happiness", "Sadness", "Anger"],
        "own_ratings": False,
        "test_session": 1,
        "valid_session": None,
    },
    options=("own_ratings",),
    labels=LABELS,
    split=split_by_session,
    check=check_iemocap,
    folds=("test_session", SESSIONS),
    settings={
        "own_ratings": Setting(Switch(), "whether the actors' ratings of themselves vote too"),
        "test_session": Setting(
            Whole(1, 5), "the held-out session, whose two speakers are in no other subset"
        ),
        "valid_session": Setting(
            Whole(1, 5, optional=True), "a whole session validates instead, with its own speakers"
        ),
    },
    remedies={
        "folder": "give as data_folder the folder that holds Session1 … Session5",
        "session": "copy it from the release: all five sessions are needed",
        "line": "restore the line from the release, or correct it; the expected form is shown",
        "label": f"correct it; the labels are {', '.join(LABELS)}, spelt exactly so",
        "twice": "remove one of the two annotations",
        "wav": "copy the file again from the release, or remove its utterance's annotation",
    },
)


def prepare_iemocap(
    data_folder: str | Path, save_folder: str | Path, **settings: Any
) -> dict[str, Any]:
    """Write the manifest, those of train, valid and test, and partition.json.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder that holds Session1 … Session5.
    save_folder : str or pathlib.Path
        Where the JSON files go; one whose content would not change is not touched.
    **settings
        See `softlabels.corpora.settings.check_settings`; and ``own_ratings``, ``test_session``
        (1 to 5), ``valid_session`` (a whole session that validates, or None).

    Returns
    -------
    partition : dict
        What partition.json holds.
    """
    prepared = prepare(IEMOCAP, data_folder, **settings)
    prepared.save(save_folder)
    return prepared.partition
