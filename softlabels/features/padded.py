"""Features of utterances of different lengths together, each up to rounding those of it alone."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from speechbrain.lobes.features import MFCC, Fbank
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from softlabels.features.acoustic47 import differences
from softlabels.features.pitch import HOP


class PaddedSpectra(nn.Module):
    """SpeechBrain's `Fbank` or `MFCC` of a padded batch.

    Theirs of a batch differ at an utterance's end from those of the utterance alone: differences
    reach into the padding, and the loudest frame, which sets the least energy, may lie there.

    Arguments
    ---------
    front_end : Fbank or MFCC
        100 frames a second, without context.

    Example
    -------
    >>> front_end = Fbank(sample_rate=16000, deltas=True)
    >>> wav = torch.randn(1, 8000)
    >>> features = PaddedSpectra(front_end)(torch.cat([wav, wav], 1), torch.tensor([8000]))
    >>> torch.allclose(features[:, :51], front_end(wav), atol=1e-3)
    True
    """

    window: torch.Tensor
    filters: torch.Tensor
    dct: torch.Tensor

    def __init__(self, front_end: Fbank | MFCC) -> None:
        super().__init__()
        bank = copy.copy(front_end.compute_fbanks)
        self.least, self.decibels = bank.amin, bank.top_db
        self.n_fft, self.deltas = bank.n_fft, front_end.deltas
        bank.log_mel = False
        filters = bank(torch.eye(self.n_fft // 2 + 1)[None])[0]
        cepstral = isinstance(front_end, MFCC)
        dct = front_end.compute_dct.dct_mat if cepstral else torch.eye(filters.shape[1])
        self.register_buffer("window", front_end.compute_STFT.window, persistent=False)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("dct", dct, persistent=False)

    def forward(self, wavs: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Compute features of a batch.

        Arguments
        ---------
        wavs : torch.Tensor
            [B, N] audio, −1 to 1.
        samples : torch.Tensor
            [B] int64, each utterance's number of samples, whatever follows them.

        Returns
        -------
        features : torch.Tensor
            [B, 1 + N // 160, F]; of an utterance the first 1 + samples // 160 are real.
        """
        time = torch.arange(wavs.shape[1], device=wavs.device)
        wavs = wavs.masked_fill(time >= samples[:, None], 0.0)
        return self._of_energies(self.power(wavs) @ self.filters, 1 + samples // HOP)

    def each(self, wavs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Compute features of some utterances [N], faster than one at a time; each [T, F]."""
        # spectra one by one: those of a batch are larger than a processor's cache
        energies = [self.power(wav[None])[0] @ self.filters for wav in wavs]
        frames = torch.tensor([len(each) for each in energies])
        features = self._of_energies(pad_sequence(energies, batch_first=True), frames)
        return [of_one[:count] for of_one, count in zip(features, frames, strict=True)]

    def power(self, wavs: torch.Tensor) -> torch.Tensor:
        """Compute power spectra [B, 1 + N // 160, 1 + n_fft / 2]."""
        spectra = torch.stft(
            wavs,
            self.n_fft,
            HOP,
            len(self.window),
            self.window,
            pad_mode="constant",
            return_complex=True,
        )
        return (spectra * spectra.conj()).real.transpose(1, 2)

    def _of_energies(self, energies: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
        """Filters' energies [B, T, M], of which frames [B] are real → features."""
        time = torch.arange(energies.shape[1], device=energies.device)
        energies = energies.masked_fill((time >= frames[:, None])[:, :, None], 0.0)
        levels = 10 * energies.clamp(min=self.least).log10()
        levels = levels.maximum(levels.amax(dim=(1, 2), keepdim=True) - self.decibels)
        features = levels @ self.dct
        if self.deltas:
            slopes = differences(features, frames)
            features = torch.cat([features, slopes, differences(slopes, frames)], dim=2)
        return features


def together(front_end: nn.Module) -> nn.Module:
    """Return a front end that computes utterances together, if there is one like it that does.

    Example
    -------
    >>> type(together(Fbank())).__name__, type(together(nn.Identity())).__name__
    ('PaddedSpectra', 'Identity')
    """
    return PaddedSpectra(front_end) if isinstance(front_end, (Fbank, MFCC)) else front_end
