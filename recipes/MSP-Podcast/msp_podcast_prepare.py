"""MSP-Podcast: every worker's emotions as written in the release (Lotfian and Busso, 2019).

`MSP_PODCAST` is the corpus: ``Audios/*.wav``; the workers' labels from ``labels_detailed.csv`` in
the forms of releases 1.6, 1.11 and 2.0, from the same as JSON, or from ``labels.txt``; speaker,
sex and split from ``labels_consensus.csv`` or JSON, ``Speaker_ids.txt`` and ``Partitions.txt``.
All of them lie in ``Labels/`` or at the release's top.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from softlabels.corpora import (
    NOTE,
    Corpus,
    Manifest,
    Problems,
    csv_columns,
    csv_rows,
    first_file,
    listed,
)

KINDS = ("primary", "secondary", "both")  # emotions that vote
PRIMARY = (
    *("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral"),
    "Other",  # whatever a worker wrote behind it
)
SECONDARY = (
    *("Amused", "Frustrated", "Depressed", "Concerned", "Disappointed", "Excited", "Confused"),
    "Annoyed",
)
SPLITS = {
    "train": "train",
    "development": "valid",
    "validation": "valid",
    "test1": "test",
    "test2": "test2",
    "test3": "",  # its labels aren't in the release
}
SPELT = {"Dissapointed": "Disappointed"}
ATTRIBUTE = re.compile(r"[AVD]\s*:")
Label = tuple[str, str, str, str, str]  # place, file, worker, primary and secondary emotions


def read_msp_podcast(
    data_folder: str | Path, problems: Problems, votes: str = "primary"
) -> Manifest:
    """Read a release's labels.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder that holds Audios and Labels.
    problems : list of (str, str)
        What is wrong with the release is appended here.
    votes : str
        Which emotions of a worker vote: the "primary" one, the "secondary" ones, or "both".

    Returns
    -------
    manifest : dict
        An entry for every utterance with a split: ``wav``, ``speaker`` ("" where unknown),
        ``group`` (the speaker, or the podcast), ``split``, ``annotators`` and their ``votes``;
        ``consensus`` and ``sex`` where the release has them.
    """
    release = Path(data_folder)
    about = _about(release, problems)
    manifest: Manifest = {}
    left_out: Counter[str] = Counter()
    without_split: list[str] = []
    workers: dict[str, dict[str, list[str]]] = {}
    places: dict[str, str] = {}
    for place, file, worker, primary, secondary in _labels(release, problems):
        if not file or not worker:
            problems.append(("line", f"{place}: file {file!r}, worker {worker!r}: one is missing"))
            continue
        name = file.removesuffix(".wav")
        places.setdefault(name, place)
        labels = labels_of(primary, secondary, votes)
        given = workers.setdefault(name, {})
        if worker in given and given[worker] != labels:  # a worker has one vote a label
            labels = list(dict.fromkeys([*given[worker], *labels]))
        given[worker] = labels
    for name, given in workers.items():
        facts = about.get(name, {})
        if "split" not in facts:
            without_split.append(name)
            continue
        if not facts["split"]:
            left_out["Test3, whose labels aren't released"] += 1
            continue
        speaker = facts.get("speaker", "")
        manifest[name] = {
            "wav": f"{{data_root}}/Audios/{name}.wav",
            "speaker": speaker,
            "group": speaker or name.rpartition("_")[0],
            "annotators": sorted(given),
            "votes": [given[worker] for worker in sorted(given)],
            "place": places[name],
            **{key: value for key, value in facts.items() if key != "speaker"},
        }
    for name, facts in about.items():
        if name not in workers:
            test3 = facts.get("split") == ""
            reason = "Test3, whose labels aren't released" if test3 else "no worker's labels"
            left_out[reason] += 1
    if without_split:
        what = f"{len(without_split)} utterances have no split: {listed(without_split)}"
        problems.append(("split", what))
    problems += [(NOTE, f"{n} utterances are left out: {why}") for why, n in left_out.items()]
    if unknown := sum(not entry["speaker"] for entry in manifest.values()):
        problems.append((NOTE, f"the speakers of {unknown} of {len(manifest)} utterances are not "
                               "known"))  # fmt: skip
    return manifest


@lru_cache(maxsize=65_536)
def _labels_of(primary: str, secondary: str, votes: str) -> tuple[str, ...]:
    labels = [] if votes == "secondary" else [_spelt(primary)]
    other = False
    for part in secondary.split(",") if votes != "primary" else ():
        label = _spelt(part)
        # a free text may have commas: what follows "Other-" and is no emotion belongs to it
        if not other or label in PRIMARY + SECONDARY:
            labels.append(label)
        other |= label == "Other"
    return tuple(dict.fromkeys(filter(None, labels)))


def labels_of(primary: str, secondary: str, votes: str) -> list[str]:
    """Return the labels that one worker's emotions stand for.

    Example
    -------
    >>> labels_of("Other-bored, tired", "Happy,Other-calm, quiet,Dissapointed", "both")
    ['Other', 'Happy', 'Disappointed']
    """
    return list(_labels_of(primary, secondary, votes))


def _spelt(text: str) -> str:
    label = text.strip()
    return "Other" if label.startswith("Other") else SPELT.get(label, label)


def parse_label(line: str) -> tuple[str, str, str]:
    """Return worker, primary and secondary emotions of a line; the last may be missing.

    Example
    -------
    >>> parse_label("WORKER00000007; Neutral; Neutral,Concerned; A:2.0; V:4.0; D:4.0;")
    ('WORKER00000007', 'Neutral', 'Neutral,Concerned')
    >>> parse_label("WORKER00000007; Other-at ease; A:2.0; V:4.0; D:4.0;")
    ('WORKER00000007', 'Other-at ease', '')
    """
    worker, *fields = (field.strip() for field in line.split(";"))
    emotions = [field for field in fields if not ATTRIBUTE.match(field)]
    return worker, emotions[0] if emotions else "", ",".join(filter(None, emotions[1:]))


def _labels(release: Path, problems: Problems) -> Iterator[Label]:
    """Yield every worker's label of every utterance, from the first file that is there."""
    names = ("labels_detailed.csv", "labels_detailed.json", "labels.txt")
    file = _place(release, *names)
    if not file:
        problems.append(("file", f"none of {', '.join(names)} is there"))
    elif file.endswith(".csv"):
        yield from _csv_labels(release, file, problems)
    elif file.endswith(".json"):
        for name, given in _json(release, file, problems):
            for worker, label in given.items():
                primary, secondary = label.get("EmoClass_Major"), label.get("EmoClass_Second")
                yield f"{file}: {name}", name, worker, primary or "", _joined(secondary)
    else:
        yield from _block_labels(release, file, problems)


