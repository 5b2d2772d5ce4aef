"""A pretrained encoder as a module: audio → the frames of its layers, a clip's own alone."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm, pad
from torch.nn.utils.rnn import pad_sequence

from softlabels.errors import InputError
from softlabels.features.pretrained.architectures import EncoderConfig
from softlabels.features.pretrained.checkpoint import Checkpoint
from softlabels.features.pretrained.layers import (
    Layers,
    real_frames,
    waveform_layers,
    whisper_layers,
)
from softlabels.features.wav import SAMPLE_RATE

WINDOW = 30 * SAMPLE_RATE  # samples that an encoder is given at most, Whisper's own limit
N_FFT, HOP, STRIDE = 400, 160, 320  # samples: Whisper's spectra, and a frame of its encoder


class LayersOf(nn.Module):
    """The layers of a pretrained encoder, of clips at 16 kHz: a clip's own frames alone.

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
        self.encoder: Any = _build(config)
        self.normalize = config.normalize
        self.whisper = config.architecture == "whisper"
        self.checkpointing = False
        if self.whisper:
            self.register_buffer("mel", _mel_filters(config.fields["num_mel_bins"]), False)
            self.longest = min(WINDOW, config.fields["max_source_positions"] * STRIDE)
            self.shortest = STRIDE
        else:
            self.longest = WINDOW
            self.shortest = config.receptive_field

    def freeze_convolutions(self) -> None:
        """Keep the layers under the Transformer as they are in training."""
        for name in ("conv1", "conv2") if self.whisper else ("feature_extractor",):
            getattr(self.encoder, name).requires_grad_(False)

    def freeze_unused(self, last: int) -> None:
        """Keep as it is what layers 0 to ``last`` don't depend on, and Whisper's positions."""
        unused = [*getattr(self.encoder, "encoder", self.encoder).layers[last:]]
        if self.whisper:
            unused += [self.encoder.embed_positions]
            unused += [self.encoder.layer_norm] if last < len(self.encoder.layers) else []
        elif getattr(self.encoder.config, "do_stable_layer_norm", False):
            unused += [self.encoder.encoder.layer_norm]  # after the last layer
        for module in unused:
            module.requires_grad_(False)

    def windows(self, wavs: torch.Tensor, last: int) -> Iterator[Layers]:
        """Compute layers of equally long clips [B, N], all N real, a window at a time.

        Arguments
        ---------
        wavs : torch.Tensor
            [B, N].
        last : int
            The last of the layers, from 0, the Transformer's input.

        Returns
        -------
        windows : iterator of tuples of torch.Tensor
            For each window its layers, each [B, T, W].
        """
        for window in self._cut(wavs):
            yield self._layers(window, [window.shape[1]] * len(window), last)[0]

    def batch(
        self, clips: Sequence[torch.Tensor], last: int
    ) -> tuple[Layers, list[int], list[int]]:
        """Compute layers of clips of any lengths, all windows at once.

        Arguments
        ---------
        clips : sequence of torch.Tensor
            Each [N].
        last : int
            See `windows`.

        Returns
        -------
        layers : tuple of torch.Tensor
            Each [R, T, W]: a row is a window; what is beyond its frames is arbitrary.
        frames : list of int
            How many frames each window has.
        windows : list of int
            How many windows each clip has.
        """
        cut = [self._cut(clip[None]) for clip in clips]
        rows = [window[0] for of_one in cut for window in of_one]
        counts = [len(row) for row in rows]
        layers, frames = self._layers(pad_sequence(rows, batch_first=True), counts, last)
        return layers, frames, [len(of_one) for of_one in cut]

    def _cut(self, wavs: torch.Tensor) -> list[torch.Tensor]:
        """Cut clips [B, N] into windows."""
        if self.normalize:  # over the clip, as transformers' feature extractor does
            wavs = layer_norm(wavs, wavs.shape[1:], eps=1e-7)
        count = max(math.ceil(wavs.shape[1] / self.longest), 1)
        size = math.ceil(wavs.shape[1] / count / STRIDE) * STRIDE
        windows = wavs.split(size, dim=1)
        return [pad(each, (0, max(self.shortest - each.shape[1], 0))) for each in windows]

    def _layers(
        self, wavs: torch.Tensor, counts: Sequence[int], last: int
    ) -> tuple[Layers, list[int]]:
        checkpointing = self.checkpointing and self.training
        if not self.whisper:
            return waveform_layers(self.encoder, wavs, counts, last, checkpointing)
        with torch.autocast(wavs.device.type, enabled=False):
            log_mel, frames = log_mel_energies(wavs, counts, self.mel)
        return whisper_layers(self.encoder, log_mel, frames, last, checkpointing)


