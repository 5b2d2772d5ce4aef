"""A model folder's reference to its pretrained encoder: by digest, and where it lay or lies."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from softlabels.errors import InputError
from softlabels.features.pretrained.checkpoint import open_checkpoint
from softlabels.features.pretrained.frontend import PretrainedFrontEnd, check_layers

EMBEDDED = "pretrained"  # the folder within a model folder that has the encoder itself
LARGEST = 1 << 33  # bytes of an embedded encoder's file
LONGEST_PATH = 4096
DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class EncoderReference:
    """Which pretrained encoder a model is on, and what it takes of it.

    Arguments
    ---------
    name : str
        The encoder's name, for messages.
    digest : str
        `Checkpoint.digest`.
    place : str or None
        A folder, or an id on the Hugging Face hub. None: the encoder is in the model folder.
    layers : str or int
        See `PretrainedFrontEnd`.
    frames : bool
        See there.

    Raises
    ------
    ValueError
        If a value is of another type or outside its range.

    Example
    -------
    >>> EncoderReference("whisper-base", "a" * 64, None, "weighted", False).layers
    'weighted'
    """

    name: str
    digest: str
    place: str | None
    layers: str | int
    frames: bool

    def __post_init__(self) -> None:
        texts = {"name": self.name} | ({"place": self.place} if self.place is not None else {})
        for name, text in texts.items():
            if not isinstance(text, str) or not text.isprintable() or len(text) > LONGEST_PATH:
                raise ValueError(f"frontend's {name} must be printable text; got {text!r:.80}")
        if not isinstance(self.digest, str) or not DIGEST.fullmatch(self.digest):
            raise ValueError(f"frontend's digest must be 64 digits; got {self.digest!r:.80}")
        check_layers(self.layers)
        if not isinstance(self.frames, bool):
            raise ValueError(f"frontend's frames must be true or false; got {self.frames!r:.80}")

    def open(
        self, folder: str | os.PathLike[str], source: str | os.PathLike[str] | None = None
    ) -> PretrainedFrontEnd:
        """Open the encoder as a front end. Its weights are read when a clip is computed.

        Arguments
        ---------
        folder : str or os.PathLike
            The model folder.
        source : str or os.PathLike, optional
            Where the encoder is; a place that the model folder names is not downloaded.

        Raises
        ------
        InputError
            If the encoder isn't there, or is another one; the message names the one that is needed.
        """
        needed = f"the model needs the pretrained encoder {self.name}, digest {self.digest}"
        inside = Path(folder, EMBEDDED)
        try:
            if source is None and self.place is None:
                _check_plain(inside)
            place = source or self.place or inside
            checkpoint = open_checkpoint(place, download=source is not None)
            front_end = PretrainedFrontEnd(checkpoint, self.layers, self.frames)
        except InputError as error:
            raise InputError(f"{needed}; give its place by --pretrained. {error}") from error
        if front_end.digest != self.digest:
            raise InputError(
                f"{needed}; {place} has another one, digest {front_end.digest}. "
                "Give its place by --pretrained"
            )
        return front_end


def refer(front_end: PretrainedFrontEnd, embedded: bool) -> EncoderReference:
    """Return a model folder's reference to a front end's encoder."""
    checkpoint = front_end.checkpoint
    place = None if embedded else str(checkpoint.place)
    chosen = front_end.chosen, front_end.frames
    return EncoderReference(checkpoint.name, checkpoint.digest, place, *chosen)


def _check_plain(folder: Path) -> None:
    """Refuse an embedded encoder that leads out of the model folder, or is no plain file."""
    for path in (folder, *sorted(folder.glob("*"))):
        try:
            status = os.lstat(path)
        except OSError as error:
            raise InputError(f"{path}: can't be read: {error.strerror}") from error
        plain = stat.S_ISDIR(status.st_mode) if path == folder else stat.S_ISREG(status.st_mode)
        if not plain or status.st_size > LARGEST:
            raise InputError(f"{path}: isn't a plain file or folder, or is too large")
