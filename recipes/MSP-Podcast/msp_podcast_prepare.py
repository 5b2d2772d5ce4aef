"""MSP-Podcast: every worker's emotions as written in the release (Lotfian and Busso, 2019).

`MSP_PODCAST` is the corpus: ``Audios/*.wav``; the workers' labels (see `msp_podcast_labels`);
speaker, sex and split from ``labels_consensus.csv`` or JSON, and where these lack them from
``Speaker_ids.txt`` and ``Partitions.txt``. All of them lie in ``Labels/`` or at the release's top.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msp_podcast_labels import json_items, labels_of, place_in, read_labels

from softlabels.corpora import NOTE, Corpus, Manifest, Problems, csv_rows, listed
from softlabels.corpora.kinds import Setting, Word

KINDS = ("primary", "secondary", "both")  # emotions that vote
SPLITS = {
    "train": "train",
    "development": "valid",
    "validation": "valid",
    "test1": "test",
    "test2": "test2",
    "test3": "",  # its labels aren't in the release
}
FACTS = {"Split_Set": "split", "SpkrID": "speaker", "Gender": "sex", "EmoClass": "consensus"}
Facts = dict[str, dict[str, str]]  # utterance → split, speaker, sex, consensus


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
        An entry for every utterance with labels: ``wav``, ``speaker`` ("" where unknown),
        ``group`` (the speaker, or else the podcast), ``split``, ``annotators`` and their
        ``votes``; ``sex`` and ``consensus`` where the release has them.
    """
    release = Path(data_folder)
    facts = read_facts(release, problems)
    places: dict[str, str] = {}
    given: dict[str, dict[str, tuple[str, ...]]] = {}
    for place, file, worker, primary, secondary in read_labels(release, problems):
        if not file or not worker:
            problems.append(("line", f"{place}: file {file!r}, worker {worker!r}: one is missing"))
            continue
        name, labels = file.removesuffix(".wav"), labels_of(primary, secondary, votes)
        places.setdefault(name, place)
        before = given.setdefault(name, {}).get(worker, ())
        given[name][worker] = tuple(dict.fromkeys((*before, *labels))) if before else labels
    manifest: Manifest = {}
    for name, workers in given.items():
        about = {"speaker": "", "split": "", **facts.get(name, {})}
        if about["split"]:
            manifest[name] = {
                "wav": f"{{data_root}}/Audios/{name}.wav",
                "group": about["speaker"] or name.rpartition("_")[0],
                "annotators": sorted(workers),
                "votes": [workers[worker] for worker in sorted(workers)],
                "place": places[name],
                **about,
            }
    _note_left_out(manifest, given, facts, problems)
    return manifest


def _note_left_out(
    manifest: Manifest, given: Mapping[str, Any], facts: Facts, problems: Problems
) -> None:
    """Report utterances that can't be used, and how many speakers are unknown."""
    if missing := [name for name in given if "split" not in facts.get(name, {})]:
        problems.append(("split", f"{len(missing)} utterances have no split: {listed(missing)}"))
    reasons = Counter(
        "no worker's labels are there" if about.get("split", "-") else "Test3 has no labels"
        for name, about in facts.items()
        if name not in manifest and not (name in given and "split" not in about)
    )
    problems += [(NOTE, f"{n} utterances are left out: {why}") for why, n in reasons.items()]
    if unknown := sum(not entry["speaker"] for entry in manifest.values()):
        what = f"the speakers of {unknown} of {len(manifest)} utterances are unknown"
        problems.append((NOTE, what))


def read_facts(release: Path, problems: Problems) -> Facts:
    """Return each utterance's split, speaker, sex and consensus, as far as the release has them.

    The consensus goes before Partitions.txt and Speaker_ids.txt.
    """
    facts: Facts = {}
    for place, file, row in _facts(release, problems):
        known = facts.setdefault(file.removesuffix(".wav"), {})
        for key, value in row.items():
            if key == "split":
                plain = re.sub(r"[\s_-]", "", value).lower()
                if plain not in SPLITS:
                    problems.append(("split", f"{place}: {value!r} is none of {', '.join(SPLITS)}"))
                value = SPLITS.get(plain, "train")
            elif key == "speaker" and value.lower() == "unknown":
                value = ""
            known[key] = known.get(key) or value
    if not any("split" in about for about in facts.values()):
        problems.append(("file", "neither Partitions.txt nor labels_consensus with a Split_Set"))
    return facts


def _facts(release: Path, problems: Problems) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield place, file and facts, from each file that has any."""
    stems = ("labels_consensus", "labels_concensus")  # older releases spell it so
    file = place_in(release, *(f"{stem}{end}" for end in (".csv", ".json") for stem in stems))
    if file and file.endswith(".csv"):
        for place, row in csv_rows(release, file, ["FileName"], problems):
            yield place, row["FileName"], {FACTS[key]: row[key] for key in FACTS if key in row}
    elif file:
        for name, row in json_items(release, file, problems):
            yield (
                f"{file}: {name}",
                name,
                {FACTS[key]: str(row[key]) for key in FACTS if key in row},
            )
    for text, key in (("Partitions.txt", "split"), ("Speaker_ids.txt", "speaker")):
        if place_of := place_in(release, text):
            for place, name, value in _pairs(release, place_of, problems):
                yield place, name, {key: value}


def _pairs(release: Path, file: str, problems: Problems) -> Iterator[tuple[str, str, str]]:
    """Yield place, utterance and the other field of lines such as "Train; MSP-…wav"."""
    with open(release / file, encoding="utf-8-sig", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            fields = sorted(filter(None, map(str.strip, re.split(r"[;,\t]", line))))
            names = [field for field in fields if field.endswith(".wav")]
            others = [field for field in fields if field not in names]
            if len(names) == len(others) == 1:
                yield f"{file}:{number}", names[0], others[0]
            elif names:
                problems.append(("line", f"{file}:{number}: {line.strip():.80}: not two fields"))


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
    settings={
        "votes": Setting(Word(lambda: KINDS), "which of a worker's emotions vote"),
    },
    remedies={
        "file": "give as data_folder the folder that holds Audios and Labels, and copy what is "
        "named there or to Labels from the release",
        "line": "restore the line from the release",
        "split": "complete Partitions.txt, or labels_consensus.csv's Split_Set, from the release",
        "wav": "copy the file from the release's Audios, or remove its labels",
    },
)
