"""Any table of votes: a CSV with the label that each annotator gave each clip, and their folder.

`TABLE` is the corpus. A second CSV may add what is known of the clips: ``speaker``, ``group``
(what is held out together), ``split`` (the corpus' own), ``path``; other columns are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from softlabels.corpora.clips import find_clips, short_name
from softlabels.corpora.corpus import Corpus
from softlabels.corpora.kinds import File, HeldOut, Names, Setting, Switch, Text
from softlabels.corpora.manifest import NOTE, Manifest, Problems
from softlabels.corpora.splits import OFFICIAL, split_by_settings
from softlabels.errors import InputError
from softlabels.votes import Ballots
from softlabels.votes.files import ITEMS, default_column, read_votes
from softlabels.votes.rows import Rows

SHARE = 0.2  # of the groups, that are held out by default
SPLITS = {  # other words for them
    "training": "train",
    "val": "valid",
    "validation": "valid",
    "dev": "valid",
    "devel": "valid",
    "development": "valid",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
OWN = {  # keys of a manifest that no column may fill
    *("wav", "annotators", "votes", "place", "partition", "emotion"),
    *("duration", "sample_rate", "channels", "samples", "frames", "silent", "head_crc32"),
}


def read_table(
    data_folder: str | Path,
    problems: Problems,
    *,
    votes: str,
    utterances: str | None = None,
    **columns: Any,
) -> Manifest:
    """Read votes, what is known of the clips, and where they are.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The clips' folder; they may lie in subfolders. Their formats are those of soundfile.
    problems : list of (str, str)
        What is wrong is appended here.
    votes : str
        The CSV with votes, or a manifest.
    utterances : str, optional
        A CSV with a row for each clip, and its column of clips under the same name as in votes.
    **columns
        How to read ``votes``: see `softlabels.votes.files.read_votes`.

    Returns
    -------
    manifest : dict
        An entry for each clip with votes: ``wav``, ``speaker``, ``group``, ``annotators`` and
        their ``votes``; ``split``, and whatever else ``utterances`` has.
    """
    items, ballots = _read(votes, columns, problems)
    voted = {name: entry for name, entry in _entries(items, ballots).items() if entry["votes"]}
    known = _read_utterances(utterances, columns["item"], problems)
    if len(voted) < len(items):
        without = len(items) - len(voted)
        problems.append((NOTE, f"{without} clips of {votes} have no votes and are left out"))
    if not Path(data_folder).is_dir():
        problems.append(("folder", f"{data_folder} is not a folder"))
        return {}
    rows = {name: known.get(short_name(name), {}) for name in voted}
    if utterances:
        unknown = [name for name in voted if short_name(name) not in known]
        problems += [("row", f"{name} is not in {utterances}") for name in unknown]
    paths = {name: row.pop("path", "") for name, row in rows.items()}
    clips = find_clips(Path(data_folder), paths, problems)
    manifest: Manifest = {}
    for name, clip in clips.items():
        row, speaker = rows[name], rows[name].get("speaker", "")
        group = row.get("group") or speaker or name
        manifest[name] = {**row, **voted[name], "wav": clip, "speaker": speaker, "group": group}
    return manifest


def _read(votes: str, columns: Mapping[str, Any], problems: Problems) -> tuple[list[str], Ballots]:
    """Read votes; items are texts."""

    def left_out(row: str) -> None:
        problems.append((NOTE, row))

    with open(votes, "rb") as stream:
        items, ballots = read_votes(stream, **columns, left_out=left_out)
    if columns["counts"] and columns["item"] is None and not isinstance(items[0], str):
        raise InputError(f"name the column of {votes} that has the clips' names: --item")
    return list(map(str, items)), ballots


def _entries(items: Sequence[str], ballots: Ballots) -> Manifest:
    """Return annotators and votes of each item, in alphabetical order."""
    labels = ballots.labels
    if ballots.who is None:
        order = sorted(range(len(labels)), key=lambda column: labels[column])
        rows = ([[labels[k]] for k in order for _ in range(row[k])] for row in ballots.counts)
        return {
            item: {"annotators": [], "votes": votes}
            for item, votes in zip(items, rows, strict=True)
        }
    people = ballots.annotators
    given: list[dict[str, list[str]]] = [{} for _ in items]
    for item, annotator, label in ballots.who.tolist():
        given[item].setdefault(people[annotator], []).append(labels[label])
    return {
        item: {"annotators": sorted(votes), "votes": [sorted(votes[who]) for who in sorted(votes)]}
        for item, votes in zip(items, given, strict=True)
    }


def _read_utterances(
    file: str | None, item: str | None, problems: Problems
) -> dict[str, dict[str, str]]:
    """Read what is known of each clip: its name without ending → its row."""
    if file is None:
        return {}
    rows: dict[str, dict[str, str]] = {}
    with open(file, "rb") as stream:
        table = Rows(stream, file, left_out=None)
        item = item or default_column(table.columns, ITEMS) or ITEMS[0]
        if item not in table.columns:
            raise InputError(
                f"{file} has no column {item!r}, as the votes have; it has {table.columns}"
            )
        if twice := sorted({name for name in table.columns if table.columns.count(name) > 1}):
            raise InputError(f"{file} has several columns {twice[0]!r}; rename all but one")
        if taken := [name for name in table.columns if name in OWN]:
            note = f"{file}: {', '.join(taken)} left out: every manifest has its own"
            problems.append((NOTE, note))
        columns = [name for name in table.columns if name not in OWN]
        for chunk in table.chunks(columns):
            for line, row in zip(chunk.index, chunk.to_dict("records"), strict=True):
                name = row.pop(item)
                if "split" in row:
                    row["split"] = _split(row["split"], f"{file}, line {line}", problems)
                key = short_name(name)
                if key in rows:
                    problems.append(("twice", f"{file}, line {line}: {name} has a row already"))
                rows[key] = row
    return rows


def _split(word: str, place: str, problems: Problems) -> str:
    name = SPLITS.get(word.lower(), word.lower())
    if not re.fullmatch(r"train|valid|test\w*", name):
        problems.append(("split", f"{place}: {word!r}"))
    return name


def split_table(manifest: Manifest, settings: Mapping[str, Any]) -> dict[str, str]:
    """Hold out what ``held_out`` names; by default the table's own split, or a fifth of the groups.

    Raises
    ------
    InputError
        If the split column lacks "train" or "test", or is requested and not there.
    """
    has_split = any("split" in entry for entry in manifest.values())
    held_out = settings["held_out"]
    if held_out is None:
        held_out = OFFICIAL if has_split else SHARE
    if held_out == OFFICIAL:
        there = sorted({entry.get("split", "") for entry in manifest.values()} - {""})
        if not {"train", "test"} <= set(there):
            raise InputError(
                f"the split column must have train and test; it has {', '.join(there) or 'nothing'}"
                ": give a column split in --utterances, or groups or a share as --held_out"
            )
    return split_by_settings(manifest, {**settings, "held_out": held_out})


def check_table(settings: Mapping[str, Any]) -> None:
    """Raise an InputError where no votes or no classes are given; it lists the labels there are."""
    if not settings["votes"]:
        raise InputError("give the table of votes: --votes votes.csv")
    if settings["classes"] is None:
        _, ballots = _read(settings["votes"], {name: settings[name] for name in COLUMNS}, [])
        totals = zip(ballots.counts.sum(axis=0).tolist(), ballots.labels, strict=True)
        listed = ", ".join(f"{label} ({n})" for n, label in sorted(totals, reverse=True))
        raise InputError(
            f"name the labels that are classes: --classes; {settings['votes']} has votes for "
            f"{listed}"
        )


COLUMNS: dict[str, Any] = {
    "item": None,
    "annotator": "worker",
    "label": "label",
    "counts": [],
    "query": None,
    "skip_bad_rows": False,
}

TABLE = Corpus(
    name="table",
    read=read_table,
    defaults={
        "classes": None,
        "agreement": "plurality",
        "votes": None,
        **COLUMNS,
        "utterances": None,
        "held_out": None,
    },
    options=("votes", *COLUMNS, "utterances"),
    split=split_table,
    check=check_table,
    settings={
        "classes": Setting(Names(2, optional=True), "target classes, spelt as in the votes"),
        "votes": Setting(File(optional=True), "a CSV with the votes, or a manifest"),
        "item": Setting(
            Text(optional=True), "its column of clips, `task` if not given; needed with `counts`"
        ),
        "annotator": Setting(Text(), "its column of annotators"),
        "label": Setting(Text(), "its column of labels"),
        "counts": Setting(Names(0), "its columns of counts, where a row is a clip"),
        "query": Setting(Text(optional=True), "the rows that count, as a pandas query"),
        "skip_bad_rows": Setting(Switch(), "whether rows that can't be read are left out"),
        "utterances": Setting(
            File(optional=True),
            "a CSV with the same column of clips, and any of speaker, group, split and path",
        ),
        "held_out": Setting(
            HeldOut(optional=True),
            "what the test set is; null: by the column split, or a fifth of the groups if there "
            "is none",
        ),
    },
    remedies={
        "folder": "give the folder of the clips",
        "clip": (
            "no such clip: give the folder that holds it, spell it as its file, or name the file "
            "in a column path of --utterances"
        ),
        "name": (
            "several clips have this name: write its path in the votes, or in a column path of "
            "--utterances"
        ),
        "twice": "one clip under two names: write it in one way",
        "row": "add a row for it, or leave --utterances out",
        "split": "write train, valid or test (test2, …)",
        "wav": "convert or replace the file, or leave out its votes",
    },
)
