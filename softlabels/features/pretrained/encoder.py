"""A pretrained encoder as a module: audio → the frames of its layers, a clip's own alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.nn.functional import gelu, layer_norm, pad

from softlabels.errors import InputError
from softlabels.features.pretrained.architectures import EncoderConfig
from softlabels.features.pretrained.checkpoint import Checkpoint
from softlabels.features.wav import SAMPLE_RATE

WINDOW = 30 * SAMPLE_RATE  # samples that an encoder is given at most, Whisper's own limit
N_FFT, HOP, STRIDE = 400, 160, 320  # samples: Whisper's spectra, and a frame of its encoder


class LayersOf(nn.Module):
    """The layers of a pretrained encoder: audio [B, N] at 16 kHz, all N real → each [B, T, W].

    A recording longer than 30 s is cut into windows of equal length, of up to 30 s. A clip too
    short for one frame is padded by silence.

    Arguments
    ---------
    config : EncoderConfig
        What the encoder is.
    """

    mel: torch.Tensor

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.encoder: nn.Module = _build(config)
        self.normalize = config.normalize
        self.whisper = config.architecture == "whisper"
        if self.whisper:
            self.register_buffer("mel", _mel_filters(config.fields["num_mel_bins"]), False)
            self.longest = min(WINDOW, config.fields["max_source_positions"] * STRIDE)
            self.shortest = STRIDE
        else:
            self.longest = WINDOW
            self.shortest = 1  # samples that the convolutions make one frame of
            sizes = zip(config.fields["conv_kernel"], config.fields["conv_stride"], strict=True)
            for kernel, stride in reversed(list(sizes)):
                self.shortest = (self.shortest - 1) * stride + kernel

    def freeze_convolutions(self) -> None:
        """Keep the layers under the Transformer, and Whisper's positions, as they are."""
        under = ("conv1", "conv2", "embed_positions") if self.whisper else ("feature_extractor",)
        for name in under:
            getattr(self.encoder, name).requires_grad_(False)

    def windows(self, wavs: torch.Tensor, last: int) -> Iterator[tuple[torch.Tensor, ...]]:
        """Compute layers 0, the Transformer's input, to ``last``, a window at a time."""
        if self.normalize:  # over the clip, as transformers' feature extractor does
            wavs = layer_norm(wavs, wavs.shape[1:], eps=1e-7)
        count = max(math.ceil(wavs.shape[1] / self.longest), 1)
        size = math.ceil(wavs.shape[1] / count / STRIDE) * STRIDE
        for window in wavs.split(size, dim=1):
            yield self._window(window, last)

    def _window(self, wavs: torch.Tensor, last: int) -> tuple[torch.Tensor, ...]:
        wavs = pad(wavs, (0, max(self.shortest - wavs.shape[1], 0)))
        if self.whisper:
            return _whisper_layers(self.encoder, self._log_mel(wavs), last)
        layers = self.encoder(wavs, output_hidden_states=True).hidden_states
        return tuple(layers[: last + 1])

    def _log_mel(self, wavs: torch.Tensor) -> torch.Tensor:
        """Compute log mel energies [B, M, T] of the clip alone, two for each frame."""
        window = torch.hann_window(N_FFT, device=wavs.device)
        spectra = torch.stft(wavs, N_FFT, HOP, window=window, return_complex=True)
        power = spectra[..., :-1].abs() ** 2
        log_mel = (self.mel @ power).clamp(min=1e-10).log10()
        loudest = log_mel.amax(dim=(1, 2), keepdim=True)
        return (log_mel.maximum(loudest - 8.0) + 4.0) / 4.0


def _whisper_layers(encoder: Any, log_mel: torch.Tensor, last: int) -> tuple[torch.Tensor, ...]:
    """Transformers' own forward, less its padding to 30 s: positions are cut to the clip."""
    hidden = gelu(encoder.conv2(gelu(encoder.conv1(log_mel)))).transpose(1, 2)
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    layers = [hidden]
    for layer in encoder.layers[:last]:
        layers.append(layer(layers[-1], None))
    if last == len(encoder.layers):
        layers[-1] = encoder.layer_norm(layers[-1])
    return tuple(layers)


@lru_cache(maxsize=1)
def load_encoder(checkpoint: Checkpoint) -> LayersOf:
    """Load a pretrained encoder, frozen, in float32; a second call returns the same one.

    Raises
    ------
    InputError
        If the weights are not those of the config.
    """
    try:
        with torch.device("meta"):
            model = LayersOf(checkpoint.config)
    except (ValueError, RuntimeError) as error:  # transformers' and torch's own checks
        raise InputError(
            f"{checkpoint.folder}: the sizes in its config make no network: {error!s:.500}"
        ) from error
    weights = {f"encoder.{name}": each.float() for name, each in checkpoint.weights().items()}
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise InputError(
            f"{checkpoint.folder}: the weights are not those of its config: {error!s:.500}"
        ) from error
    return model.eval().requires_grad_(False)


def _build(config: EncoderConfig) -> nn.Module:
    import transformers

    if config.architecture == "whisper":
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        return WhisperEncoder(transformers.WhisperConfig(**config.fields))
    kind, settings = {
        "wav2vec2": (transformers.Wav2Vec2Model, transformers.Wav2Vec2Config),
        "hubert": (transformers.HubertModel, transformers.HubertConfig),
        "wavlm": (transformers.WavLMModel, transformers.WavLMConfig),
        "data2vec-audio": (transformers.Data2VecAudioModel, transformers.Data2VecAudioConfig),
    }[config.architecture]
    # no spans are masked in training: only the weights of pretraining's masks would be missing
    return kind(settings(**config.fields, mask_time_prob=0.0, layerdrop=0.0))


def _mel_filters(bands: int) -> torch.Tensor:
    """Return Whisper's mel filters [M, N_FFT / 2 + 1]."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        N_FFT // 2 + 1, bands, 0.0, 8000.0, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return torch.from_numpy(filters.T.astype("float32"))
