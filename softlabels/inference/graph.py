"""A trained model as one module of tensors alone, which can be traced: audio → distribution."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from speechbrain.lobes.models import ECAPA_TDNN
from torch import nn
from torch.nn.functional import conv1d, gelu, layer_norm, pad

from softlabels.features.padded import PaddedSpectra
from softlabels.features.pitch import HOP
from softlabels.models.ecapa import ECAPA, LEAST_FRAMES

if TYPE_CHECKING:
    from softlabels.features.pretrained.encoder import LayersOf


class Frames(NamedTuple):
    """Features [B, T, F] of a batch, and how many of T are real, [B] int64."""

    features: torch.Tensor
    frames: torch.Tensor


class Fourier(nn.Module):
    """Power spectra by convolution: audio [B, N] → [B, 1 + (N − size) // 160, 1 + size / 2].

    ONNX runtimes have convolutions that are fast everywhere, unlike its STFT.

    Arguments
    ---------
    window : torch.Tensor
        [size].

    Example
    -------
    >>> wav, window = torch.randn(1, 1600), torch.hann_window(400)
    >>> expected = torch.stft(wav, 400, 160, window=window, center=False, return_complex=True)
    >>> torch.allclose(Fourier(window)(wav), expected.abs().square().mT, atol=1e-3)
    True
    """

    kernels: torch.Tensor

    def __init__(self, window: torch.Tensor) -> None:
        super().__init__()
        time = torch.arange(len(window), dtype=torch.float64)
        angle = 2 * math.pi * torch.outer(torch.arange(len(window) // 2 + 1), time) / len(window)
        kernels = torch.cat([angle.cos(), angle.sin()]) * window
        self.register_buffer("kernels", kernels.float()[:, None])

    def forward(self, wavs: torch.Tensor) -> torch.Tensor:
        """Compute power spectra."""
        real, imaginary = conv1d(wavs[:, None], self.kernels, stride=HOP).chunk(2, dim=1)
        return (real.square() + imaginary.square()).transpose(1, 2)


class Spectra(PaddedSpectra):
    """`PaddedSpectra` with its spectra by `Fourier`: audio [B, N], samples [B] → `Frames`."""

    def __init__(self, like: PaddedSpectra) -> None:
        nn.Module.__init__(self)
        self.__dict__.update({**like.__dict__, "_modules": {}})
        self.fourier = Fourier(like.window)

    def power(self, wavs: torch.Tensor) -> torch.Tensor:
        """Compute power spectra [B, 1 + N // 160, 1 + n_fft / 2]."""
        half = self.n_fft // 2
        spectra: torch.Tensor = self.fourier(pad(wavs, (half, half)))
        return spectra

    def forward(self, wavs: torch.Tensor, samples: torch.Tensor) -> Frames:  # type: ignore[override]
        """Compute features of a batch."""
        return Frames(super().forward(wavs, samples), 1 + samples // HOP)


class Whisper(nn.Module):
    """Layers of Whisper's encoder of clips of up to 30 s: audio [B, N], samples [B] → `Frames`.

    Arguments
    ---------
    layers_of : LayersOf
        A Whisper.
    first, last : int
        Which layers.
    every : bool
        Whether the features are of every frame, or their mean.
    normed : bool
        Whether a frame of a layer is standardised over its values, as in `TrainedEncoder`.
    """

    SHORTEST = 320  # samples: one frame

    def __init__(
        self, layers_of: LayersOf, first: int, last: int, every: bool, normed: bool = False
    ) -> None:
        super().__init__()
        self.encoder: Any = layers_of.encoder
        self.first, self.last, self.every, self.normed = first, last, every, normed
        self.width = [int(layers_of.encoder.embed_positions.weight.shape[1])]
        self.register_buffer("mel", layers_of.mel)
        self.fourier = Fourier(torch.hann_window(400))

    def forward(self, wavs: torch.Tensor, samples: torch.Tensor) -> Frames:
        """Compute features of a batch."""
        time = torch.arange(wavs.shape[1], device=wavs.device)
        wavs = wavs.masked_fill(time >= samples[:, None], 0.0)
        samples = samples.clamp(min=self.SHORTEST)
        wavs = pad(wavs, (0, self.SHORTEST))[:, : samples.max()]
        log_mel = self._log_mel(wavs, samples)
        real = _real(log_mel, samples // HOP)
        encoder = self.encoder
        hidden = gelu(encoder.conv1(log_mel.transpose(1, 2))) * real.transpose(1, 2)
        hidden = gelu(encoder.conv2(hidden)).transpose(1, 2)
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        frames = (samples // HOP + 1) // 2
        real = _real(hidden, frames)
        mask = (1 - real.transpose(1, 2)[:, None]) * torch.finfo(torch.float32).min
        layers = [hidden]
        for layer in encoder.layers[: self.last]:
            layers.append(layer(layers[-1], mask))
        if self.last == len(encoder.layers):
            layers[-1] = encoder.layer_norm(layers[-1])
        layers = layers[self.first :]
        if self.normed:
            layers = [layer_norm(layer, self.width) for layer in layers]
        features = torch.cat(layers, dim=2)
        if self.every:
            return Frames(features, frames)
        mean = (features * real).sum(dim=1, keepdim=True) / frames[:, None, None]
        return Frames(mean, torch.ones_like(frames))

    def _log_mel(self, wavs: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Log mel energies [B, T, M] of each clip alone; 0 beyond."""
        half, last = 200, samples[:, None] - 1
        # each clip is mirrored at its own ends
        place = torch.arange(-half, wavs.shape[1] + half, device=wavs.device).abs()
        place = torch.where(place > last, 2 * last - place, place).clamp(min=0)
        power = self.fourier(wavs.gather(1, place))[:, :-1]
        log_mel = (power @ self.mel.T).clamp(min=1e-10).log10()
        real = _real(log_mel, samples // HOP)
        silent = log_mel.masked_fill(real == 0, -10.0)
        loudest = silent.amax(dim=(1, 2), keepdim=True)
        return (log_mel.maximum(loudest - 8.0) + 4.0) / 4.0 * real


class Given(nn.Module):
    """Features that are made outside of the graph: features [B, T, F], frames [B] → `Frames`."""

    def forward(self, features: torch.Tensor, frames: torch.Tensor) -> Frames:
        """Return both."""
        return Frames(features, frames)


class Graph(nn.Module):
    """A trained model: its input, and the number of real samples or frames → probabilities.

    Arguments
    ---------
    front_end : torch.nn.Module
        `Spectra`, `Whisper` or `Given`.
    network : torch.nn.ModuleDict
        ``mean_var_norm``, ``embedding_model``, ``classifier``.
    temperature : float
        What outputs are divided by before softmax.
    dirichlet : bool
        Whether outputs are logarithms of concentrations: then the precision is returned too.
    """

    def __init__(
        self, front_end: nn.Module, network: nn.ModuleDict, temperature: float, dirichlet: bool
    ) -> None:
        super().__init__()
        self.front_end, self.network = front_end, network
        self.temperature, self.dirichlet = temperature, dirichlet

    def forward(self, values: torch.Tensor, counts: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return probabilities [B, K], and of a Dirichlet output precisions [B]."""
        features, frames = self.front_end(values, counts)
        longest = frames.max()
        features, lengths = features[:, :longest], frames / longest
        features = self.network["mean_var_norm"](features, lengths)
        if isinstance(self.network["embedding_model"], ECAPA):  # a branch there by length
            features = _held(features, longest.clamp(min=LEAST_FRAMES))
        outputs = self.network["classifier"](self.network["embedding_model"](features, lengths))
        p = (outputs / self.temperature).softmax(dim=1)
        return (p, outputs.exp().sum(dim=1)) if self.dirichlet else (p,)


@contextmanager
def traceable() -> Iterator[None]:
    """Let SpeechBrain's ECAPA-TDNN be traced, whose masks would keep the batch's size.

    Example
    -------
    >>> with traceable():
    ...     ECAPA_TDNN.length_to_mask(torch.tensor([1.0, 2.0]), max_len=2)
    tensor([[1., 0.],
            [1., 1.]])
    """

    def mask(length: torch.Tensor, max_len: int, device: Any = None) -> torch.Tensor:
        return (torch.arange(max_len, device=device) < length[:, None]).to(length.dtype)

    original, ECAPA_TDNN.length_to_mask = ECAPA_TDNN.length_to_mask, mask
    try:
        yield
    finally:
        ECAPA_TDNN.length_to_mask = original


def _held(features: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
    """Hold the last frame up to a size."""
    last = features[:, -1:].expand(-1, LEAST_FRAMES, -1)
    return torch.cat([features, last], dim=1)[:, :size]


def _real(values: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Mark real frames of [B, T, …] as [B, T, 1], 1 or 0."""
    time = torch.arange(values.shape[1], device=values.device)
    return (time < frames[:, None])[:, :, None].to(values.dtype)
