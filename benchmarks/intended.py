#!/usr/bin/env python3
"""Front end and network alone: trained and scored on the emotion that the actors intended.

> python benchmarks/intended.py --data_folder /path/to/corpus --output_folder /path/to/results
> python benchmarks/intended.py … --pretrained /path/to/whisper-base

The corpus has a ``truth.csv`` (columns ``utterance``, ``intended``) beside its
sessions. Three annotators vote for the intended emotion, all alike; hard targets,
balanced class weights, every session held out. Run again, it continues.
"""

import argparse
import csv
import json
import os
import sys
from pathlib import Path

import numpy as np

from softlabels.locks import hold
from softlabels.metrics import recognition
from softlabels.sweep.trials import Trial, run_trials
from softlabels.training.identity import METRICS_FILE

SCRIPT = Path(__file__).resolve().parents[1] / "recipes/IEMOCAP/train.py"
SESSIONS = (1, 2, 3, 4, 5)
TARGETS = ("Neutral", "Happiness", "Sadness", "Anger")


def as_intended(data_folder, folder):
    """Write a release with the same audio and unanimous votes for the intended emotion."""
    with open(data_folder / "truth.csv", encoding="utf-8", newline="") as file:
        intended = {row["utterance"]: row["intended"].capitalize() for row in csv.DictReader(file)}
    for session in SESSIONS:
        source, target = (place / f"Session{session}" for place in (data_folder, folder))
        annotations = target / "dialog/EmoEvaluation"
        annotations.mkdir(parents=True, exist_ok=True)
        wavs = target / "sentences/wav"
        wavs.parent.mkdir(exist_ok=True)
        if not wavs.exists():
            wavs.symlink_to((source / "sentences/wav").resolve())
        for file in sorted((source / "dialog/EmoEvaluation").glob("Ses*.txt")):
            heads = [line for line in file.read_text().splitlines() if line.startswith("[")]
            blocks = []
            for head in heads:
                emotion = intended[head.split("\t")[1]]
                label = emotion if emotion in TARGETS else "Other"
                blocks.append("\n".join([head, *(f"C-E{n}:\t{label};\t()" for n in (2, 3, 4))]))
            (annotations / file.name).write_text("\n\n".join(blocks) + "\n")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_folder", type=Path, required=True)
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--pretrained", help="a pretrained encoder, under a linear head")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    output = options.output_folder.resolve()
    release = as_intended(options.data_folder.resolve(), output / "intended")
    given = ["hparams/hard.yaml"]
    if options.pretrained:
        given = ["hparams/pretrained.yaml", "--encoder", "hard", "--pretrained", options.pretrained]
    given += ["--train_on", "[clear]", "--class_weighting", "True"]
    given += ["--data_folder", str(release)]
    trials = {}
    for seed in options.seeds:
        for session in SESSIONS:
            name = f"session{session}/seed{seed}"
            more = ["--test_session", str(session), "--seed", str(seed)]
            trials[seed, session] = Trial(name, SCRIPT, (*given, *more), output / name)
    with hold(output):
        failures = run_trials(
            [*trials.values()], output, options.jobs, progressbar=sys.stderr.isatty()
        )
    if failures:
        raise SystemExit("\n".join(f"{each.trial.name}: {each.reason}" for each in failures))
    scores = []
    for seed in options.seeds:
        files = [trials[seed, session].folder / METRICS_FILE for session in SESSIONS]
        clear = [json.loads(file.read_text("utf-8"))["test"]["clear"] for file in files]
        true, predicted = np.nonzero(total := np.sum([each["confusion"] for each in clear], axis=0))
        times = total[true, predicted]
        pooled = recognition(np.repeat(true, times), np.repeat(predicted, times), TARGETS)
        scores.append([100 * pooled["WA"], 100 * pooled["UA"]])
    print(f"intended emotion, {pooled['n']} utterances of all sessions together, by seed:")
    for index, name in enumerate(("WA", "UA")):
        each = [score[index] for score in scores]
        print(f"  {name} {np.mean(each):.1f} % ({', '.join(f'{x:.1f}' for x in each)})")


if __name__ == "__main__":
    main()
