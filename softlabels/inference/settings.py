"""A trained model's settings: all of it but the weights, as JSON that is checked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import torch
from torch import nn

from softlabels.features.frontends import BUILT_IN, get_front_end
from softlabels.inference.networks import NETWORKS, OF_AUDIO, check_network
from softlabels.inference.precision import single_precision
from softlabels.inference.pretrained import EncoderReference
from softlabels.inference.temperature import COLDEST, HOTTEST
from softlabels.models.heads import CLASSIFIERS, get_classifier
from softlabels.models.normalization import (
    NORMALIZATIONS,
    FeatureNormalization,
    NoNormalization,
    UtteranceNormalization,
)
from softlabels.models.pretrained_network import Audio
from softlabels.votes.checks import check_classes

FORMAT = 1
MOST_CLASSES = 1000
MOST_NATS = 100
LONGEST_TEXT = 200
AUDIO = "audio"


@dataclass(frozen=True)
class ModelSettings:
    """All of a trained model but its weights.

    Arguments
    ---------
    classes : tuple of str
        The K classes.
    frontend : str or EncoderReference
        The front end's name, or its frozen pretrained encoder; 'audio': the network takes audio
        as it is.
    normalization : str
        'corpus' or 'speaker'.
    network : dict
        Its kind and sizes; see `softlabels.inference.networks`.
    abstain_above : float
        Nats: a distribution with more entropy is no answer.
    epoch : int
        The training's epoch that the weights are of.
    notice : str or None
        What whoever uses the model must know.
    output : str
        What the classifier gives: 'softmax' or 'dirichlet'.
    temperature : float
        What outputs are divided by before softmax; 1: as they are.
    format : int
        Of these settings: 1.

    Raises
    ------
    ValueError
        If a value is of another type or outside its range.

    Example
    -------
    >>> sizes = {"hidden_size": 16, "lstm_size": 8, "frame_step": 3}
    >>> network = {"kind": "blstm_attention", **sizes}
    >>> settings = ModelSettings(("happy", "sad"), "fbank", "corpus", network, 0.6, 2)
    >>> ModelSettings.from_json(settings.to_json()) == settings
    True
    """

    classes: tuple[str, ...]
    frontend: str | EncoderReference
    normalization: str
    network: dict[str, Any]
    abstain_above: float
    epoch: int
    notice: str | None = None
    output: str = "softmax"
    temperature: float = 1.0
    format: int = FORMAT

    def __post_init__(self) -> None:
        if type(self.format) is not int or self.format != FORMAT:
            raise ValueError(f"format must be {FORMAT}; got {self.format!r:.80}")
        _check_texts("classes", self.classes)
        if len(self.classes) > MOST_CLASSES:
            raise ValueError(f"classes must be at most {MOST_CLASSES}; got {len(self.classes)}")
        check_classes(self.classes)
        pretrained = isinstance(self.frontend, EncoderReference)
        known = (*BUILT_IN, AUDIO)
        if not pretrained and not (isinstance(self.frontend, str) and self.frontend in known):
            raise ValueError(f"frontend must be one of {list(known)}; got {self.frontend!r:.80}")
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(
                f"normalization must be one of {NORMALIZATIONS}; got {self.normalization!r:.80}"
            )
        check_network(self.network)
        if (self.network["kind"] == OF_AUDIO) != (self.frontend == AUDIO):
            raise ValueError(f"frontend must be {AUDIO} for a network {OF_AUDIO}, and no other")
        if type(self.epoch) is not int or self.epoch < 1:
            raise ValueError(f"epoch must be a whole number from 1 on; got {self.epoch!r:.80}")
        above = self.abstain_above
        if type(above) not in (int, float) or not 0 <= above <= MOST_NATS:
            raise ValueError(f"abstain_above must be 0 to {MOST_NATS} nats; got {above!r:.80}")
        if not isinstance(self.output, str) or self.output not in CLASSIFIERS:
            raise ValueError(f"output must be one of {list(CLASSIFIERS)}; got {self.output!r:.80}")
        t = self.temperature
        if type(t) not in (int, float) or not COLDEST <= t <= HOTTEST:
            raise ValueError(f"temperature must be {COLDEST} to {HOTTEST}; got {t!r:.80}")
        if self.notice is not None:
            _check_texts("notice", (self.notice,))

    def to_json(self) -> str:
        """Write the settings as JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelSettings:
        """Read settings as `to_json` writes them; any other JSON is a ValueError."""
        try:
            given = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse)
        except RecursionError as error:
            raise ValueError("is nested too deeply") from error
        known = {field.name for field in fields(cls)}
        if isinstance(given, dict):  # models made before there was a choice lack these
            given = {"output": "softmax", "temperature": 1.0, **given}
        if not isinstance(given, dict) or set(given) != known:
            keys = sorted(set(given) ^ known) if isinstance(given, dict) else type(given).__name__
            raise ValueError(
                f"must hold exactly {sorted(known)}; missing or unknown: {keys!s:.200}"
            )
        if not isinstance(given["classes"], list):
            raise ValueError(f"classes must be a list; got {given['classes']!r:.80}")
        frontend = given["frontend"]
        if isinstance(frontend, dict):
            known = {field.name for field in fields(EncoderReference)}
            if set(frontend) != known:
                raise ValueError(f"a pretrained frontend must hold exactly {sorted(known)}")
            frontend = EncoderReference(**frontend)
        return cls(**{**given, "classes": tuple(given["classes"]), "frontend": frontend})

    @property
    def exact(self) -> bool:
        """Whether an utterance has the same output alone and in any batch."""
        return NETWORKS[self.network["kind"]].exact

    def front_end(
        self, folder: str | os.PathLike[str], pretrained: str | os.PathLike[str] | None = None
    ) -> nn.Module:
        """Build the front end.

        Arguments
        ---------
        folder : str or os.PathLike
            The model folder.
        pretrained : str or os.PathLike, optional
            Where the pretrained encoder is, if it isn't where the settings have it.

        Raises
        ------
        InputError
            If the model is on a pretrained encoder that isn't there, or not the same.
        """
        if isinstance(self.frontend, EncoderReference):
            return self.frontend.open(folder, pretrained).eval()
        if self.frontend == AUDIO:
            return Audio()
        with single_precision():
            return get_front_end(self.frontend).eval()

    def build(self, size: int) -> nn.ModuleDict:
        """Build the modules on so many features, without memory for weights, to be assigned."""
        sizes = {**self.network}
        network = NETWORKS[sizes.pop("kind")]
        with single_precision(), torch.device("meta"):
            model = network.build(size, **sizes)
            parts = {
                "mean_var_norm": self._normalization(size),
                "embedding_model": model,
                "classifier": get_classifier(
                    self.output, getattr(model, network.embedding), len(self.classes)
                ),
            }
        return nn.ModuleDict(parts)

    def _normalization(self, size: int) -> nn.Module:
        if self.frontend == AUDIO:
            return NoNormalization()
        by_speaker = self.normalization == "speaker"
        return (UtteranceNormalization if by_speaker else FeatureNormalization)(size)


def _check_texts(name: str, texts: Iterable[Any]) -> None:
    for text in texts:
        # what isn't printable could take over the terminal that shows it
        if not isinstance(text, str) or len(text) > LONGEST_TEXT or not text.isprintable():
            raise ValueError(
                f"{name} must be printable text of at most {LONGEST_TEXT} characters; "
                f"got {text!r:.80}"
            )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is repeated")
    return dict(pairs)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
