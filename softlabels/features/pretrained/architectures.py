"""The pretrained encoders that are known: what describes each, and which values that may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from softlabels.corpora.kinds import Kind, Number, Switch, Whole, Word

ACTIVATIONS = ("gelu", "gelu_new", "relu", "silu")
MOST_SAMPLES = 16000  # at 16 kHz; those in use have 400


@dataclass(frozen=True)
class Wholes(Kind):
    """A list of 1 to ``longest`` whole numbers from ``least`` to ``most``.

    Example
    -------
    >>> Wholes(8, 4096).takes([512, 512]), Wholes(8, 4096).takes([])
    (True, False)
    """

    longest: int
    most: int
    least: int = 1

    def holds(self, value: Any) -> bool:
        listed = isinstance(value, (list, tuple)) and 1 <= len(value) <= self.longest
        return listed and all(map(Whole(self.least, self.most).takes, value))

    def allowed(self) -> str:
        return f"a list of 1 to {self.longest} whole numbers from {self.least} to {self.most}"


class Field(NamedTuple):
    """A field of a checkpoint's config.json: its values, and the one where it is left out."""

    kind: Kind
    default: Any


class Architecture(NamedTuple):
    """What transformers calls a model type.

    ``fields`` describe its encoder; ``width`` and ``layers`` are two of them. ``parts`` are the
    beginnings of the names of the encoder's weights, ``prefixes`` what may stand before.
    """

    fields: Mapping[str, Field]
    width: str
    layers: str
    parts: tuple[str, ...]
    prefixes: tuple[str, ...]


_SIZE = Whole(1, 8192)
_ACTIVATION = Field(Word(lambda: ACTIVATIONS), "gelu")

# Of the raw waveform: convolutions, then a Transformer
_OF_WAVEFORM = {
    "hidden_size": Field(_SIZE, 768),
    "num_hidden_layers": Field(Whole(1, 128), 12),
    "num_attention_heads": Field(Whole(1, 256), 12),
    "intermediate_size": Field(Whole(1, 32768), 3072),
    "hidden_act": _ACTIVATION,
    "layer_norm_eps": Field(Number(0, 0.1, above=True), 1e-5),
    "feat_extract_activation": _ACTIVATION,
    "conv_dim": Field(Wholes(16, 4096), [512] * 7),
    "conv_stride": Field(Wholes(16, 64, least=2), [5, 2, 2, 2, 2, 2, 2]),
    "conv_kernel": Field(Wholes(16, 64), [10, 3, 3, 3, 3, 2, 2]),
    "conv_bias": Field(Switch(), False),
    "num_conv_pos_embedding_groups": Field(Whole(1, 1024), 16),
}
_WAV2VEC2 = {
    **_OF_WAVEFORM,
    "num_conv_pos_embeddings": Field(Whole(1, 1024), 128),
    "feat_extract_norm": Field(Word(lambda: ("group", "layer")), "group"),
    "do_stable_layer_norm": Field(Switch(), False),
}


def _of_waveform(fields: Mapping[str, Field], prefix: str) -> Architecture:
    parts = ("feature_extractor.", "feature_projection.", "encoder.")
    return Architecture(fields, "hidden_size", "num_hidden_layers", parts, (prefix,))


