"""WavLM's layers, weighted, under a small head. It hears raw audio."""

from __future__ import annotations

import torch
from torch import nn

from softlabels.errors import InputError
from softlabels.models.blstm import BLSTMAttention, frames_from_lengths

HEADS = ("linear", "blstm")


class RawAudio(nn.Module):
    """A front end for networks that hear audio itself: each sample is a frame of one feature.

    Example
    -------
    >>> RawAudio()(torch.zeros(2, 16000)).shape
    torch.Size([2, 16000, 1])
    """

    VERSION = 1  # raise it when the results change

    def forward(self, wavs: torch.Tensor) -> torch.Tensor:
        """Audio [B, N] → features [B, N, 1]."""
        return wavs[..., None]


class MeanLinear(nn.Module):
    """A linear layer on the mean of an utterance's frames.

    Arguments
    ---------
    input_size : int
        The number of features F.
    hidden_size : int
        Width of the embedding.

    Example
    -------
    >>> MeanLinear(3, 2)(torch.randn(4, 9, 3), torch.ones(4)).shape
    torch.Size([4, 2])
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, hidden_size)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Features [B, T, F], lengths [B] (relative) → embeddings [B, hidden_size]."""
        frames = frames_from_lengths(lengths, features)[:, None, None]
        real = torch.arange(features.shape[1], device=features.device)[None, :, None] < frames
        return self.linear(features.masked_fill(~real, 0.0).sum(dim=1) / frames[:, 0])


class WavLMEmbedding(nn.Module):
    """SpeechBrain's WavLM wrapper, its layers weighted by what the training finds, and a head.

    It isn't exact under padding: WavLM's first layers normalise over a whole row, padding included.

    Arguments
    ---------
    source : str
        A model's folder, or its id on the Hugging Face hub.
    save_path : str
        Where a model of the hub is kept.
    freeze : bool
        Whether WavLM stays as it is: then layer weights and head alone are trained.
    head : str
        'linear' (on the mean over time) or 'blstm' (with attention).
    hidden_size, lstm_size, dropout : int, int, float
        See `BLSTMAttention`; the embedding has hidden_size values.

    Raises
    ------
    ValueError
        If there is no such head or model, or the features are not raw audio.
    ImportError
        If transformers isn't installed: ``pip install softlabels[wavlm]``.
    """

    def __init__(
        self,
        source: str,
        save_path: str,
        freeze: bool = True,
        head: str = "blstm",
        hidden_size: int = 256,
        lstm_size: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if head not in HEADS:
            raise InputError(f"head must be one of {HEADS}; got {head!r}")
        try:
            from speechbrain.integrations.huggingface.wavlm import WavLM
        except ImportError as error:
            raise ImportError("WavLM needs transformers: pip install softlabels[wavlm]") from error
        self.freeze = freeze
        try:
            self.wavlm = WavLM(source, save_path, freeze=freeze, output_all_hiddens=True)
        except (OSError, ValueError) as error:
            raise InputError(
                f"wavlm {source!r} is neither a WavLM's folder nor its id on the hub, "
                f"or the hub can't be reached: {error}"
            ) from error
        config = self.wavlm.model.config
        self.layer_weights = nn.Parameter(torch.zeros(config.num_hidden_layers + 1))
        self.head: nn.Module
        if head == "linear":
            self.head = MeanLinear(config.hidden_size, hidden_size)
        else:
            self.head = BLSTMAttention(config.hidden_size, hidden_size, lstm_size, dropout)

    def train(self, mode: bool = True) -> WavLMEmbedding:
        """Set the mode; a frozen WavLM drops nothing out."""
        super().train(mode)
        if self.freeze:
            self.wavlm.eval()
        return self

    def forward(self, audio: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        """Embed utterances.

        Arguments
        ---------
        audio : torch.Tensor
            [B, N, 1], as `RawAudio` gives it.
        lengths : torch.Tensor, optional
            [B], relative.

        Returns
        -------
        embeddings : torch.Tensor
            [B, hidden_size].
        """
        if audio.ndim != 3 or audio.shape[2] != 1:
            raise ValueError(f"WavLM hears raw audio, [B, N, 1]; got {list(audio.shape)}")
        layers = self.wavlm(audio.squeeze(-1), lengths)
        mixed = torch.einsum("l,lbtf->btf", self.layer_weights.softmax(dim=0), layers)
        return self.head(mixed, lengths)
