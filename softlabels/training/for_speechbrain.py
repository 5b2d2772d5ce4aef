"""The part of a model folder that is for SpeechBrain's `EncoderClassifier`: a YAML, and weights."""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from ruamel.yaml import YAML
from ruamel.yaml.tag import Tag
from speechbrain.dataio.encoder import CategoricalEncoder
from speechbrain.utils.checkpoints import DEFAULT_SAVE_HOOKS, get_default_hook

from softlabels import files

BANNER = """\
# For speechbrain.inference.classifiers.EncoderClassifier. Loading this file builds the
# classes and calls the functions that its tags (!new, !apply) name, and torch.load reads
# the weights: load it only if you trust where it comes from.
# softlabels.inference.SoftLabelClassifier loads the same folder and runs nothing from it.

"""
BY_UTTERANCE_TAG = "!new:softlabels.models.UtteranceNormalization"
BY_OUTPUT_TAG = "!apply:softlabels.models.get_classifier"
CLASSIFIER_TAG = "!new:softlabels.models.Classifier"
AUDIO_TAG = "!new:softlabels.models.pretrained_network.Audio"
TRAINED_TAG = "!new:softlabels.models.trained_encoder.TrainedEncoder"
LOADED = """
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder

pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        mean_var_norm: !ref <modules[mean_var_norm]>
        embedding_model: !ref <modules[embedding_model]>
        classifier: !ref <modules[classifier]>
        label_encoder: !ref <label_encoder>
"""


def inference_yaml(
    run_yaml: str, by_speaker: bool, trained: Mapping[str, Any] | None = None
) -> str:
    """Turn a run's YAML into one for SpeechBrain's `EncoderClassifier`.

    Arguments
    ---------
    run_yaml : str
        With references resolved, as SpeechBrain leaves it in a results folder; its
        ``modules`` are those that `EncoderClassifier` needs.
    by_speaker : bool
        Whether training normalised features by speaker.
    trained : mapping, optional
        What builds a pretrained encoder that was trained with its head, by name. Its weights are
        the model's own then, and the encoder that training began with isn't needed.

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
    if trained is not None:
        _replace(modules["compute_features"], AUDIO_TAG, {})
        _replace(modules["embedding_model"], TRAINED_TAG, {"input_size": 1, **trained})
    out = io.StringIO()
    yaml.dump({"modules": modules}, out)
    return BANNER + out.getvalue() + LOADED


def write_for_speechbrain(
    modules: Mapping[str, torch.nn.Module], classes: Sequence[str], yaml: str, folder: Path
) -> None:
    """Write what `EncoderClassifier` loads.

    Arguments
    ---------
    modules : mapping
        Those that have weights, by the YAML's names.
    classes : sequence of str
        The K classes.
    yaml : str
        Of `inference_yaml`.
    folder : pathlib.Path
        Where to.
    """
    files.write(folder / "hyperparams.yaml", yaml)
    for name, module in modules.items():
        get_default_hook(module, DEFAULT_SAVE_HOOKS)(module, folder / f"{name}.ckpt")
    encoder = CategoricalEncoder()
    encoder.update_from_iterable(classes)
    encoder.expect_len(len(classes))
    encoder.save(folder / "label_encoder.ckpt")


def cooled(classifier: torch.nn.Module, temperature: float) -> torch.nn.Module:
    """Divide a linear layer by a temperature: its outputs are then z / T."""
    cold = copy.deepcopy(classifier)
    with torch.no_grad():
        for weights in cold.parameters():
            weights.div_(temperature)
    return cold


def _replace(node: Any, tag: str, arguments: Mapping[str, Any]) -> None:
    """Make a node of a YAML another call; other nodes may refer to it."""
    node.clear()
    node.update(arguments)
    node.yaml_set_ctag(Tag(suffix=tag))
