"""Players for the clips of a page: their audio embedded, or linked, or none."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import soundfile

from softlabels.errors import InputError

RATE = 16_000  # Hz
LONGEST = 15.0  # seconds of a clip that are embedded
LARGEST = 8_000_000  # bytes of all embedded audio together, encoded
PLAYERS = ("embed", "link", "none")


@dataclass
class Players:
    """A page's players.

    Arguments
    ---------
    sources : dict
        Audio file → the player's source: a data URI or a link.
    embedded, cut, linked : int
        How many of them are embedded, how many of those cut to `LONGEST`, and how many linked.
    absent : list of str
        What is wrong with each file that can't be read.
    """

    sources: dict[str, str] = field(default_factory=dict)
    embedded: int = 0
    cut: int = 0
    linked: int = 0
    absent: list[str] = field(default_factory=list)

    @property
    def note(self) -> str:
        """Which clips have a player, and why the rest has none."""
        parts = []
        if self.embedded:
            parts.append(
                f"The audio of {self.embedded} clips is in this page (16 kHz, one channel"
                + (f"; {self.cut} of them cut to {LONGEST:g} s" if self.cut else "")
                + "): pass it on only as the recordings may be."
            )
        if self.linked:
            why = f", beyond {LARGEST / 1e6:g} MB" if self.embedded else ""
            parts.append(f"{self.linked} clips{why} are linked: they play where the files are.")
        if self.absent:
            more = f" and {len(self.absent) - 1} more" if len(self.absent) > 1 else ""
            parts.append(f"Without audio: {self.absent[0]}{more}.")
        return " ".join(parts)


def make_players(wavs: Iterable[str], how: str) -> Players:
    """Make a player for each audio file, the first ones embedded up to the limit.

    Arguments
    ---------
    wavs : iterable of str
        Audio files; "" for none.
    how : str
        'embed', 'link' or 'none'.

    Example
    -------
    >>> make_players(["/a b.wav", ""], "link").sources
    {'/a b.wav': 'file:///a%20b.wav'}
    """
    if how not in PLAYERS:
        raise InputError(f"players must be one of {', '.join(PLAYERS)}; got {how!r}")
    players, left = Players(), LARGEST
    for wav in dict.fromkeys(wavs if how != "none" else ()):
        if not wav:
            continue
        if how == "embed":
            try:
                data, cut = _encode(wav)
            except ValueError as error:
                players.absent.append(str(error))
                continue
            source = f"data:audio/flac;base64,{base64.b64encode(data).decode()}"
            if len(source) <= left:
                left -= len(source)
                players.sources[wav] = source
                players.embedded += 1
                players.cut += cut
                continue
            left = 0  # all others are linked: the first lists' clips come first
        players.sources[wav] = Path(wav).absolute().as_uri()
        players.linked += 1
    return players


def _encode(wav: str) -> tuple[bytes, bool]:
    """Return a file's audio as 16-bit FLAC at 16 kHz, and whether it was cut."""
    from softlabels.features.audio import read_mono  # needs torch, which links don't

    samples = read_mono(wav, RATE).numpy()
    most = int(LONGEST * RATE)
    out = io.BytesIO()
    soundfile.write(out, samples[:most].clip(-1, 1), RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue(), len(samples) > most