def log_mel_energies(
    wavs: torch.Tensor, counts: Sequence[int], mel: torch.Tensor
) -> tuple[torch.Tensor, list[int]]:
    """Compute Whisper's log mel energies of each clip alone, two for each frame.

    Arguments
    ---------
    wavs : torch.Tensor
        [B, N].
    counts : sequence of int
        How many samples of each row are real, more than `N_FFT` / 2.
    mel : torch.Tensor
        Filters [M, N_FFT / 2 + 1].

    Returns
    -------
    log_mel : torch.Tensor
        [B, M, T], 0 beyond a clip's.
    frames : list of int
        How many of T are real in each row.
    """
    half = N_FFT // 2
    # a clip is mirrored at both ends, at its own end wherever in the batch that is
    place = torch.arange(-half, wavs.shape[1] + half, device=wavs.device).abs()
    last = torch.tensor(counts, device=wavs.device)[:, None] - 1
    place = torch.where(place > last, 2 * last - place, place).clamp(min=0)
    window = torch.hann_window(N_FFT, device=wavs.device)
    spectra = torch.stft(
        wavs.gather(1, place), N_FFT, HOP, window=window, center=False, return_complex=True
    )
    frames = [count // HOP for count in counts]
    power = spectra[..., : max(frames)].abs() ** 2
    log_mel = (mel @ power).clamp(min=1e-10).log10()
    real = real_frames(frames, log_mel.transpose(1, 2))
    if real is None:
        loudest = log_mel.amax(dim=(1, 2), keepdim=True)
        return (log_mel.maximum(loudest - 8.0) + 4.0) / 4.0, frames
    beyond = ~real[:, None]
    loudest = log_mel.masked_fill(beyond, -torch.inf).amax(dim=(1, 2), keepdim=True)
    return ((log_mel.maximum(loudest - 8.0) + 4.0) / 4.0).masked_fill(beyond, 0.0), frames


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
    try:
        import transformers
    except ImportError as error:
        raise InputError(
            "a pretrained encoder needs transformers: pip install softlabels[pretrained]"
        ) from error

    if config.architecture == "whisper":
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        return WhisperEncoder(transformers.WhisperConfig(**config.fields))
    kind, settings = {
        "wav2vec2": (transformers.Wav2Vec2Model, transformers.Wav2Vec2Config),
        "hubert": (transformers.HubertModel, transformers.HubertConfig),
        "wavlm": (transformers.WavLMModel, transformers.WavLMConfig),
        "data2vec-audio": (transformers.Data2VecAudioModel, transformers.Data2VecAudioConfig),
    }[config.architecture]
    # WavLM's attention has a bias of floats, and padding a mask of truth values
    warnings.filterwarnings("ignore", "Support for mismatched key_padding_mask and attn_mask")
    # no spans are masked in training: only the weights of pretraining's masks would be missing
    return kind(settings(**config.fields, mask_time_prob=0.0, layerdrop=0.0))


def _mel_filters(bands: int) -> torch.Tensor:
    """Return Whisper's mel filters [M, N_FFT / 2 + 1]."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        N_FFT // 2 + 1, bands, 0.0, 8000.0, SAMPLE_RATE, norm="slaney", mel_scale="slaney"
    )
    return torch.from_numpy(filters.T.astype("float32"))
