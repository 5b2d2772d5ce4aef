"""The networks that a model folder can hold, and the sizes in each one's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import nn

from softlabels.features.pretrained.architectures import EncoderConfig
from softlabels.features.pretrained.frontend import check_layers
from softlabels.models.blstm import BLSTMAttention
from softlabels.models.ecapa import ECAPA
from softlabels.models.pretrained import HEADS, LayersEmbedding
from softlabels.models.trained_encoder import TrainedEncoder

LARGEST = 8192
OF_AUDIO = "trained_encoder"  # the kind of network whose features are audio as it is


def check_config(config: Any) -> None:
    """Refuse what isn't the arguments of `EncoderConfig`, with a ValueError.

    Example
    -------
    >>> check_config({"architecture": "whisper", "fields": {}, "normalize": False})
    """
    names = {"architecture", "fields", "normalize"}
    if not isinstance(config, dict) or set(config) != names:
        raise ValueError(f"network's config must hold {sorted(names)}; got {config!r:.80}")
    EncoderConfig(**config)


class Network(NamedTuple):
    """A kind of network: features [B, T, F], lengths [B] → embeddings [B, E].

    ``build`` takes F and the sizes by name, each in its range, one of some words, or what a
    function doesn't refuse by a ValueError; the network has them as attributes, and
    ``embedding`` is that which is E. ``exact``: whether an utterance's embedding is the same
    alone and in any batch.
    """

    build: Callable[..., nn.Module]
    sizes: Mapping[str, range | tuple[str, ...] | Callable[[Any], object]]
    embedding: str
    exact: bool


NETWORKS = {
    "blstm_attention": Network(
        BLSTMAttention,
        {
            "hidden_size": range(1, LARGEST + 1),
            "lstm_size": range(1, LARGEST + 1),
            "frame_step": range(1, 101),
        },
        embedding="hidden_size",
        exact=True,
    ),
    "ecapa_tdnn": Network(
        ECAPA,
        {
            "channels": range(8, 4097, 8),
            "attention_channels": range(1, LARGEST + 1),
            "embedding_size": range(1, LARGEST + 1),
        },
        embedding="embedding_size",
        exact=False,
    ),
    "layers": Network(
        LayersEmbedding,
        {
            "layers": range(1, 130),
            "head": HEADS,
            "hidden_size": range(1, LARGEST + 1),
            "lstm_size": range(1, LARGEST + 1),
        },
        embedding="embedding_size",
        exact=True,
    ),
    OF_AUDIO: Network(
        TrainedEncoder,
        {
            "config": check_config,
            "layers": check_layers,
            "head": HEADS,
            "hidden_size": range(1, LARGEST + 1),
            "lstm_size": range(1, LARGEST + 1),
        },
        embedding="embedding_size",
        exact=True,
    ),
}


def network_settings(model: nn.Module) -> dict[str, Any] | None:
    """Return what builds a network like this one, but for its weights.

    Returns
    -------
    settings : dict or None
        Its kind, and its sizes by name. None: it is none of `NETWORKS`.

    Example
    -------
    >>> network_settings(BLSTMAttention(47, hidden_size=16, lstm_size=8))
    {'kind': 'blstm_attention', 'hidden_size': 16, 'lstm_size': 8, 'frame_step': 1}
    """
    for kind, network in NETWORKS.items():
        if type(model) is network.build:
            return {"kind": kind, **{size: getattr(model, size) for size in network.sizes}}
    return None


def check_network(settings: Any) -> None:
    """Refuse settings that `network_settings` would not return.

    Arguments
    ---------
    settings : Any
        What may be settings.

    Raises
    ------
    ValueError
        If it isn't a dict of a known kind and of its sizes, each as `Network` allows.

    Example
    -------
    >>> sizes = {"channels": 9, "attention_channels": 4, "embedding_size": 6}
    >>> check_network({"kind": "ecapa_tdnn", **sizes})
    Traceback (most recent call last):
        ...
    ValueError: network's channels must be a whole number, 8 to 4096 in steps of 8; got 9
    """
    kind = settings.get("kind") if isinstance(settings, dict) else settings
    if not isinstance(settings, dict) or not isinstance(kind, str) or kind not in NETWORKS:
        raise ValueError(f"network's kind must be one of {list(NETWORKS)}; got {kind!r:.80}")
    sizes = NETWORKS[kind].sizes
    if names := sorted(set(settings) ^ {"kind", *sizes}):
        raise ValueError(f"network must hold kind, {', '.join(sizes)}; not so: {names!s:.200}")
    for name, allowed in sizes.items():
        value = settings[name]
        if isinstance(allowed, tuple):
            if value not in allowed:
                raise ValueError(f"network's {name} must be one of {allowed}; got {value!r:.80}")
            continue
        if not isinstance(allowed, range):
            allowed(value)
            continue
        if type(value) is not int or value not in allowed:
            steps = f" in steps of {allowed.step}" if allowed.step > 1 else ""
            raise ValueError(
                f"network's {name} must be a whole number, {allowed[0]} to {allowed[-1]}{steps}; "
                f"got {value!r:.80}"
            )
