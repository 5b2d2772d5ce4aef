"""Wav files: what is truncated, streamed, silent or not there at all is known before any use."""

import io
import os
import struct

import numpy as np
import pytest
import soundfile

from softlabels.features.audio import read_mono
from softlabels.features.wav import WavError, read_wav_header

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 4000)


def encoded(samples=NOISE, rate=16000, form="WAV", **how):
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format=form, **how)
    return bytearray(out.getvalue())


def write(path, data):
    path.write_bytes(data)
    return path


def streamed(data, size, whole=None):
    """Return a wav as it is when its header was written before its samples."""
    place = data.index(b"data") + 4
    order = ">I" if data[:4] == b"RIFX" else "<I"
    struct.pack_into(order, data, place, size)
    struct.pack_into(order, data, 4, size if whole is None else whole)
    return data


@pytest.mark.parametrize(
    ("form", "endian", "subtype"),
    [
        ("WAV", "FILE", "PCM_16"),
        ("WAV", "FILE", "FLOAT"),
        ("WAVEX", "FILE", "PCM_24"),
        ("WAV", "BIG", "PCM_16"),
        ("RF64", "FILE", "PCM_16"),
    ],
)
def test_truncation_shows_in_every_form_of_riff(tmp_path, form, endian, subtype):
    whole = bytes(encoded(form=form, endian=endian, subtype=subtype))
    path = write(tmp_path / "a.wav", whole)
    assert read_wav_header(path)["frames"] == 4000
    assert len(read_mono(path, 16000)) == 4000
    path.write_bytes(whole[:-10])
    with pytest.raises(WavError, match="truncated: its header announces 10 bytes more"):
        read_wav_header(path)
    with pytest.raises(ValueError, match=r"a\.wav: truncated: .* 10 bytes more"):
        read_mono(path, 16000)
    with pytest.raises(ValueError, match=r"bytes of audio: truncated: .* 10 bytes more"):
        read_mono(path.read_bytes(), 16000)


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFDB, 0xFFFFFFFF])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_U8", "FLOAT"])
@pytest.mark.parametrize("endian", ["FILE", "BIG"])
def test_a_streamed_wav_is_read_to_its_end(tmp_path, size, subtype, endian):
    whole = encoded(subtype=subtype, endian=endian)
    expected = read_mono(bytes(whole), 16000)
    path = write(tmp_path / "a.wav", streamed(whole, size))
    assert read_wav_header(path)["frames"] == 4000
    assert read_mono(path, 16000).equal(expected)


def test_no_samples_before_another_chunk_are_no_stream(tmp_path):
    data = encoded(np.zeros(0))
    data += b"LIST" + struct.pack("<I", 400) + b"x" * 400
    path = write(tmp_path / "a.wav", streamed(data, 0, whole=len(data) - 8))
    with pytest.raises(WavError, match="holds no samples"):
        read_wav_header(path)


def test_four_gigabytes_that_are_there_are_no_stream(tmp_path):
    path = write(tmp_path / "a.wav", streamed(encoded(), 0x7FFFFFF0))
    with open(path, "r+b") as file:
        file.truncate(2**31 + 100)  # a file of holes
    assert read_wav_header(path)["frames"] == 0x7FFFFFF0 // 2


@pytest.mark.parametrize(
    ("subtype", "form"),
    [("PCM_16", "WAV"), ("PCM_U8", "WAV"), ("PCM_24", "WAVEX"), ("FLOAT", "WAV"), ("ULAW", "WAV")],
)
def test_silence_is_all_samples_being_zero(tmp_path, subtype, form):
    if subtype == "ULAW":  # which has no 0 that libsndfile writes, but 0xFF
        data = encoded(np.zeros(50_000), subtype=subtype)
        place = data.index(b"data") + 8
        data[place:] = b"\xff" * (len(data) - place)
    else:
        data = encoded(np.zeros(50_000), form=form, subtype=subtype)
    path = write(tmp_path / "a.wav", data)
    header = read_wav_header(path)
    assert (header["silent"], header["frames"]) == (True, 50_000)
    late = np.zeros(50_000)
    late[-1] = 0.5
    path.write_bytes(encoded(late, form=form, subtype=subtype))
    assert read_wav_header(path)["silent"] is False


def test_a_chunk_behind_silence_is_no_sound(tmp_path):
    data = encoded(np.zeros(100)) + b"LIST" + struct.pack("<I", 400) + b"x" * 400
    assert read_wav_header(write(tmp_path / "a.wav", data))["silent"] is True


def test_one_sample_is_counted_as_one_at_any_rate(tmp_path):
    for rate, samples in ((8000, 2), (16000, 1), (48000, 1)):
        header = read_wav_header(write(tmp_path / "a.wav", encoded(np.ones(1), rate)))
        assert (header["frames"], header["samples"]) == (1, samples)


def test_what_stands_in_a_files_place_is_named(tmp_path):
    path = tmp_path / "a.wav"

    def obstacle():
        with pytest.raises(WavError) as caught:
            read_wav_header(path)
        return str(caught.value)

    assert obstacle() == "missing"
    path.symlink_to("nowhere")
    assert obstacle() == "a broken link, to nowhere"
    path.unlink()
    path.symlink_to("b.wav")
    (tmp_path / "b.wav").symlink_to("a.wav")
    assert obstacle() == "a link that leads back to itself"
    path.unlink()
    path.mkdir()
    assert obstacle() == "a folder"
    path.rmdir()
    os.mkfifo(path)
    assert obstacle() == "not a plain file"
