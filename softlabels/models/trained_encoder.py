"""A pretrained encoder that is trained with its head: audio → embeddings, exact in batches."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm
from torch.nn.utils.rnn import pad_sequence

from softlabels.errors import InputError
from softlabels.features.pretrained.architectures import EncoderConfig
from softlabels.features.pretrained.frontend import layers_taken
from softlabels.models.blstm import frames_from_lengths
from softlabels.models.pretrained import LayersEmbedding

# The linear layers of the Transformer's feed-forward parts, by transformers' names. WavLM takes
# its attention's weights without calling those layers, so that LoRA there would change nothing.
FEED_FORWARD = ["fc1", "fc2", "intermediate_dense", "output_dense"]


class TrainedEncoder(nn.Module):
    """A pretrained encoder under a head, both trained: audio [B, N, 1] → embeddings [B, E].

    Padding is masked, so a clip's embedding is the same alone and in any batch. A frame of a
    layer is standardised over its values: statistics over the training clips would change in
    training. Built from the encoder's config alone; weights are to be loaded.

    Arguments
    ---------
    input_size : int
        1: a sample.
    config : mapping
        The arguments of `EncoderConfig`, by name.
    layers : str or int
        See `PretrainedFrontEnd`.
    **head
        Options of `LayersEmbedding`.

    Raises
    ------
    ValueError
        If the config isn't one of `EncoderConfig`, or the encoder has no such layer.
    InputError
        If transformers isn't installed.

    Example
    -------
    >>> config = {"architecture": "whisper", "fields": {"d_model": 6, "encoder_layers": 1}}
    >>> model = TrainedEncoder(1, config, layers="last")
    >>> model(torch.randn(2, 1600, 1), torch.tensor([1.0, 0.5])).shape
    torch.Size([2, 6])
    """

    def __init__(
        self,
        input_size: int,
        config: Mapping[str, Any],
        layers: str | int = "weighted",
        **head: Any,
    ) -> None:
        super().__init__()
        from softlabels.features.pretrained.encoder import LayersOf

        if input_size != 1:
            raise ValueError(f"a network of audio has one sample for a frame; got {input_size}")
        checked = EncoderConfig(**config)
        self.first, self.last = layers_taken(checked, layers)
        self.config, self.layers = dict(config), layers
        try:
            self.encoder = LayersOf(checked)
        except RuntimeError as error:  # torch's own checks
            raise ValueError(f"the config's sizes make no network: {error!s:.500}") from error
        self.encoder.freeze_unused(self.last)
        count = self.last - self.first + 1
        self.on_layers = LayersEmbedding(count * checked.width, count, **head)
        self.head, self.embedding_size = self.on_layers.head, self.on_layers.embedding_size
        self.hidden_size, self.lstm_size = self.on_layers.hidden_size, self.on_layers.lstm_size

    def forward(self, audio: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Embed utterances, of which lengths [B] (relative) gives the real samples."""
        counts = frames_from_lengths(lengths, audio).tolist()
        clips = [row[:count, 0] for row, count in zip(audio, counts, strict=True)]
        layers, frames, windows = self.encoder.batch(clips, self.last)
        normed = [layer_norm(layer.float(), layer.shape[-1:]) for layer in layers[self.first :]]
        features, frames = joined(torch.cat(normed, dim=2), frames, windows)
        relative = torch.tensor(frames, device=audio.device) / features.shape[1]
        embeddings: torch.Tensor = self.on_layers(features, relative)
        return embeddings


def joined(
    features: torch.Tensor, frames: Sequence[int], windows: Sequence[int]
) -> tuple[torch.Tensor, list[int]]:
    """Join the windows of each clip.

    Arguments
    ---------
    features : torch.Tensor
        The windows' [R, T, F].
    frames : sequence of int
        How many frames each of R windows has.
    windows : sequence of int
        How many of R belong to each of B clips, in their order.

    Returns
    -------
    features : torch.Tensor
        The clips' [B, T', F].
    frames : list of int
        How many frames each clip has.

    Example
    -------
    >>> joined(torch.tensor([[[1], [2]], [[3], [0]], [[4], [5]]]), [2, 1, 2], [2, 1])
    (tensor([[[1],
             [2],
             [3]],
    <BLANKLINE>
            [[4],
             [5],
             [0]]]), [3, 2])
    """
    if len(windows) == len(features):
        return features, list(frames)
    rows = iter(row[:count] for row, count in zip(features, frames, strict=True))
    clips = [torch.cat([next(rows) for _ in range(count)]) for count in windows]
    return pad_sequence(clips, batch_first=True), [len(clip) for clip in clips]


def add_lora(encoder: nn.Module, rank: int) -> None:
    """Freeze an encoder, and add low-rank matrices, which are trained, to its feed-forward layers.

    After Feng and Narayanan, "PEFT-SER", ACII 2023. The matrices' product is scaled by 2.

    Arguments
    ---------
    encoder : torch.nn.Module
        Changed in place.
    rank : int
        Of the matrices, 1 or more.

    Raises
    ------
    InputError
        If peft isn't installed.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise InputError("lora_rank needs peft: pip install softlabels[lora]") from error
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=FEED_FORWARD)
    inject_adapter_in_model(config, encoder)


def merged(model: nn.Module) -> nn.Module:
    """Return a network without low-rank matrices, which are added to the weights; or itself."""
    if not any(hasattr(module, "lora_A") for module in model.modules()):
        return model
    model = copy.deepcopy(model)
    for name, module in list(model.named_modules()):
        if hasattr(module, "lora_A"):
            module.merge()
            model.set_submodule(name, module.get_base_layer())
    return model
