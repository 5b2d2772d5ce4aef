"""Audio files: what the header announces, and whether the samples are there."""

from __future__ import annotations

import errno
import io
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import soundfile

SAMPLE_RATE = 16000  # Hz, of what front ends take
HEAD = 4096  # bytes
COMPRESSED = ("FLAC", "MP3", "OGG")
PCM = 1  # the format tag of plain integer samples
OPEN_ENDS = (2**31, 2**32, 2**64)  # a header written to a pipe announces about the most it can
HEADERS = {
    b"RIFF": struct.Struct("<4sI"),
    b"RF64": struct.Struct("<4sI"),
    b"RIFX": struct.Struct(">4sI"),
}
FORM = struct.Struct("<HHIIHH")  # tag, channels, rate, bytes a second, bytes a frame, bits
SLACK = 1 << 16  # bytes that such a size is below the most: the header, a page, a sample's rest


class WavError(ValueError):
    """An audio file that can't be used."""


class Layout(NamedTuple):
    """Where a wav's samples lie.

    ``form`` is the format chunk's first 16 bytes; ``start`` and ``length`` are in bytes, and a
    streamed wav's length is up to the file's end.
    """

    form: bytes
    start: int
    length: int


def riff_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    """Walk over the chunks of a wav in RIFF, RIFX or RF64 form.

    Arguments
    ---------
    file : binary file
        Open at its beginning. In any other format nothing is yielded.

    Yields
    ------
    name, start, length : bytes, int, int
        Four letters, the content's place in the file and its bytes as announced: the whole
        form first, then each chunk. At each chunk the file stands at its content.

    Example
    -------
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros(5, np.int16), 16000, format="WAV")
    >>> [*riff_chunks(io.BytesIO(file.getvalue()))]
    [(b'RIFF', 8, 46), (b'fmt ', 20, 16), (b'data', 44, 10)]
    """
    form, kind = file.read(8), file.read(4)
    header = HEADERS.get(form[:4])
    if header is None or kind != b"WAVE":
        return
    form, length = header.unpack(form)
    yield form, 8, length
    start, large = 12, 0
    while len(head := file.read(8)) == 8:
        name, length = header.unpack(head)
        start += 8
        if name == b"data" and form == b"RF64" and large:
            length = large
        yield name, start, length
        if name == b"ds64":  # RF64 keeps the size of its data here
            file.seek(start)
            large = int.from_bytes(file.read(16)[8:], "little")
        start += length + length % 2
        file.seek(start)


def wav_layout(file: BinaryIO, size: int) -> Layout | None:
    """Find a wav's samples.

    A streamed wav is one whose header was written before anybody knew its length: to a pipe,
    or by a recorder that was cut off. It announces about 2³¹, 2³² or 2⁶⁴ bytes, or none.

    Arguments
    ---------
    file : binary file
        Open at its beginning.
    size : int
        The file's size in bytes.

    Returns
    -------
    layout : Layout or None
        None: not a wav, or without a chunk of samples.
    """
    form, whole = b"", 0
    for name, start, length in riff_chunks(file):
        if start == 8:
            whole = length
        elif name == b"fmt ":
            form = file.read(FORM.size)
        elif name == b"data":
            unknown = length == 0 and (8 + whole <= start or _is_open_end(whole))
            if (start < size < start + length and _is_open_end(length)) or unknown:
                length = size - start
            return Layout(form, start, length)
    return None


def _is_open_end(length: int) -> bool:
    return any(most - SLACK <= length <= most for most in OPEN_ENDS)