def _csv_labels(release: Path, file: str, problems: Problems) -> Iterator[Label]:
    columns = csv_columns(release, file)
    if "EmoDetail" in columns:  # 1.11, 1.12
        for place, row in csv_rows(release, file, ["FileName", "EmoDetail"], problems, rest=True):
            for line in filter(str.strip, row["EmoDetail"].splitlines() or [""]):
                yield place, row["FileName"], *parse_label(line)
        return
    worker = "Workers" if "Workers" in columns else "WorkerID"  # 1.6, 2.0
    names = ["FileName", worker, "EmoClass_Major", "EmoClass_Second"]
    for place, row in csv_rows(release, file, names, problems):
        name, who, primary, secondary = (row[name] for name in names)
        yield place, name, who, primary, secondary


def _block_labels(release: Path, file: str, problems: Problems) -> Iterator[Label]:
    """Yield from labels.txt: an utterance's line, then a line for each worker."""
    name = ""
    with open(release / file, encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            first = line.partition(";")[0].strip()
            if first.endswith(".wav"):
                name = first
            elif first and not name:
                problems.append(("line", f"{file}:{number}: {line.strip():.80} comes before any "
                                         "utterance"))  # fmt: skip
            elif first:
                yield f"{file}:{number}", name, *parse_label(line)
            else:
                name = ""


def _about(release: Path, problems: Problems) -> dict[str, dict[str, str]]:
    """Return each utterance's split, speaker, sex and consensus, as far as the release has them."""
    about: dict[str, dict[str, str]] = {}
    stems = ("labels_consensus", "labels_concensus")  # older releases spell it so
    file = _place(release, *(f"{stem}.{end}" for end in ("csv", "json") for stem in stems))
    rows: Iterable[tuple[str, str, Mapping[str, Any]]] = ()
    if file and file.endswith(".json"):
        rows = ((f"{file}: {name}", name, row) for name, row in _json(release, file, problems))
    elif file:
        table = csv_rows(release, file, ["FileName"], problems)
        rows = ((place, row["FileName"], row) for place, row in table)
    keys = {"Split_Set": "split", "SpkrID": "speaker", "Gender": "sex", "EmoClass": "consensus"}
    for place, name, row in rows:
        facts = {new: str(row[key]) for key, new in keys.items() if row.get(key) is not None}
        _add_facts(about, place, name, facts, problems)
    for text, key in (("Partitions.txt", "split"), ("Speaker_ids.txt", "speaker")):
        if file := _place(release, text):
            for place, name, value in _pairs(release, file, problems):
                _add_facts(about, place, name, {key: value}, problems)
    if not any("split" in facts for facts in about.values()):
        problems.append(("file", "neither a Split_Set in labels_consensus.csv nor Partitions.txt"))
    return about


def _add_facts(
    about: dict[str, dict[str, str]],
    place: str,
    name: str,
    facts: dict[str, str],
    problems: Problems,
) -> None:
    """Add what isn't known of an utterance yet; "Unknown" is no speaker."""
    known = about.setdefault(name.removesuffix(".wav"), {})
    if (split := facts.get("split")) is not None:
        if (plain := split.replace(" ", "").replace("_", "").lower()) not in SPLITS:
            problems.append(("split", f"{place}: {split!r} is none of {', '.join(SPLITS)}"))
            plain = "train"
        facts["split"] = SPLITS[plain]
    if facts.get("speaker", "").lower() == "unknown":
        facts["speaker"] = ""
    for key, value in facts.items():
        known[key] = known.get(key) or value


def _pairs(release: Path, file: str, problems: Problems) -> Iterator[tuple[str, str, str]]:
    """Yield place, utterance and the other field of lines such as "Train; MSP-…wav"."""
    with open(release / file, encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            fields = [each.strip() for each in re.split(r"[;,\t]", line) if each.strip()]
            names = [each for each in fields if each.endswith(".wav")]
            if len(fields) == 2 and len(names) == 1:
                (value,) = (each for each in fields if each not in names)
                yield f"{file}:{number}", names[0], value
            elif fields and names:
                problems.append(("line", f"{file}:{number}: {line.strip():.80} has no two fields"))


def _json(release: Path, file: str, problems: Problems) -> Iterable[tuple[str, dict[str, Any]]]:
    """Return the items of a JSON file: file name → mapping."""
    try:
        content = orjson.loads((release / file).read_bytes())
    except orjson.JSONDecodeError as error:
        problems.append(("line", f"{file}: no JSON: {error}"))
        return []
    for name, each in content.items():
        if not isinstance(each, dict):
            problems.append(("line", f"{file}: {name}: {each!r:.80} is no mapping"))
    return [(name, each) for name, each in content.items() if isinstance(each, dict)]


def _joined(emotions: Any) -> str:
    return ",".join(emotions) if isinstance(emotions, list) else emotions or ""


def _place(release: Path, *names: str) -> str | None:
    return first_file(release, [place for name in names for place in (f"Labels/{name}", name)])


def check_msp_podcast(settings: Mapping[str, Any]) -> None:
    """Raise a ValueError where a setting of MSP-Podcast's own is not allowed."""
    if settings["votes"] not in KINDS:
        raise ValueError(f"votes must be one of {', '.join(KINDS)}; got {settings['votes']!r}")


MSP_PODCAST = Corpus(
    name="MSP-Podcast",
    read=read_msp_podcast,
    defaults={
        "classes": ["Neutral", "Happy", "Sad", "Angry"],
        "agreement": "plurality",  # as the release's own consensus
        "votes": "primary",
        "held_out": "official",
    },
    options=("votes",),
    check=check_msp_podcast,
    remedies={
        "file": "give as data_folder the folder that holds Audios and Labels, and copy what is "
        "named there or to Labels from the release",
        "line": "restore the line from the release",
        "split": "complete Partitions.txt, or labels_consensus.csv's Split_Set, from the release",
        "wav": "copy the file from the release's Audios, or remove its labels",
    },
)
