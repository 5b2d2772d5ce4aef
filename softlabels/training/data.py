"""Manifests → targets → data sets."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.data_pipeline import provides, takes

from softlabels.corpora.manifest import Manifest, ballots_of
from softlabels.encoders import AnnotationEncoder, SoftEncoder
from softlabels.errors import InputError
from softlabels.features.files import AudioFiles
from softlabels.features.store import FeatureStore
from softlabels.models.normalization import NORMALIZATIONS, mean_and_deviation
from softlabels.training.crops import RandomCrops

logger = logging.getLogger(__name__)

TRAIN_ON = ("clear", "ambiguous")


def check_normalization(normalization: str, front_end: torch.nn.Module) -> str:
    """Return how features are normalised: 'corpus' or 'speaker', or raise an InputError.

    Arguments
    ---------
    normalization : str
        The setting.
    front_end : torch.nn.Module
        One with an attribute ``frames`` that is false has one frame for a clip: a clip of an
        unknown speaker can't be normalised by itself then.

    Example
    -------
    >>> check_normalization("corpus", torch.nn.Identity())
    'corpus'
    """
    if normalization not in NORMALIZATIONS:
        raise InputError(f"normalization must be one of {NORMALIZATIONS}; got {normalization!r}")
    if normalization == "speaker" and not getattr(front_end, "frames", True):
        raise InputError(
            "normalization must be corpus for a linear head on a pretrained encoder; got speaker"
        )
    return normalization


def check_train_on(train_on: Sequence[str]) -> tuple[str, ...]:
    """Return the kinds of utterances to train on, in one order.

    Arguments
    ---------
    train_on : list of str
        'clear', 'ambiguous' or both.

    Returns
    -------
    train_on : tuple of str
        The same, clear before ambiguous.

    Raises
    ------
    ValueError
        If it is anything else, a string too.

    Example
    -------
    >>> check_train_on(["ambiguous", "clear"])
    ('clear', 'ambiguous')
    """
    listed = isinstance(train_on, (list, tuple)) and len(train_on) > 0
    if not listed or not all(isinstance(kind, str) and kind in TRAIN_ON for kind in train_on):
        raise InputError(
            f"train_on must be a list of {list(TRAIN_ON)}; got {train_on!r}. "
            'On the command line: --train_on "[clear]" or --train_on "[clear, ambiguous]"'
        )
    return tuple(kind for kind in TRAIN_ON if kind in train_on)


def of_kind(manifest: Mapping[str, dict[str, Any]], partition: str) -> Manifest:
    """Pick the utterances of one partition: 'clear', 'ambiguous' or 'discarded'.

    Example
    -------
    >>> of_kind({"u1": {"partition": "clear"}, "u2": {"partition": "discarded"}}, "clear")
    {'u1': {'partition': 'clear'}}
    """
    return {name: entry for name, entry in manifest.items() if entry["partition"] == partition}


def with_targets(manifest: Mapping[str, dict[str, Any]], encoder: AnnotationEncoder) -> Manifest:
    """Give every utterance its target, and leave out those that can have none.

    Arguments
    ---------
    manifest : dict
        id → entry with ``votes``.
    encoder : AnnotationEncoder
        Whose targets are trained on.

    Returns
    -------
    manifest : dict
        id → entry with ``target`` and ``counts``, annotators behind each class: torch.float32
        [K]. The log has how many are left out and why.

    Example
    -------
    >>> from softlabels import get_encoder
    >>> manifest = {"u1": {"votes": [["happy"]]}, "u2": {"votes": [["other"]]}}
    >>> with_targets(manifest, get_encoder("soft", ["happy", "sad"]))["u1"]["target"]
    tensor([1., 0.])
    """
    voted = {key: entry for key, entry in manifest.items() if any(entry["votes"])}
    ballots = ballots_of(voted, encoder.classes)
    targets = torch.from_numpy(encoder.encode_ballots(ballots))
    counts = torch.from_numpy(ballots.of(encoder.classes)).float()
    kept = {
        key: {**entry, "target": target, "counts": each}
        for (key, entry), target, each in zip(voted.items(), targets, counts, strict=True)
        if not target.isnan().any()
    }
    if len(kept) < len(manifest):
        logger.info(
            "%d of %d utterances left out: encoder %r takes %s utterances only, and these are not",
            len(manifest) - len(kept),
            len(manifest),
            encoder.name,
            " and ".join(encoder.takes),
        )
    return kept


def shares_of_votes(manifest: Mapping[str, dict[str, Any]], classes: Sequence[str]) -> Manifest:
    """Give every utterance the unsmoothed share of votes as its target, for scoring.

    Arguments
    ---------
    manifest : dict
        id → entry with ``votes``.
    classes : sequence of str
        The K target classes.

    Returns
    -------
    manifest : dict
        id → entry with ``target`` and ``counts``: torch.float32 [K].

    Example
    -------
    >>> manifest = {"u1": {"votes": [["happy"], ["sad"], ["other"]]}}
    >>> shares_of_votes(manifest, ["happy", "sad"])["u1"]["target"]
    tensor([0.5000, 0.5000])
    """
    return with_targets(manifest, SoftEncoder(classes))


def speaker_statistics(
    manifest: Mapping[str, dict[str, Any]], store: FeatureStore | AudioFiles
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Compute each speaker's mean and deviation from their own, unlabelled audio.

    Arguments
    ---------
    manifest : dict
        id → entry with ``speaker`` and ``wav``.
    store : FeatureStore or AudioFiles
        Where the files' features are.

    Returns
    -------
    statistics : dict
        speaker → mean [F] and deviation [F].
    """
    files: dict[str, list[str]] = {}
    for entry in manifest.values():
        files.setdefault(entry["speaker"], []).append(entry["wav"])
    return {
        speaker: mean_and_deviation(store[wav] for wav in wavs) for speaker, wavs in files.items()
    }


def make_dataset(
    manifest: Mapping[str, dict[str, Any]],
    store: FeatureStore | AudioFiles,
    speakers: Mapping[str, tuple[torch.Tensor, torch.Tensor]] | None = None,
    crops: RandomCrops | None = None,
) -> DynamicItemDataset:
    """Make a data set of features and targets.

    Arguments
    ---------
    manifest : dict
        id → entry with ``wav``, ``speaker``, ``emotion``, ``target`` and ``counts``.
    store : FeatureStore or AudioFiles
        Where the files' features are.
    speakers : dict, optional
        speaker → mean and deviation, to normalise features by speaker.
    crops : RandomCrops, optional
        What cuts features, in training.

    Returns
    -------
    dataset : DynamicItemDataset
        Of ``id``, ``features`` [T, F], ``target`` and ``counts`` [K], and ``emotion``.
    """

    @takes("id", "wav", "speaker")
    @provides("features")
    def features(name: str, wav: str, speaker: str) -> torch.Tensor:
        frames = store[wav]
        if crops is not None:
            return crops(name, frames)
        if speakers is None:
            return frames
        mean, deviation = speakers[speaker]
        return (frames - mean) / deviation

    return DynamicItemDataset(
        dict(manifest),
        dynamic_items=[features],
        output_keys=["id", "features", "target", "counts", "emotion"],
    )
