"""Little releases of each corpus, faithful in their layout: `write_*(folder)` → the release."""

from __future__ import annotations

import csv
import io
import zlib
from pathlib import Path

import numpy as np
import soundfile

CREMA_D_ACTORS = ("1001", "1019", "1037", "1055", "1073")  # one of each fold
CREMA_D_COUNTS = {  # votes for A, D, F, H, N, S
    "ANG": (7, 1, 0, 0, 2, 0),
    "HAP": (0, 0, 0, 6, 4, 0),
    "NEU": (0, 1, 0, 0, 9, 0),
    "SAD": (0, 0, 1, 0, 4, 5),
    "DIS": (3, 4, 0, 0, 3, 0),
    "FEA": (0, 0, 5, 0, 0, 5),
}


def write_wav(path: Path, seconds: float = 0.1) -> None:
    """Write noise, the same for the same name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(zlib.crc32(path.name.encode()))
    samples = 0.1 * generator.standard_normal(round(16000 * seconds))
    soundfile.write(path, samples, 16000)


def write_csv(path: Path, header: str, rows: list[tuple], reverse: bool = False) -> None:
    """Write a table; its rows in the opposite order if asked for."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(reversed(rows) if reverse else rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.getvalue())


def write_crema_d(folder: Path, reverse: bool = False) -> Path:
    """Five actors with six clips each, in three modes, counted."""
    clips = [f"{actor}_DFA_{kind}_XX" for actor in CREMA_D_ACTORS for kind in CREMA_D_COUNTS]
    rows = [
        (100_000 * mode + number, *CREMA_D_COUNTS[clip[9:12]], clip, 10, 0.5, clip[9])
        for mode in (1, 2, 3)
        for number, clip in enumerate(clips, start=1)
    ]
    header = ",A,D,F,H,N,S,fileName,numResponses,agreement,emoVote"
    write_csv(folder / "processedResults/tabulatedVotes.csv", header, rows, reverse)
    people = [(actor, 21 + k, ("Male", "Female")[k % 2]) for k, actor in enumerate(CREMA_D_ACTORS)]
    write_csv(folder / "VideoDemographics.csv", "ActorID,Age,Sex", people, reverse)
    for clip in clips:
        write_wav(folder / f"AudioWAV/{clip}.wav")
    return folder


MSP_SPLITS = ("Train", "Train", "Development", "Test1", "Test2", "Test3")
MSP_VOTES = {  # primary and secondary of three workers
    "Neutral": (("Neutral", "Neutral"), ("Neutral", "Neutral,Concerned"), ("Sad", "Sad")),
    "Happy": (("Happy", "Happy,Excited"), ("Happy", "Amused"), ("Other-at ease", "Happy")),
    "Sad": (("Sad", "Sad"), ("Sad", "Depressed,Sad"), ("Neutral", "Neutral")),
    "Angry": (("Angry", "Angry"), ("Angry", "Annoyed"), ("Contempt", "Contempt,Dissapointed")),
    "Rest": (("Surprise", "Surprise"), ("Fear", "Fear"), ("Disgust", "Disgust")),
    "None": (("Angry", ""), ("Happy", "Happy"), ("Other-?", "Other-so, la")),
}


def msp_utterances() -> list[tuple[str, str, str, tuple]]:
    """File, split, speaker and labels of each utterance."""
    return [
        (
            f"MSP-PODCAST_{number:04d}_{place:04d}.wav",
            split,
            "Unknown" if number == 1 and kind == "Sad" else f"{number:03d}",
            votes,
        )
        for number, split in enumerate(MSP_SPLITS)
        for place, (kind, votes) in enumerate(MSP_VOTES.items())
    ]


def write_msp_podcast(folder: Path, reverse: bool = False) -> Path:
    """Six podcasts of six utterances, three workers each, in the form of release 2.0."""
    detailed, consensus = [], []
    for file, split, speaker, votes in msp_utterances():
        consensus.append((file, "X", 4.0, 4.0, 4.0, speaker, "Female", split))
        write_wav(folder / f"Audios/{file}")
        if split != "Test3":
            detailed += [
                (file, f"WORKER{number:08d}", primary, secondary, 4, 4, 4)
                for number, (primary, secondary) in enumerate(votes)
            ]
    header = "FileName,WorkerID,EmoClass_Major,EmoClass_Second,EmoAct,EmoVal,EmoDom"
    write_csv(folder / "Labels/labels_detailed.csv", header, detailed, reverse)
    header = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
    write_csv(folder / "Labels/labels_consensus.csv", header, consensus, reverse)
    return folder


def write_emozionalmente(folder: Path, reverse: bool = False) -> Path:
    """Five actors, each with a sample of every emotion, heard by five evaluators."""
    emotions = ("anger", "disgust", "fear", "joy", "neutrality", "sadness", "surprise")
    samples, evaluations = [], []
    for actor in range(5):
        for place, emotion in enumerate(emotions):
            file = f"{actor}_{emotion}.wav"
            samples.append((file, f"actor{actor}", "1", emotion))
            write_wav(folder / f"audio/{file}")
            other = emotions[(place + 1) % len(emotions)]
            evaluations += [
                (file, f"ear{number}", emotion if number < 3 else other) for number in range(5)
            ]
    users = [(f"actor{actor}", "F", 30, "Italian") for actor in range(5)]
    users += [(f"ear{number}", "M", 40, "Italian") for number in range(5)]
    tables = folder / "metadata"
    header = "file_name,actor,sentence,emotion_expressed"
    write_csv(tables / "samples.csv", header, samples, reverse)
    write_csv(tables / "evaluations.csv", "file_name,evaluator,emotion_recognized", evaluations,
              reverse)  # fmt: skip
    write_csv(tables / "users.csv", "username,gender,age,mother_tongue", users, reverse)
    return folder