def whole_wav(file: BinaryIO) -> BinaryIO:
    """Return a file that libsndfile reads up to its end, without an error or a sample less.

    Arguments
    ---------
    file : binary file
        Open at its beginning, of any format.

    Returns
    -------
    whole : binary file
        At its beginning. Of a streamed wav that announces nothing, a copy with its size.

    Raises
    ------
    WavError
        If a wav is truncated; libsndfile reads such a file without an error, as far as it goes.

    Example
    -------
    >>> file = io.BytesIO()
    >>> soundfile.write(file, np.zeros(8000), 16000, format="WAV")
    >>> try:
    ...     whole_wav(io.BytesIO(file.getvalue()[:-10]))
    ... except WavError as error:
    ...     print(error)
    truncated: its header announces 10 bytes more than the file holds
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    layout = wav_layout(file, size)
    file.seek(0)
    if layout is None:
        return file
    if (missing := layout.start + layout.length - size) > 0:
        raise WavError(f"truncated: its header announces {missing} bytes more than the file holds")
    data = file.read(layout.start)
    file.seek(0)
    if layout.length and data.endswith(b"\0\0\0\0"):
        chunk = HEADERS[data[:4]].pack(b"data", min(layout.length, 2**32 - 1))
        return io.BytesIO(data[:-8] + chunk + file.read()[layout.start :])
    return file


def read_wav_header(path: str | Path) -> dict[str, Any]:
    """Read an audio file's header, and check that the samples are there and finite.

    Integer samples are always finite, so only float files are decoded. Of compressed audio the
    last sample is.

    Arguments
    ---------
    path : str or pathlib.Path
        The file, of any sample rate and number of channels, in any format that soundfile reads.

    Returns
    -------
    header : dict
        ``duration`` in seconds, ``sample_rate`` in Hz, ``channels``, ``frames``: the samples of
        each channel, ``samples``: how many these are after conversion to 16 kHz,
        ``silent``: whether all samples are 0, and ``head_crc32``: of the file's first 4096
        bytes, which shows most changes of a file without reading all of it.

    Raises
    ------
    WavError
        If the file is missing, no file, empty, truncated or unreadable, or holds NaN or
        an infinity.
    """
    if header := _plain_header(path):
        return header
    path = Path(path)
    if not path.is_file():
        raise WavError(_obstacle(path))
    try:
        with path.open("rb") as raw, soundfile.SoundFile(whole_wav(raw)) as file:
            frames, rate, channels = file.frames, file.samplerate, file.channels
            if file.subtype in ("FLOAT", "DOUBLE"):
                decoded = file.read()
                silent = not decoded.any()
            else:
                decoded = np.zeros(0)
                silent = not any(block.any() for block in file.blocks(HEAD))
            if file.format in COMPRESSED and frames and not _has_last_sample(file):
                raise WavError(f"truncated: its header announces {frames} samples, it ends before")
            raw.seek(0)
            head = raw.read(HEAD)
    except (soundfile.SoundFileError, OSError) as error:
        if path.stat().st_size == 0:
            raise WavError("empty (0 bytes)") from None
        raise WavError(f"unreadable: {getattr(error, 'error_string', error)}") from None
    if not frames:
        raise WavError("empty: it holds no samples")
    if not np.isfinite(decoded).all():
        first = int(np.argwhere(~np.isfinite(decoded))[0][0])
        raise WavError(f"not finite: sample {first} is the first that is NaN or infinite")
    return _fields(frames, rate, channels, silent, head)


def _has_last_sample(file: soundfile.SoundFile) -> bool:
    try:
        file.seek(file.frames - 1)
        return len(file.read(1)) == 1
    except soundfile.SoundFileError:
        return False


def _fields(frames: int, rate: int, channels: int, silent: bool, head: bytes) -> dict[str, Any]:
    return {
        "duration": frames / rate,
        "frames": frames,
        "samples": -(-frames * SAMPLE_RATE // rate),
        "sample_rate": rate,
        "channels": channels,
        "silent": silent,
        "head_crc32": zlib.crc32(head),
    }


def _obstacle(path: Path) -> str:
    """Name what stands where a file should be."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself"
        if path.is_symlink():
            return f"a broken link, to {os.readlink(path)}"
        return "missing" if isinstance(error, FileNotFoundError) else str(error.strerror)
    return "a folder" if stat.S_ISDIR(mode) else "not a plain file"


def _plain_header(path: str | Path) -> dict[str, Any] | None:
    """Read the header of a whole file of integer samples without libsndfile.

    That takes a tenth of the time. None for everything else, errors too.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
    except OSError:
        return None
    try:
        head, size = os.read(file, HEAD), os.fstat(file).st_size
        layout = wav_layout(io.BytesIO(head), size)
        if layout is None or len(layout.form) < FORM.size or head[:4] != b"RIFF":
            return None
        tag, channels, rate, _, block, bits = FORM.unpack(layout.form)
        _, start, length = layout
        if tag != PCM or not (channels and rate and block and block <= length <= size - start):
            return None
        zero = b"\x80" if bits == 8 else b"\0"  # samples of 8 bits have no sign
        silent = not head[start : start + length].strip(zero) and _only(
            zero, file, start, start + length
        )
        return _fields(length // block, rate, channels, silent, head)
    except OSError:  # a folder
        return None
    finally:
        os.close(file)


def _only(byte: bytes, file: int, start: int, end: int) -> bool:
    """Whether a file's bytes from start to end are all the same one."""
    return not any(
        os.pread(file, min(1 << 20, end - place), place).strip(byte)
        for place in range(start, end, 1 << 20)
    )
