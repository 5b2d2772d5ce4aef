"""The annotation files of the IEMOCAP release: every annotator's labels as written."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

Problems = list[tuple[str, str]]  # kind (see iemocap_release.REMEDIES) and description

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
# Ses05M_script01_1b_F042: the letter before the last digits tells the speaker;
# the one in the dialog's name tells who wore the motion-capture markers
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
    """Tell what an utterance's name says; None if it isn't a name of this session."""
    match = UTTERANCE.fullmatch(utterance)
    if not match or int(match["session"]) != session:
        return None
    return {
        "wav": f"{{data_root}}/Session{session}/sentences/wav/{match['dialog']}/{utterance}.wav",
        "session": session,
        "dialog": match["dialog"],
        "speaker": f"Ses0{session}{match['sex']}",
        "sex": match["sex"],
    }


@lru_cache(maxsize=1024)  # most lines say the same as one before
def _rating(line: str) -> tuple[str, bool, tuple[str, ...], tuple[str, ...]] | None:
    """Tell annotator, whether an actor, labels and unknown ones; None if it isn't a rating."""
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