ARCHITECTURES = {
    "whisper": Architecture(
        {
            "d_model": Field(_SIZE, 384),
            "encoder_layers": Field(Whole(1, 128), 4),
            "encoder_attention_heads": Field(Whole(1, 256), 6),
            "encoder_ffn_dim": Field(Whole(1, 32768), 1536),
            "activation_function": _ACTIVATION,
            "num_mel_bins": Field(Whole(1, 256), 80),
            "max_source_positions": Field(Whole(2, 8192), 1500),
            "scale_embedding": Field(Switch(), False),
        },
        width="d_model",
        layers="encoder_layers",
        parts=("conv1.", "conv2.", "embed_positions.", "layers.", "layer_norm."),
        prefixes=("model.", "encoder."),
    ),
    "wav2vec2": _of_waveform(_WAV2VEC2, "wav2vec2."),
    "hubert": _of_waveform(
        {
            **_WAV2VEC2,
            "feat_proj_layer_norm": Field(Switch(), True),
            "conv_pos_batch_norm": Field(Switch(), False),
        },
        "hubert.",
    ),
    "wavlm": _of_waveform(
        {
            **_WAV2VEC2,
            "num_buckets": Field(Whole(4, 8192), 320),
            "max_bucket_distance": Field(Whole(2, 65536), 800),
        },
        "wavlm.",
    ),
    "data2vec-audio": _of_waveform(
        {
            **_OF_WAVEFORM,
            "num_conv_pos_embeddings": Field(Whole(1, 1024), 5),
            "conv_pos_kernel_size": Field(Whole(1, 1024), 19),
        },
        "data2vec_audio.",
    ),
}


@dataclass(frozen=True)
class EncoderConfig:
    """A pretrained encoder's config: all that its weights are not.

    Arguments
    ---------
    architecture : str
        One of `ARCHITECTURES`.
    fields : dict
        The architecture's fields; those that are left out have their defaults, others are refused.
    normalize : bool
        Whether a clip is scaled to mean 0 and deviation 1 first. False for Whisper.

    Raises
    ------
    ValueError
        If the architecture is unknown, or a field unknown or of a value that it doesn't take.

    Example
    -------
    >>> config = EncoderConfig("whisper", {"d_model": 512, "encoder_layers": 6})
    >>> config.width, config.layers, config.fields["num_mel_bins"]
    (512, 6, 80)
    """

    architecture: str
    fields: dict[str, Any]
    normalize: bool = False

    def __post_init__(self) -> None:
        known = isinstance(self.architecture, str) and self.architecture in ARCHITECTURES
        if not known:
            raise ValueError(
                f"a pretrained encoder's model_type must be one of {list(ARCHITECTURES)}; "
                f"got {self.architecture!r:.80}"
            )
        if not isinstance(self.normalize, bool):
            raise ValueError(f"normalize must be true or false; got {self.normalize!r:.80}")
        table = ARCHITECTURES[self.architecture].fields
        if not isinstance(self.fields, dict) or not set(self.fields) <= set(table):
            raise ValueError(f"fields must be among {list(table)}; got {self.fields!r:.200}")
        fields = {name: self.fields.get(name, field.default) for name, field in table.items()}
        for name, value in fields.items():
            if not table[name].kind.takes(value):
                raise ValueError(
                    f"{name} of {self.architecture} must be {table[name].kind}; got {value!r:.80}"
                )
        lengths = {len(value) for value in fields.values() if isinstance(value, (list, tuple))}
        if len(lengths) > 1:
            raise ValueError("conv_dim, conv_stride and conv_kernel must be of one length")
        object.__setattr__(self, "fields", fields)
        if self.receptive_field > MOST_SAMPLES:
            raise ValueError(
                f"the convolutions of {self.architecture} must make a frame of {MOST_SAMPLES} "
                f"samples at most; got {self.receptive_field}"
            )

    @property
    def receptive_field(self) -> int:
        """The samples that the convolutions make one frame of; 1: they are not on audio."""
        samples = 1
        strides, kernels = self.fields.get("conv_stride", []), self.fields.get("conv_kernel", [])
        for kernel, stride in reversed(list(zip(kernels, strides, strict=True))):
            samples = (samples - 1) * stride + kernel
        return samples

    @property
    def width(self) -> int:
        """The number of values of a frame of a layer."""
        return int(self.fields[ARCHITECTURES[self.architecture].width])

    @property
    def layers(self) -> int:
        """The number of layers; with its input there is one more to choose from."""
        return int(self.fields[ARCHITECTURES[self.architecture].layers])
