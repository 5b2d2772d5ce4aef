"""The loaders of a run: features extracted where missing, normalised, in batches."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.distributed import get_rank, if_main_process
from torch.utils.data import DataLoader

from softlabels.corpora import Manifest, Prepared
from softlabels.errors import InputError
from softlabels.features.files import AudioFiles
from softlabels.features.store import FeatureStore
from softlabels.features.wav import SAMPLE_RATE
from softlabels.models.normalization import BY_SPEAKER
from softlabels.progress import progress
from softlabels.training import data
from softlabels.training.batches import SimilarLengthBatches
from softlabels.training.crops import RandomCrops

logger = logging.getLogger(__name__)


def world_size() -> int:
    """Return how many processes torchrun started."""
    return int(os.environ.get("WORLD_SIZE", 1))


def clips(
    hparams: Mapping[str, Any], prepared: Prepared, chosen: Mapping[str, Manifest]
) -> list[str]:
    """Return the audio files that a run needs, sorted, whichever utterances validate.

    A speaker's normalisation is over all of their audio, whatever its votes.
    """
    by_speaker = hparams["normalization"] == "speaker"
    if by_speaker and not all(entry["speaker"] for entry in prepared.all.values()):
        raise InputError("normalization speaker: not all speakers are known; give corpus")
    parts = [prepared.all] if by_speaker else chosen.values()
    return sorted({entry["wav"] for part in parts for entry in part.values()})


def make_loaders(
    hparams: Mapping[str, Any],
    prepared: Prepared,
    chosen: Mapping[str, Manifest],
    store: FeatureStore | AudioFiles,
    run_opts: Mapping[str, Any],
) -> dict[str, DataLoader]:
    """Extract the features that are missing, fit the normalisation, and make the loaders.

    Arguments
    ---------
    hparams : dict
        The loaded YAML; its ``mean_var_norm`` is fitted on the training utterances.
    prepared : Prepared
        The corpus.
    chosen : dict of manifests
        "train", "valid" and the test sets: id → entry with ``target``.
    store : FeatureStore or AudioFiles
        Where features lie.
    run_opts : mapping
        SpeechBrain's run options.

    Returns
    -------
    loaders : dict
        A loader for each of ``chosen``.
    """
    progressbar = not run_opts.get("noprogressbar") and if_main_process()
    store.extract(clips(hparams, prepared, chosen), progressbar)
    speakers = None
    if hparams["normalization"] == "speaker":
        logger.info(BY_SPEAKER)
        speakers = data.speaker_statistics(prepared.all, store)
    audio = hparams if isinstance(store, AudioFiles) else {}
    crops = most = None
    if seconds := audio.get("crop_seconds"):
        samples = round(seconds * SAMPLE_RATE)
        crops = RandomCrops(samples, hparams["seed"], hparams["epoch_counter"])
    if seconds := audio.get("batch_seconds"):
        most = round(seconds * SAMPLE_RATE)
    datasets = {
        name: data.make_dataset(part, store, speakers, crops if name == "train" else None)
        for name, part in chosen.items()
    }
    train = datasets["train"]
    with progress("Normalisation", len(train), "utterance", progressbar) as bar:
        hparams["mean_var_norm"].fit(_counted(train, bar))
    loaders = {}
    for name, part in chosen.items():
        training = name == "train"
        longest = crops.samples if crops and training else sys.maxsize
        batches = SimilarLengthBatches(
            [min(store.frames(entry["wav"]), longest) for entry in part.values()],
            hparams["batch_size"],
            seed=hparams["seed"],
            shuffle=training,
            # torchrun's processes share the training batches; each scores all utterances
            rank=(get_rank() or 0) if training else 0,
            ranks=world_size() if training else 1,
            most_frames=most,
        )
        # stored features are read faster than another process could send them
        workers = audio.get("num_workers", 0)
        loaders[name] = make_dataloader(datasets[name], batch_sampler=batches, num_workers=workers)
    return loaders


def _counted(train: DynamicItemDataset, bar: Any) -> Iterator[torch.Tensor]:
    for index in range(len(train)):
        yield train[index]["features"]
        bar.update(1)
