#!/usr/bin/env python3
"""What each teacher is worth on a corpus: every session held out, several seeds.

> python benchmarks/teachers.py --data_folder /path/to/corpus --output_folder /path/to/results

Each run is ``recipes/IEMOCAP/train.py`` on one thread. WA and UA are over the
clear utterances of all five held-out sessions together; mean and standard
deviation over seeds. Run again, it continues.

With ``--truth truth.csv`` (columns ``utterance``, ``intended``) it is a check of
front end and network alone: three unanimous votes for the intended emotion.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

RECIPE = Path(__file__).resolve().parents[1] / "recipes/IEMOCAP"
SESSIONS = (1, 2, 3, 4, 5)
ROWS = {
    "hard / clear": ["hard", "--train_on", "[clear]"],
    "modified soft / clear": ["modified_soft", "--train_on", "[clear]"],
    "modified soft / clear + ambiguous": ["modified_soft"],
    "soft / clear + ambiguous": ["soft"],
}
TRUTH_ROWS = {"intended emotion": ["hard", "--train_on", "[clear]", "--class_weighting", "True"]}


def train(teacher, more, session, seed, data_folder, folder):
    """Run one training; returns the confusion matrix of its clear test utterances."""
    command = [sys.executable, "train.py", f"hparams/{teacher}.yaml", *more, "--noprogressbar"]
    command += ["--data_folder", str(data_folder), "--output_folder", str(folder)]
    command += ["--test_session", str(session), "--seed", str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=RECIPE, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
    return np.array(metrics["test"]["clear"]["confusion"])


def accuracies(confusion):
    """WA and UA of a confusion matrix [K, K], in percent."""
    recall = confusion.diagonal() / confusion.sum(axis=1)
    return 100 * confusion.diagonal().sum() / confusion.sum(), 100 * recall.mean()


def as_intended(data_folder, truth, folder):
    """Write a release with the same audio in which all annotators vote for the intended emotion."""
    with open(truth, encoding="utf-8", newline="") as file:
        intended = {row["utterance"]: row["intended"].capitalize() for row in csv.DictReader(file)}
    targets = {"Neutral", "Happiness", "Sadness", "Anger"}
    for session in SESSIONS:
        source = Path(data_folder) / f"Session{session}"
        wavs = folder / f"Session{session}/sentences"
        wavs.mkdir(parents=True)
        (wavs / "wav").symlink_to((source / "sentences/wav").resolve())
        annotations = folder / f"Session{session}/dialog/EmoEvaluation"
        annotations.mkdir(parents=True)
        for file in sorted((source / "dialog/EmoEvaluation").glob("Ses*.txt")):
            heads = [line for line in file.read_text().splitlines() if line.startswith("[")]
            blocks = []
            for head in heads:
                emotion = intended[head.split("\t")[1]]
                label = emotion if emotion in targets else "Other"
                blocks.append("\n".join([head, *(f"C-E{n}:\t{label};\t()" for n in (2, 3, 4))]))
            (annotations / file.name).write_text("\n\n".join(blocks) + "\n")
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data_folder", type=Path, required=True)
    parser.add_argument("--output_folder", type=Path, required=True)
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data_folder, rows = options.data_folder.resolve(), ROWS
        if options.truth:
            data_folder = as_intended(data_folder, options.truth, Path(scratch))
            rows = TRUTH_ROWS
        trials = [(row, seed, s) for seed in options.seeds for row in rows for s in SESSIONS]

        def trial(key):
            row, seed, session = key
            name = row.replace(" / ", "_").replace(" + ", "+").replace(" ", "_")
            folder = options.output_folder.resolve() / name / f"session{session}/seed{seed}"
            return train(rows[row][0], rows[row][1:], session, seed, data_folder, folder)

        with ThreadPoolExecutor(options.jobs) as pool:
            found = dict(zip(trials, tqdm(pool.map(trial, trials), total=len(trials)), strict=True))
    print("\n| teacher / trained on | WA % | UA % | UA by seed |")
    print("|---|---|---|---|")
    for row in rows:
        scores = np.array(
            [accuracies(sum(found[row, seed, s] for s in SESSIONS)) for seed in options.seeds]
        )
        (wa, ua), (wa_sd, ua_sd) = scores.mean(axis=0), scores.std(axis=0, ddof=1)
        each = ", ".join(f"{x:.1f}" for x in scores[:, 1])
        print(f"| {row} | {wa:.1f} ± {wa_sd:.1f} | {ua:.1f} ± {ua_sd:.1f} | {each} |")


if __name__ == "__main__":
    main()
