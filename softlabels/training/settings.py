"""The settings of a training: which values each takes, and what it means.

A setting is a key at the top level of a YAML, whose value is the default. Keys that only some
networks have are here too; a YAML may add others, which its own network must check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from softlabels.corpora.kinds import (
    Checked,
    HeldOut,
    Names,
    Number,
    Pairs,
    Setting,
    Switch,
    Text,
    Whole,
    Word,
)
from softlabels.encoders import available_encoders
from softlabels.errors import InputError
from softlabels.features.frontends import FRONT_ENDS
from softlabels.features.pretrained.frontend import check_layers
from softlabels.inference.temperature import CALIBRATIONS
from softlabels.losses import LOSSES, OUTPUTS
from softlabels.models.pretrained import HEADS
from softlabels.report.players import PLAYERS
from softlabels.training.data import NORMALIZATIONS, TRAIN_ON
from softlabels.training.rates import WARM_UP, check_warmup
from softlabels.votes.dominance import RULES, check_agreement

UNKNOWN = object()  # a default that follows from other settings
SIZE = Whole(1, 8192)


SETTINGS: dict[str, Setting] = {
    "encoder": Setting(
        Word(available_encoders), "turns votes into targets; others can be installed"
    ),
    "alpha": Setting(Number(0, 1000), "votes added to each class by `modified_soft`; 0 is `soft`"),
    "encoder_options": Setting(Pairs(), "further options of the encoder, by name"),
    "loss": Setting(
        Word(LOSSES.available, optional=True),
        "what is minimised on targets or votes; null: the encoder's own",
    ),
    "output": Setting(
        Word(lambda: OUTPUTS, optional=True),
        "what the network gives: a distribution, or concentrations; null: what the loss is of",
    ),
    "calibration": Setting(
        Word(lambda: CALIBRATIONS, optional=True),
        "after training: one temperature, set on the validation utterances; null: none",
    ),
    "train_on": Setting(
        Names(1, TRAIN_ON), "kinds of utterances; `hard` takes clear utterances only"
    ),
    "data_folder": Setting(Text(), "the corpus; `simulated`: speech that the project makes"),
    "classes": Setting(Names(2), "target classes, spelt as in the corpus"),
    "merge": Setting(Pairs(names=True), "`{Excited: Happiness}` counts Excited as Happiness"),
    "agreement": Setting(Checked(check_agreement, RULES), "what makes an emotion dominant"),
    "held_out": Setting(HeldOut(), "what the test set is; `official`: the corpus' own split"),
    "valid_fraction": Setting(
        Number(0, 0.5),
        "share of the clear training utterances that validates; drawn by the seed, they share "
        "speakers with training",
    ),
    "frontend": Setting(
        Word(FRONT_ENDS.available),
        "the features: `acoustic47` has 47; `fbank` 40 log mel energies and `mfcc` 20 "
        "coefficients, with deltas; `fbank80` without",
    ),
    "normalization": Setting(
        Word(lambda: NORMALIZATIONS),
        "over the training utterances, or by each speaker's own unlabelled audio, test "
        "speakers' too",
    ),
    "class_weighting": Setting(
        Switch(), "weights from the classes of the clear training utterances"
    ),
    "number_of_epochs": Setting(Whole(1, 100_000), "passes over the training utterances"),
    "batch_size": Setting(Whole(1, 65_536), "utterances in a batch, of all processes together"),
    "lr": Setting(Number(0, 1, above=True), "learning rate of the first epoch"),
    "lr_final": Setting(Number(0, 1), "learning rate of the last epoch; linear between"),
    "max_grad_norm": Setting(
        Number(0, 1e6, above=True), "gradients of a larger norm are scaled down to it"
    ),
    "seed": Setting(
        Whole(0, 2**32 - 1), "fixes weights, dropout, order and the validation utterances"
    ),
    "hidden_size": Setting(SIZE, "units of each layer but the LSTM"),
    "lstm_size": Setting(SIZE, "units of the LSTM, in each direction"),
    "frame_step": Setting(
        Whole(1, 100), "the LSTM takes every third frame, at a third of the cost; 1: every frame"
    ),
    "dropout": Setting(Number(0, 1, below=True), "probability that a unit is dropped"),
    "channels": Setting(Whole(8, 4096, step=8), "channels of the convolutions"),
    "attention_channels": Setting(SIZE, "channels of the attention"),
    "embedding_size": Setting(SIZE, "size of an utterance's embedding"),
    "pretrained": Setting(
        Text(), "the pretrained encoder: a folder, or its id on the Hugging Face hub"
    ),
    "freeze": Setting(
        Switch(), "whether the pretrained encoder stays as it is; else it is trained too"
    ),
    "lr_pretrained": Setting(
        Number(0, 1, above=True), "learning rate of the encoder in the first epoch, if not frozen"
    ),
    "warmup": Setting(
        Checked(check_warmup, WARM_UP),
        "updates in which learning rates rise to their own, if the encoder is trained",
    ),
    "freeze_convolutions": Setting(
        Switch(), "whether the layers under the Transformer stay as they are"
    ),
    "lora_rank": Setting(
        Whole(0, 1024),
        "rank of matrices that are trained in place of the encoder's weights (LoRA, by peft); "
        "0: none",
    ),
    "gradient_checkpointing": Setting(
        Switch(), "layers are computed again for their gradient: less memory, more time"
    ),
    "batch_seconds": Setting(
        Number(0, 1e6, above=True, optional=True),
        "audio in a batch with its padding, of all processes together; null: `batch_size`",
    ),
    "crop_seconds": Setting(
        Number(0.1, 1e6, optional=True),
        "in training a random part of longer clips, another in each epoch; null: whole clips",
    ),
    "num_workers": Setting(
        Whole(0, 256), "processes that read audio for a network that takes it as it is; 0: none"
    ),
    "layers": Setting(
        Checked(check_layers, "weighted, last, or a layer's number from 0"),
        "of the pretrained encoder: all, by weights that are learned, or one",
    ),
    "head": Setting(
        Word(lambda: HEADS),
        "on the layers: `linear` on the mean over time, `attention` over time, or `blstm` with it",
    ),
    "embed_weights": Setting(
        Switch(), "whether the model folder has the pretrained encoder itself, or its digest"
    ),
    "weight_decay": Setting(Number(0, 1), "decoupled from the gradient (AdamW)"),
    "feature_store": Setting(
        Text(optional=True), "where features are kept; null: `$SOFTLABELS_CACHE`"
    ),
    "feature_dtype": Setting(Word(lambda: ("float32", "float16")), "how features are kept"),
    "output_folder": Setting(Text(), "where the run's results go"),
    "players": Setting(
        Word(lambda: PLAYERS), "the audio of doubtful clips in report.html: a copy, a link or none"
    ),
}


def check_settings(
    settings: Mapping[str, Any], place: str, table: Mapping[str, Setting] = SETTINGS
) -> None:
    """Refuse settings that have a value which they don't take.

    Arguments
    ---------
    settings : dict
        Name → value, before anything is built from them. A name that the table lacks is skipped.
    place : str
        Where they are from, for the message.
    table : dict
        Name → `Setting`.

    Raises
    ------
    InputError
        One line for each such setting: the value, and those that are allowed.

    Example
    -------
    >>> check_settings({"class_weighting": "no", "lr_final": -1, "seed": 7}, "my.yaml")
    Traceback (most recent call last):
    ...
    softlabels.errors.InputError: my.yaml: 2 settings have values that they don't take
      class_weighting: no; give true or false
      lr_final: -1; give a number from 0 to 1
    """
    problems = [
        f"{name}: {show_value(value)}; give {table[name].kind}"
        for name, value in settings.items()
        if name in table and not table[name].kind.takes(value)
    ]
    if problems:
        count = (
            "a setting has a value that it doesn't"
            if len(problems) == 1
            else (f"{len(problems)} settings have values that they don't")
        )
        raise InputError("\n  ".join([f"{place}: {count} take", *problems]))


def settings_table(defaults: Mapping[str, Any], table: Mapping[str, Setting] = SETTINGS) -> str:
    """Describe settings for a document, as a Markdown table.

    Arguments
    ---------
    defaults : dict
        Name → default; the rows' order.

    Example
    -------
    >>> print(settings_table({"lr_final": 0}))
    | setting | default | values | meaning |
    |---|---|---|---|
    | `--lr_final` | `0` | a number from 0 to 1 | learning rate of the last epoch; linear between |
    """
    lines = ["| setting | default | values | meaning |", "|---|---|---|---|"]
    for name, default in defaults.items():
        if name in table:
            value = "" if default is UNKNOWN else f"`{show_value(default)}`"
            lines.append(f"| `--{name}` | {value} | {table[name].kind} | {table[name].meaning} |")
    return "\n".join(lines)


def show_value(value: Any) -> str:
    """Write a value as a YAML has it, cut to 100 characters.

    Example
    -------
    >>> show_value(True), show_value(["a", "b"]), show_value(None), show_value("no")
    ('true', '[a, b]', 'null', 'no')
    """
    if isinstance(value, (list, tuple)):
        text = f"[{', '.join(map(show_value, value))}]"
    elif isinstance(value, Mapping):
        text = "{" + ", ".join(f"{key}: {show_value(each)}" for key, each in value.items()) + "}"
    elif value is None or isinstance(value, bool):
        text = {None: "null", True: "true", False: "false"}[value]
    else:
        text = str(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
