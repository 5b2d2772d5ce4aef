"""Classifying recordings by a trained model, from a folder of anybody's.

SpeechBrain's `EncoderClassifier` loads the same folder, and runs what is in its YAML.
`SoftLabelClassifier` runs nothing from it: the weights are safetensors, the settings
JSON that is checked (see `softlabels.inference.loading`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from softlabels.features.audio import Audio, array_to_mono, read_mono
from softlabels.features.frontends import SAMPLE_RATE, features_of
from softlabels.features.padded import together
from softlabels.inference.abstention import entropy
from softlabels.inference.loading import load_model
from softlabels.inference.precision import single_precision
from softlabels.inference.settings import ModelSettings
from softlabels.inference.windows import WINDOW, batches, window_starts, windows, workers


@dataclass(frozen=True)
class Window:
    """A part of a recording, of at most 40 s, and the distribution over classes in it.

    Arguments
    ---------
    start, end : float
        Seconds from the recording's beginning.
    distribution : dict of str to float
        Each class's probability; they sum to 1.

    Example
    -------
    >>> Window(20.0, 60.0, {"happy": 0.75, "sad": 0.25}).label
    'happy'
    """

    start: float
    end: float
    distribution: dict[str, float]

    @property
    def label(self) -> str:
        """The most probable class."""
        return max(self.distribution, key=self.distribution.__getitem__)


@dataclass(frozen=True)
class Classification:
    """A recording's distribution over classes.

    Arguments
    ---------
    distribution : dict of str to float
        Each class's probability, the mean over the windows; they sum to 1.
    entropy : float
        How flat the distribution is, in nats: 0 to the logarithm of the number of classes.
    label : str
        The most probable class, whether or not the model abstained.
    abstained : bool
        Whether the distribution is flatter than the model's threshold. The threshold was chosen
        on single clips, so for the mean of several windows it is a rough guide.
    windows : tuple of Window
        One for a recording of up to 40 s.
    precision : float or None
        How sure the model is of the distribution, whether or not that is flat: the predicted
        Dirichlet distribution's Σ α, the mean over the windows. None: the model gives none.

    Example
    -------
    >>> window = Window(0.0, 2.5, {"happy": 0.75, "sad": 0.25})
    >>> Classification(window.distribution, 0.562, "happy", False, (window,)).label
    'happy'
    """

    distribution: dict[str, float]
    entropy: float
    label: str
    abstained: bool
    windows: tuple[Window, ...]
    precision: float | None = None


class SoftLabelClassifier:
    """Classifies recordings of any sample rate, channels and length.

    A recording of more than 40 s is cut into windows of 40 s that overlap by at least 20 s, the
    last one up to its end; its distribution is the mean of theirs. All is computed in float32,
    whatever autocast or torch's default type is.

    Arguments
    ---------
    settings : ModelSettings
        The model's settings.
    network : torch.nn.ModuleDict
        ``mean_var_norm``, ``embedding_model``, ``classifier``.
    front_end : torch.nn.Module
        Audio [B, N] at 16 kHz → features [B, T, F].

    Example
    -------
    >>> from softlabels.inference.settings import ModelSettings
    >>> sizes = {"hidden_size": 4, "lstm_size": 2, "frame_step": 1}
    >>> network = {"kind": "blstm_attention", **sizes}
    >>> settings = ModelSettings(("happy", "sad"), "mfcc", "corpus", network, 0.5, 1)
    >>> network = settings.build(60).to_empty(device="cpu")
    >>> for weights in [*network.parameters(), *network.buffers()]:
    ...     _ = weights.data.fill_(1.0)
    >>> classifier = SoftLabelClassifier(settings, network, settings.front_end("no folder"))
    >>> classifier.classify_file(torch.zeros(8000), 8000).abstained
    True
    """

    def __init__(
        self, settings: ModelSettings, network: nn.ModuleDict, front_end: nn.Module
    ) -> None:
        self.settings = settings
        self.network = network.eval()
        with single_precision():
            self.front_end = together(front_end.eval())

    @classmethod
    def from_folder(
        cls, path: str | os.PathLike[str], pretrained: str | os.PathLike[str] | None = None
    ) -> SoftLabelClassifier:
        """Load the folder that a training left.

        Arguments
        ---------
        path : str or os.PathLike
            ``results/…/model``. Nothing in it is run, and nothing is written.
        pretrained : str or os.PathLike, optional
            Where the pretrained encoder is that the model is on, if it isn't where the folder
            says: a folder, or an id on the Hugging Face hub.

        Raises
        ------
        UnsafeModelError
            If the folder holds anything else than a model; see `softlabels.inference.loading`.
        """
        return cls(*load_model(path, pretrained))

    def classify_file(self, audio: Audio, sample_rate: int | None = None) -> Classification:
        """Classify one recording.

        Arguments
        ---------
        audio : str, os.PathLike, bytes or array_like
            A path or a file's bytes, in any format that soundfile reads; or an
            array [N] or [N, channels].
        sample_rate : int, optional
            An array's rate in Hz.

        Returns
        -------
        classification : Classification
            With a window for every 20 s beyond the first 40 s.

        Raises
        ------
        ValueError
            If the audio can't be read, is empty or not finite; the message names it.
        """
        return self.classify_files([audio], sample_rate=sample_rate)[0]

    def classify_files(
        self, audios: Iterable[Audio], batch_size: int = 16, sample_rate: int | None = None
    ) -> list[Classification]:
        """Classify recordings, in batches of similar length.

        Arguments
        ---------
        audios : iterable of str, os.PathLike, bytes or array_like
            See `classify_file`. They are read as they are needed.
        batch_size : int
            How many clips, or windows of longer recordings, go through the network at once; one
            at a time where the network isn't exact under padding.
        sample_rate : int, optional
            The rate of all arrays in Hz.

        Returns
        -------
        classifications : list of Classification
            In the recordings' order, the same as one by one up to rounding.

        Raises
        ------
        ValueError
            At the first recording that can't be read, is empty or not finite.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}")
        if isinstance(audios, (str, bytes, os.PathLike)):
            raise TypeError(f"audios must be a list of recordings; got one, {audios!r:.80}")
        wavs = (_read(audio, sample_rate) for audio in audios)
        return list(self._classify(wavs, batch_size))

    def classify_batch(
        self, wavs: torch.Tensor, lengths: torch.Tensor | None = None
    ) -> list[Classification]:
        """Classify a batch as SpeechBrain has it.

        Arguments
        ---------
        wavs : torch.Tensor
            [B, N], at 16 kHz: floats in [-1, 1], or int16 or int32 of that type's whole range.
        lengths : torch.Tensor, optional
            [B], relative: in (0, 1]. None: all are N samples long.

        Returns
        -------
        classifications : list of Classification
            Of the B utterances.

        Raises
        ------
        ValueError
            If the shapes or lengths are others, or a sample is not finite.
        """
        if wavs.ndim != 2:
            raise ValueError(f"wavs must be [B, N]; got {list(wavs.shape)}")
        lengths = torch.ones(len(wavs)) if lengths is None else torch.as_tensor(lengths)
        if lengths.shape != (len(wavs),) or not bool(((lengths > 0) & (lengths <= 1)).all()):
            raise ValueError(f"lengths must be [{len(wavs)}] in (0, 1]; got {lengths.tolist()}")
        counts = (lengths.double() * wavs.shape[1]).round().long().clamp(min=1)
        rows = [wav[:count] for wav, count in zip(wavs, counts, strict=True)]
        return self.classify_files(rows, max(len(rows), 1), SAMPLE_RATE)

    def _classify(self, wavs: Iterable[torch.Tensor], batch_size: int) -> Iterator[Classification]:
        size = batch_size if self.settings.exact else 1
        # more than a batch, so that there are clips of similar length to choose from
        parts = _parts(wavs, 8 * size)
        first = next(parts, [])
        grouped = batches([len(clip) for wav in first for clip in windows(wav)], size)
        if len(grouped) < 2:
            with single_precision():
                yield from self._collect(first, self._submit(first, size, _at_once))
            return
        with single_precision(), workers() as submit:
            # the next recordings are read while the last ones are computed
            waiting = first, self._submit(first, size, submit)
            for part in parts:
                last, waiting = waiting, (part, self._submit(part, size, submit))
                yield from self._collect(*last)
            yield from self._collect(*waiting)

    def _submit(
        self, wavs: Sequence[torch.Tensor], batch_size: int, submit: Callable[..., Future[Any]]
    ) -> list[tuple[list[int], Future[Any]]]:
        """Hand out recordings' windows: batches, as the windows' places, and their outputs."""
        clips = [clip for wav in wavs for clip in windows(wav)]
        grouped = batches([len(clip) for clip in clips], batch_size)
        return [(each, submit(self._outputs, [clips[i] for i in each])) for each in grouped]

    def _collect(
        self, wavs: Sequence[torch.Tensor], batches: list[tuple[list[int], Future[Any]]]
    ) -> Iterator[Classification]:
        cut = [len(window_starts(len(wav))) for wav in wavs]
        outputs = torch.empty(sum(cut), len(self.settings.classes), dtype=torch.float64)
        for places, of_batch in batches:
            outputs[places] = of_batch.result().double()
        for wav, of_one in zip(wavs, outputs.split(cut), strict=True):
            yield self._judge(of_one, len(wav))

    @torch.inference_mode()
    def _outputs(self, clips: list[torch.Tensor]) -> torch.Tensor:
        """Clips [N] each → [B, K]."""
        each = features_of(self.front_end, clips)
        features = pad_sequence(each, batch_first=True)
        lengths = torch.tensor([len(frames) for frames in each]) / features.shape[1]
        features = self.network["mean_var_norm"](features, lengths)
        embeddings = self.network["embedding_model"](features, lengths)
        outputs: torch.Tensor = self.network["classifier"](embeddings)
        return outputs

    def _judge(self, outputs: torch.Tensor, samples: int) -> Classification:
        """The windows' outputs [W, K] of a recording → its classification."""
        p = (outputs / self.settings.temperature).softmax(dim=1)
        if not torch.isfinite(p).all():
            raise ValueError("the network gave no distribution: its weights are damaged")
        parts = tuple(
            Window(
                start / SAMPLE_RATE, min(start + WINDOW, samples) / SAMPLE_RATE, self._named(row)
            )
            for start, row in zip(window_starts(samples), p, strict=True)
        )
        mean = p.mean(dim=0)
        flatness = float(entropy(mean.log()[None])[0])
        return Classification(
            distribution=self._named(mean),
            entropy=flatness,
            label=self.settings.classes[int(mean.argmax())],
            abstained=flatness > self.settings.abstain_above,
            windows=parts,
            precision=self._precision(outputs),
        )

    def _precision(self, outputs: torch.Tensor) -> float | None:
        """The mean of the windows' precisions, which no temperature changes."""
        if self.settings.output != "dirichlet":
            return None
        return float(outputs.exp().sum(dim=1).mean())

    def _named(self, p: torch.Tensor) -> dict[str, float]:
        return dict(zip(self.settings.classes, p.tolist(), strict=True))


def _parts(wavs: Iterable[torch.Tensor], number: int) -> Iterator[list[torch.Tensor]]:
    """Cut recordings into parts of this number of windows, or just over it."""
    part: list[torch.Tensor] = []
    for wav in wavs:
        part.append(wav)
        if sum(len(window_starts(len(each))) for each in part) >= number:
            yield part
            part = []
    if part:
        yield part


def _at_once(function: Callable[..., Any], *arguments: Any) -> Future[Any]:
    """Call a function now; its result as a future."""
    future: Future[Any] = Future()
    future.set_result(function(*arguments))
    return future


def _read(audio: Audio, sample_rate: int | None) -> torch.Tensor:
    if isinstance(audio, (str, os.PathLike, bytes)):
        return read_mono(audio, SAMPLE_RATE)
    if sample_rate is None:
        raise ValueError("an array has no rate of its own: give sample_rate, in Hz")
    return array_to_mono(audio, sample_rate, SAMPLE_RATE)
