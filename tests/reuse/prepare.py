"""Manifests of the utterances that have a consensus emotion: a session for validation, one
for test, the others for training.
"""

import json
import re
from pathlib import Path

from speechbrain.dataio.dataio import read_audio

EMOTIONS = ["neu", "hap", "sad", "ang"]
VALID, TEST = "Session4", "Session5"


def prepare_data(data_folder, save_json_train, save_json_valid, save_json_test):
    """Write the three manifests."""
    splits = {save_json_train: [], save_json_valid: [], save_json_test: []}
    for text in sorted(Path(data_folder).glob("Session*/dialog/EmoEvaluation/*.txt")):
        session = text.parents[2]
        save_json = {VALID: save_json_valid, TEST: save_json_test}
        chosen = splits[save_json.get(session.name, save_json_train)]
        for utterance, emo in re.findall(r"^\[.+?\]\t(\w+)\t(\w{3})\t", text.read_text(), re.M):
            if emo in EMOTIONS:
                wav = session / "sentences" / "wav" / text.stem / f"{utterance}.wav"
                chosen.append((str(wav), emo))
    for json_file, wav_list in splits.items():
        create_json(wav_list, json_file, data_folder)


def create_json(wav_list, json_file, data_folder):
    """Write one manifest."""
    json_dict = {}
    for wav_file, emo in wav_list:
        json_dict[Path(wav_file).stem] = {
            "wav": "{data_root}/" + str(Path(wav_file).relative_to(data_folder)),
            "length": len(read_audio(wav_file)) / 16000,
            "emo": emo,
        }
    with open(json_file, "w", encoding="utf-8") as file:
        json.dump(json_dict, file, indent=2)
