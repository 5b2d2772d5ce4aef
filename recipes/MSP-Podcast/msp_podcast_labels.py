"""Every worker's emotions, in each form that releases of MSP-Podcast have them.

``labels_detailed.csv`` has three: a row a worker with columns of its own (1.6 and, with another
name of the worker's column, 2.0), or with one column that holds a line of ``labels.txt`` (1.11,
1.12). ``labels_detailed.json`` is file → worker → emotions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from softlabels.corpora import Problems, csv_columns, csv_rows, first_file

EMOTIONS = {
    *("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral", "Other"),
    # secondary ones only
    *("Amused", "Frustrated", "Depressed", "Concerned", "Disappointed", "Excited", "Confused"),
    "Annoyed",
}
SPELT = {"Dissapointed": "Disappointed"}
ATTRIBUTE = re.compile(r"[AVD]\s*:")  # activation, valence, dominance
NAMES = ("labels_detailed.csv", "labels_detailed.json", "labels.txt")
Label = tuple[str, str, str, str, str]  # place, file, worker, primary and secondary emotions


def read_labels(release: Path, problems: Problems) -> Iterator[Label]:
    """Yield every worker's label of every utterance, from the first file that is there."""
    file = place_in(release, *NAMES)
    if not file:
        problems.append(("file", f"none of {', '.join(NAMES)} is there"))
    elif file.endswith(".csv"):
        yield from _csv_labels(release, file, problems)
    elif file.endswith(".json"):
        for name, workers in json_items(release, file, problems):
            for worker, label in workers.items():
                primary, secondary = (
                    _text(label.get(key)) for key in ("EmoClass_Major", "EmoClass_Second")
                )
                yield f"{file}: {name}", name, worker, primary, secondary
    else:
        yield from _block_labels(release, file, problems)


def place_in(release: Path, *names: str) -> str | None:
    """Return where in a release the first of some files lies: in Labels or at the top."""
    return first_file(release, [place for name in names for place in (f"Labels/{name}", name)])


def json_items(
    release: Path, file: str, problems: Problems
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the items of a JSON file whose values are mappings."""
    try:
        content = orjson.loads((release / file).read_bytes())
    except orjson.JSONDecodeError as error:
        problems.append(("line", f"{file}: no JSON: {error}"))
        return
    for name, each in content.items():
        if isinstance(each, dict):
            yield name, each
        else:
            problems.append(("line", f"{file}: {name}: {each!r:.80} is no mapping"))


def parse_line(line: str) -> tuple[str, str, str]:
    """Return worker, primary and secondary emotions of a line; the last may be missing.

    Example
    -------
    >>> parse_line("WORKER00000007; Neutral; Neutral,Concerned; A:2.0; V:4.0; D:4.0;")
    ('WORKER00000007', 'Neutral', 'Neutral,Concerned')
    >>> parse_line("WORKER00000007; Other-at ease; A:2.0; V:4.0; D:4.0;")
    ('WORKER00000007', 'Other-at ease', '')
    """
    worker, *fields = (field.strip() for field in line.split(";"))
    emotions = [field for field in fields if not ATTRIBUTE.match(field)]
    return worker, emotions[0] if emotions else "", ",".join(filter(None, emotions[1:]))


@lru_cache(maxsize=65_536)  # most workers write what one before did
def labels_of(primary: str, secondary: str, votes: str) -> tuple[str, ...]:
    """Return the labels that one worker's emotions stand for.

    "Other-" and a free text is Other; a comma in the text begins no other emotion.

    Arguments
    ---------
    primary, secondary : str
        As written; secondary ones with commas between.
    votes : str
        Which of them count: "primary", "secondary" or "both".

    Example
    -------
    >>> labels_of("Other-bored, tired", "Happy,Other-calm, quiet,Dissapointed", "both")
    ('Other', 'Happy', 'Disappointed')
    """
    labels = [] if votes == "secondary" else [_spelt(primary)]
    for part in secondary.split(",") if votes != "primary" else ():
        label = _spelt(part)
        if label in EMOTIONS or "Other" not in labels:
            labels.append(label)
    return tuple(dict.fromkeys(filter(None, labels)))


def _spelt(text: str) -> str:
    label = text.strip()
    return "Other" if label.startswith("Other") else SPELT.get(label, label)


def _text(emotions: Any) -> str:
    return ",".join(emotions) if isinstance(emotions, list) else emotions or ""


def _csv_labels(release: Path, file: str, problems: Problems) -> Iterator[Label]:
    columns = csv_columns(release, file)
    if "EmoDetail" in columns:  # its commas may be without quotes
        for place, row in csv_rows(release, file, ["FileName", "EmoDetail"], problems, rest=True):
            for line in row["EmoDetail"].splitlines() or [""]:
                yield place, row["FileName"], *parse_line(line)
        return
    worker = "Workers" if "Workers" in columns else "WorkerID"
    names = ["FileName", worker, "EmoClass_Major", "EmoClass_Second"]
    for place, row in csv_rows(release, file, names, problems):
        name, who, primary, secondary = (row[each] for each in names)
        yield place, name, who, primary, secondary


def _block_labels(release: Path, file: str, problems: Problems) -> Iterator[Label]:
    """Yield from labels.txt: an utterance's line, then a line for each worker, then none."""
    name = ""
    with open(release / file, encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            place, first = f"{file}:{number}", line.partition(";")[0].strip()
            if not first or first.endswith(".wav"):
                name = first
            elif name:
                yield place, name, *parse_line(line)
            else:
                problems.append(("line", f"{place}: {line.strip():.80} is of no utterance"))
