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

import copy
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from ruamel.yaml.tag import Tag
from safetensors.torch import save
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.utils.checkpoints import DEFAULT_SAVE_HOOKS, get_default_hook
from torch.utils.data import DataLoader

from softlabels import files
from softlabels.features.frontends import BUILT_IN, front_end_fingerprint, get_front_end
from softlabels.features.pretrained.checkpoint import write_checkpoint
from softlabels.features.pretrained.frontend import PretrainedFrontEnd
from softlabels.inference.abstention import entropy_threshold
from softlabels.inference.networks import network_settings
from softlabels.inference.pretrained import EMBEDDED, EncoderReference, refer
from softlabels.inference.settings import ModelSettings
from softlabels.inference.temperature import fit_temperature
from softlabels.models.heads import CLASSIFIERS, output_of
from softlabels.models.normalization import FeatureNormalization, UtteranceNormalization
from softlabels.seal import seal
from softlabels.training.brain import SoftLabelBrain, predict

logger = logging.getLogger(__name__)

NETWORK = ("mean_var_norm", "embedding_model", "classifier")
BANNER = """\
# For speechbrain.inference.classifiers.EncoderClassifier. Loading this file builds the
# classes and calls the functions that its tags (!new, !apply) name, and torch.load reads
# the weights: load it only if you trust where it comes from.
# softlabels.inference.SoftLabelClassifier loads the same folder and runs nothing from it.

"""
BY_UTTERANCE = (
    "trained on features normalised by speaker; here each clip is normalised by its own frames, "
    "so the run's test figures don't hold"
)
BY_UTTERANCE_TAG = "!new:softlabels.models.UtteranceNormalization"
BY_OUTPUT_TAG = "!apply:softlabels.models.get_classifier"
CLASSIFIER_TAG = "!new:softlabels.models.Classifier"
LOADED = """
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        mean_var_norm: !ref <modules[mean_var_norm]>
        embedding_model: !ref <modules[embedding_model]>
        classifier: !ref <modules[classifier]>
        label_encoder: !ref <label_encoder>
"""


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
        run_yaml = (results / "hyperparams.yaml").read_text("utf-8")
        _for_speechbrain(brain.hparams, run_yaml, temperature, folder)
        notices = [notice, BY_UTTERANCE if by_utterance else None]
        settings = _settings(
            brain.hparams,
            entropy_threshold(validated.log_probabilities),
            temperature,
            int(brain.best["epoch"]),
            "; ".join(filter(None, notices)) or None,
        )
        if settings is not None:
            _for_softlabels(settings, brain.hparams, folder)
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


def inference_yaml(run_yaml: str, by_speaker: bool) -> str:
    """Turn a run's YAML into one for SpeechBrain's `EncoderClassifier`.

    Arguments
    ---------
    run_yaml : str
        With references resolved, as SpeechBrain leaves it in a results folder; its
        ``modules`` are those that `EncoderClassifier` needs.
    by_speaker : bool
        Whether training normalised features by speaker.

    Returns
    -------
    yaml : str
        The modules, a label encoder, and the pretrainer that loads their weights
        from beside the YAML.
    """
    yaml = YAML()
    yaml.width = 100
    modules = yaml.load(run_yaml)["modules"]
    classifier = modules.get("classifier")
    if getattr(classifier, "tag", None) is not None and classifier.tag.value == BY_OUTPUT_TAG:
        del classifier["output"]
        classifier.pop("loss", None)
        classifier.yaml_set_ctag(Tag(suffix=CLASSIFIER_TAG))
    if by_speaker:
        modules["mean_var_norm"].yaml_set_ctag(Tag(suffix=BY_UTTERANCE_TAG))
    out = io.StringIO()
    yaml.dump({"modules": modules}, out)
    return BANNER + out.getvalue() + LOADED


def _for_speechbrain(hparams: Any, run_yaml: str, temperature: float, folder: Path) -> None:
    by_speaker = hparams.normalization == "speaker"
    files.write(folder / "hyperparams.yaml", inference_yaml(run_yaml, by_speaker))
    for name in NETWORK:
        module = hparams.modules[name]
        if name == "classifier" and temperature != 1:
            module = _cooled(module, temperature)
        get_default_hook(module, DEFAULT_SAVE_HOOKS)(module, folder / f"{name}.ckpt")
    encoder = CategoricalEncoder()
    encoder.update_from_iterable(hparams.classes)
    encoder.expect_len(len(hparams.classes))
    encoder.save(folder / "label_encoder.ckpt")


def _cooled(classifier: torch.nn.Module, temperature: float) -> torch.nn.Module:
    """Divide a linear layer by a temperature: its outputs are then z / T."""
    cooled = copy.deepcopy(classifier)
    with torch.no_grad():
        for weights in cooled.parameters():
            weights.div_(temperature)
    return cooled


def _settings(
    hparams: Any, threshold: float, temperature: float, epoch: int, notice: str | None
) -> ModelSettings | None:
    """Return the model's settings for `SoftLabelClassifier`; None for a network that it lacks."""
    normalization, model, classifier = (hparams.modules[name] for name in NETWORK)
    network, front_end = network_settings(model), _front_end(hparams)
    ours = type(normalization) is FeatureNormalization
    ours = ours and type(classifier) in CLASSIFIERS.values()
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
    if isinstance(front_end, PretrainedFrontEnd):
        return refer(front_end, hparams.embed_weights)
    if name not in BUILT_IN:
        return None
    same = front_end_fingerprint(front_end) == front_end_fingerprint(get_front_end(name))
    return name if same else None


def _for_softlabels(settings: ModelSettings, hparams: Any, folder: Path) -> None:
    files.write(folder / "settings.json", settings.to_json())
    weights = {
        f"{name}.{key}": tensor.detach().cpu().contiguous()
        for name in NETWORK
        for key, tensor in hparams.modules[name].state_dict().items()
    }
    files.write(folder / "model.safetensors", save(weights))
