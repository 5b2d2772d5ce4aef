"""Emozionalmente: what each evaluator recognised in each Italian clip (Catania et al.).

`EMOZIONALMENTE` is the corpus: ``audio/*.wav``, and ``samples.csv``, ``evaluations.csv`` and
``users.csv`` in ``metadata/``.
"""

from __future__ import annotations

from pathlib import Path

from softlabels.corpora import NOTE, Corpus, Manifest, Problems, csv_rows, listed

LABELS = ("anger", "disgust", "fear", "joy", "neutrality", "sadness", "surprise")


def read_emozionalmente(data_folder: str | Path, problems: Problems) -> Manifest:
    """Read a release's evaluations.

    Arguments
    ---------
    data_folder : str or pathlib.Path
        The folder that holds audio and metadata.
    problems : list of (str, str)
        What is wrong with the release is appended here.

    Returns
    -------
    manifest : dict
        An entry for every sample: ``wav``, ``speaker`` and ``group`` (the actor), ``annotators``
        and their ``votes``; ``sentence``, ``intended``, the actor's ``gender``, ``age`` and
        ``mother_tongue``.
    """
    release = Path(data_folder)
    users = {
        row.pop("username"): row
        for _, row in csv_rows(
            release,
            "metadata/users.csv",
            ["username", "gender", "age", "mother_tongue"],
            problems,
        )
    }
    given = _evaluations(release, problems)
    manifest: Manifest = {}
    columns = ["file_name", "actor", "sentence", "emotion_expressed"]
    for place, row in csv_rows(release, "metadata/samples.csv", columns, problems):
        file, actor = row["file_name"], row["actor"]
        name = file.removesuffix(".wav")
        if not name or not actor:
            problems.append(("line", f"{place}: file_name {file!r}, actor {actor!r}"))
        elif name in manifest:
            problems.append(("twice", f"{name}: {manifest[name]['place']} and {place}"))
        else:
            votes = given.pop(name, {})
            manifest[name] = {
                "wav": f"{{data_root}}/audio/{name}.wav",
                "speaker": actor,
                "group": actor,
                "annotators": sorted(votes),
                "votes": [votes[evaluator] for evaluator in sorted(votes)],
                "place": place,
                "sentence": row["sentence"],
                "intended": row["emotion_expressed"],
                **{key: users.get(actor, {}).get(key, "") for key in ("gender", "age")},
                "mother_tongue": users.get(actor, {}).get("mother_tongue", ""),
            }
    if given:
        what = f"{len(given)} evaluated files aren't among the samples: {listed(sorted(given))}"
        problems.append(("sample", what))
    if nobodys := sorted(name for name, entry in manifest.items() if not entry["votes"]):
        what = f"{len(nobodys)} samples have no evaluation and are discarded: {listed(nobodys)}"
        problems.append((NOTE, what))
    return manifest


def _evaluations(release: Path, problems: Problems) -> dict[str, dict[str, list[str]]]:
    """Return file → evaluator → labels. A second evaluation is no second vote for its label."""
    given: dict[str, dict[str, list[str]]] = {}
    columns = ["file_name", "evaluator", "emotion_recognized"]
    for place, row in csv_rows(release, "metadata/evaluations.csv", columns, problems):
        file, evaluator, label = (row[column] for column in columns)
        if label not in LABELS:
            problems.append(("label", f"{place}: unknown label {label!r}"))
        elif not file or not evaluator:
            problems.append(("line", f"{place}: file_name {file!r}, evaluator {evaluator!r}"))
        else:
            labels = given.setdefault(file.removesuffix(".wav"), {}).setdefault(evaluator, [])
            labels += [label] if label not in labels else []
    return given


EMOZIONALMENTE = Corpus(
    name="Emozionalmente",
    read=read_emozionalmente,
    defaults={
        "classes": list(LABELS),
        "agreement": "plurality",
        "held_out": 0.2,  # of the speakers, drawn by the seed
    },
    labels=LABELS,
    remedies={
        "file": "give as data_folder the folder that holds audio and metadata, and copy what is "
        "named from the release",
        "line": "restore the line from the release",
        "twice": "remove one of the two rows",
        "label": f"correct it; the labels are {', '.join(LABELS)}",
        "sample": "add them to metadata/samples.csv, or remove their evaluations",
        "wav": "copy the file from the release's audio, or remove its row from samples.csv",
    },
)
