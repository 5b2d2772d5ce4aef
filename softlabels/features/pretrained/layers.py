"""The layers of transformers' encoders in batches of clips, each as it is of its clip alone.

Transformers' own forwards let padding into a clip's frames: in group norm, which is over a whole
row, in data2vec's stack of positional convolutions, and in all of Whisper, which it pads to 30 s.
Here padding is masked wherever it would be; without any, the operations are transformers' own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu
from torch.utils.checkpoint import checkpoint

Layers = tuple[torch.Tensor, ...]


def real_frames(counts: Sequence[int], hidden: torch.Tensor) -> torch.Tensor | None:
    """Mark the real frames of a batch.

    Arguments
    ---------
    counts : sequence of int
        How many each row has.
    hidden : torch.Tensor
        [B, T, W].

    Returns
    -------
    real : torch.Tensor or None
        [B, T], bool. None: all are.

    Example
    -------
    >>> real_frames([1, 2], torch.zeros(2, 2, 3))
    tensor([[ True, False],
            [ True,  True]])
    """
    length = hidden.shape[1]
    if min(counts) == length:
        return None
    time = torch.arange(length, device=hidden.device)
    return time < torch.tensor(counts, device=hidden.device)[:, None]


def waveform_layers(
    model: Any, wavs: torch.Tensor, counts: Sequence[int], last: int, checkpointing: bool
) -> tuple[Layers, list[int]]:
    """Compute layers 0 to ``last`` of a wav2vec2, HuBERT, WavLM or data2vec-audio.

    Arguments
    ---------
    model : transformers.PreTrainedModel
        The encoder.
    wavs : torch.Tensor
        Audio [B, N].
    counts : sequence of int
        How many samples of each row are real.
    last : int
        0 is the Transformer's input.
    checkpointing : bool
        Whether a layer's values are computed again for its gradient, and not kept.

    Returns
    -------
    layers : tuple of torch.Tensor
        Each [B, T, W]; what is beyond a clip's frames is arbitrary.
    frames : list of int
        How many frames of each row are real.
    """
    convolved, frames = _convolved(model.feature_extractor, wavs, counts)
    hidden = model.feature_projection(convolved.transpose(1, 2))
    hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    real, encoder = real_frames(frames, hidden), model.encoder
    hidden = _zeroed(hidden, real)
    hidden = hidden + _positions(encoder.pos_conv_embed, hidden, real)
    if not getattr(model.config, "do_stable_layer_norm", False):
        hidden = encoder.layer_norm(hidden)
    hidden = encoder.dropout(hidden)
    run = _run(checkpointing)
    layers = [hidden]
    if model.config.model_type == "wavlm":
        bias = None
        for layer in encoder.layers[:last]:
            hidden, bias = run(layer, hidden, real, bias)
            layers.append(hidden)
        return tuple(layers), frames
    mask = _attention_mask(model, hidden, real)
    for layer in encoder.layers[:last]:
        layers.append(run(layer, layers[-1], mask))
    return tuple(layers), frames


def whisper_layers(
    model: Any, log_mel: torch.Tensor, counts: Sequence[int], last: int, checkpointing: bool
) -> tuple[Layers, list[int]]:
    """Compute layers 0 to ``last`` of Whisper's encoder, without padding to 30 s.

    Arguments
    ---------
    model : transformers.PreTrainedModel
        The encoder.
    log_mel : torch.Tensor
        Log mel energies [B, M, T], 0 beyond a clip's.
    counts : sequence of int
        How many of T are real in each row.
    last, checkpointing
        See `waveform_layers`; the last layer of all is normalised.

    Returns
    -------
    layers, frames
        See `waveform_layers`; a frame is of two of T.
    """
    frames = [(count + 1) // 2 for count in counts]
    hidden = gelu(model.conv1(log_mel)).transpose(1, 2)
    hidden = _zeroed(hidden, real_frames(counts, hidden))
    hidden = gelu(model.conv2(hidden.transpose(1, 2))).transpose(1, 2)
    hidden = hidden + model.embed_positions.weight[: hidden.shape[1]]
    mask = _attention_mask(model, hidden, real_frames(frames, hidden))
    run = _run(checkpointing)
    layers = [hidden]
    for layer in model.layers[:last]:
        layers.append(run(layer, layers[-1], mask))
    if last == len(model.layers):
        layers[-1] = model.layer_norm(layers[-1])
    return tuple(layers), frames


def _convolved(
    extractor: Any, wavs: torch.Tensor, counts: Sequence[int]
) -> tuple[torch.Tensor, list[int]]:
    """Convolve audio [B, N] → [B, C, T], and count each row's real frames."""
    hidden = wavs[:, None]
    for layer in extractor.conv_layers:
        (kernel,), (stride,) = layer.conv.kernel_size, layer.conv.stride
        counts = [(count - kernel) // stride + 1 for count in counts]
        norm = getattr(layer, "layer_norm", None)
        if isinstance(norm, nn.GroupNorm) and min(counts) < max(counts):
            hidden = layer.conv(hidden)
            real = real_frames(counts, hidden.transpose(1, 2))
            hidden = layer.activation(_normed(norm, hidden, real))
        else:
            hidden = layer(hidden)
    return hidden, list(counts)


def _normed(norm: nn.GroupNorm, hidden: torch.Tensor, real: Any) -> torch.Tensor:
    """Normalise each channel of [B, C, T] over a row's real frames: a group is a channel."""
    hidden, real = hidden.float(), real[:, None]
    count = real.sum(dim=-1, keepdim=True)
    centred = hidden - hidden.masked_fill(~real, 0.0).sum(dim=-1, keepdim=True) / count
    squares = centred.square().masked_fill(~real, 0.0)
    scale = (squares.sum(dim=-1, keepdim=True) / count + norm.eps).rsqrt()
    return centred * (scale * norm.weight[:, None]) + norm.bias[:, None]


def _positions(convolution: Any, hidden: torch.Tensor, real: Any) -> torch.Tensor:
    """Convolve [B, T, W] to what is added for the position."""
    if real is None or not hasattr(convolution, "layers"):
        positions: torch.Tensor = convolution(hidden)
        return positions
    for layer in convolution.layers:  # data2vec's, each of which pads a clip by zeros
        hidden = _zeroed(layer(hidden.transpose(1, 2)).transpose(1, 2), real)
    return hidden


def _zeroed(hidden: torch.Tensor, real: torch.Tensor | None) -> torch.Tensor:
    return hidden if real is None else hidden.masked_fill(~real[:, :, None], 0.0)


def _attention_mask(model: Any, hidden: torch.Tensor, real: torch.Tensor | None) -> Any:
    if real is None:
        return None
    from transformers.masking_utils import create_bidirectional_mask

    return create_bidirectional_mask(model.config, hidden, real)


def _run(checkpointing: bool) -> Callable[..., Any]:
    """Return what calls a layer."""
    if checkpointing and torch.is_grad_enabled():
        return lambda layer, *inputs: checkpoint(layer, *inputs, use_reentrant=False)
    return lambda layer, *inputs: layer(*inputs)
