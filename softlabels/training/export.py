"""A finished run's model as a folder that others can load, without this recipe.

====================  ==========================================================
hyperparams.yaml      for SpeechBrain's `EncoderClassifier`: the network
<module>.ckpt         for it: the weights of the epoch that was tested
label_encoder.ckpt    for it: the classes' names, by SpeechBrain's own encoder
settings.json         for `softlabels.inference.classifier`, which runs nothing from the folder
model.safetensors     for it: the same weights
digests.json          SHA-256 of these files, by which damage is noticed
====================  ==========================================================
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch.utils.data import DataLoader

from softlabels import files
from softlabels.features.frontends import BUILT_IN, front_end_fingerprint, get_front_end
from softlabels.features.pretrained.checkpoint import write_checkpoint
from softlabels.features.pretrained.frontend import PretrainedFrontEnd
from softlabels.inference.abstention import entropy_threshold
from softlabels.inference.networks import NETWORKS, OF_AUDIO, network_settings
from softlabels.inference.pretrained import EMBEDDED, EncoderReference, refer
from softlabels.inference.settings import AUDIO, ModelSettings
from softlabels.inference.temperature import fit_temperature
from softlabels.models.heads import CLASSIFIERS, output_of
from softlabels.models.normalization import (
    FeatureNormalization,
    NoNormalization,
    UtteranceNormalization,
)
from softlabels.models.pretrained_network import Audio
from softlabels.models.trained_encoder import TrainedEncoder, merged
from softlabels.seal import seal
from softlabels.training.brain import SoftLabelBrain, predict
from softlabels.training.for_speechbrain import cooled, inference_yaml, write_for_speechbrain

logger = logging.getLogger(__name__)

NETWORK = ("mean_var_norm", "embedding_model", "classifier")
BY_UTTERANCE = (
    "trained on features normalised by speaker; here each clip is normalised by its own frames, "
    "so the run's test figures don't hold"
)


def export_model(brain: SoftLabelBrain, valid: DataLoader, notice: str | None = None) -> Path:
    """Leave the brain's model in its results folder, complete or not at all.

    Arguments
    ---------
    brain : SoftLabelBrain
        Trained. Its ``hparams`` hold ``output_folder``, where hyperparams.yaml lies as SpeechBrain
        put it there.
    valid : torch.utils.data.DataLoader
        The validation utterances, on which the threshold of abstention is set.
    notice : str, optional
        A warning for whoever uses the model.

    Returns
    -------
    folder : Path
        ``<output_folder>/model``. One that was there is replaced.
    """
    results, by_utterance = Path(brain.hparams.output_folder), _by_utterance(brain)
    with as_exported(brain):
        validated = predict(brain, valid)
    temperature = 1.0
    if getattr(brain.hparams, "calibration", None):
        temperature = fit_temperature(validated.log_probabilities, validated.shares)
        validated = validated.at(temperature)

    def fill(folder: Path) -> None:
        modules = dict(brain.hparams.modules)
        modules["embedding_model"] = merged(modules["embedding_model"])
        run_yaml = (results / "hyperparams.yaml").read_text("utf-8")
        by_speaker = brain.hparams.normalization == "speaker"
        yaml = inference_yaml(run_yaml, by_speaker, _trained(modules["embedding_model"]))
        cold = {"classifier": cooled(modules["classifier"], temperature)}
        weights = {**{name: modules[name] for name in NETWORK}, **cold}
        write_for_speechbrain(weights, brain.hparams.classes, yaml, folder)
        notices = [notice, BY_UTTERANCE if by_utterance else None]
        settings = _settings(
            brain.hparams,
            modules,
            entropy_threshold(validated.log_probabilities),
            temperature,
            int(brain.best["epoch"]),
            "; ".join(filter(None, notices)) or None,
        )
        if settings is not None:
            _for_softlabels(settings, modules, folder)
            if isinstance(settings.frontend, EncoderReference) and settings.frontend.place is None:
                front_end = brain.hparams.modules["compute_features"]
                write_checkpoint(front_end.checkpoint, folder / EMBEDDED)
        else:
            logger.warning("SoftLabelClassifier doesn't know this network: use EncoderClassifier")
        if by_utterance:
            logger.warning("The exported model: %s", BY_UTTERANCE)
        seal(folder)

    return files.replace_folder(results / "model", fill)


@contextmanager
def as_exported(brain: SoftLabelBrain) -> Iterator[None]:
    """Give the brain features as the exported model has them, whose users know no speaker.

    Normalising by the clip's own frames undoes what normalising by speaker did before.

    Arguments
    ---------
    brain : SoftLabelBrain
        Whose normalisation is another as long as the context lasts.
    """
    own = brain.modules["mean_var_norm"]
    if _by_utterance(brain):
        alone = UtteranceNormalization(len(own.mean)).to(brain.device)
        alone.load_state_dict(own.state_dict())
        brain.modules["mean_var_norm"] = alone
    try:
        yield
    finally:
        brain.modules["mean_var_norm"] = own


def _by_utterance(brain: SoftLabelBrain) -> bool:
    known = type(brain.modules["mean_var_norm"]) is FeatureNormalization
    return known and brain.hparams.normalization == "speaker"


def _trained(model: torch.nn.Module) -> dict[str, Any] | None:
    """Return what builds a pretrained encoder that was trained; None for another network."""
    if not isinstance(model, TrainedEncoder):
        return None
    return {name: getattr(model, name) for name in NETWORKS[OF_AUDIO].sizes}


def _settings(
    hparams: Any,
    modules: Mapping[str, torch.nn.Module],
    threshold: float,
    temperature: float,
    epoch: int,
    notice: str | None,
) -> ModelSettings | None:
    """Return the model's settings for `SoftLabelClassifier`; None for a network that it lacks."""
    normalization, model, classifier = (modules[name] for name in NETWORK)
    network, front_end = network_settings(model), _front_end(hparams)
    expected = NoNormalization if front_end == AUDIO else FeatureNormalization
    ours = type(normalization) is expected and type(classifier) in CLASSIFIERS.values()
    if not ours or network is None or front_end is None:
        return None
    try:
        return ModelSettings(
            classes=tuple(hparams.classes),
            frontend=front_end,
            normalization=hparams.normalization,
            network=network,
            abstain_above=threshold,
            output=output_of(classifier),
            temperature=temperature,
            epoch=epoch,
            notice=notice,
        )
    except ValueError as error:  # a size or name that an untrusted model folder may not have
        logger.warning("The model folder can't describe this network: %s", error)
        return None


def _front_end(hparams: Any) -> str | EncoderReference | None:
    """A front end's name or pretrained encoder, or None where it is neither."""
    front_end, name = hparams.modules["compute_features"], getattr(hparams, "frontend", None)
    if isinstance(front_end, Audio):
        return AUDIO
    if isinstance(front_end, PretrainedFrontEnd):
        return refer(front_end, hparams.embed_weights)
    if name not in BUILT_IN:
        return None
    same = front_end_fingerprint(front_end) == front_end_fingerprint(get_front_end(name))
    return name if same else None


def _for_softlabels(
    settings: ModelSettings, modules: Mapping[str, torch.nn.Module], folder: Path
) -> None:
    files.write(folder / "settings.json", settings.to_json())
    weights = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name in NETWORK
        for key, tensor in modules[name].state_dict().items()
    }
    files.write(folder / "model.safetensors", save(weights))
