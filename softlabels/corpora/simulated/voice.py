"""A source-filter voice: glottal pulses and breath through moving formants.

No words, just syllables: enough for features of prosody and voice quality to
have something to measure. After Klatt & Klatt (1990), "Analysis, synthesis, and
perception of voice quality variations among female and male talkers", JASA 87:
their KLGLOTT88 source, one-pole spectral tilt and cascade of resonators.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter, sosfilt

SAMPLE_RATE = 16000
"""Hz."""

_HOP = 160  # samples between the points at which controls are set: 10 ms
_LEVEL = -28.0  # dB re full scale: the root mean square of speech of loudness 0
_FLOOR = -72.0  # dB re full scale: the room's noise
_TILT_AT = 3000.0  # Hz
_BANDWIDTHS = np.array([80.0, 100.0, 140.0, 220.0, 300.0])  # Hz, of the five formants
_VOWELS = np.array(  # Hz, an average man's five formants
    [
        [730, 1090, 2440, 3400, 4500],
        [530, 1840, 2480, 3500, 4500],
        [270, 2290, 3010, 3600, 4500],
        [570, 840, 2410, 3300, 4500],
        [300, 870, 2240, 3300, 4500],
        [500, 1500, 2500, 3500, 4500],
    ],
    dtype=float,
)


@dataclass(frozen=True)
class Speaker:
    """What is constant in a speaker's utterances.

    Arguments
    ---------
    pitch : float
        Usual fundamental frequency, Hz.
    tract : float
        Formants relative to an average man's; about 1.16 for a woman.
    loudness : float
        dB above the usual level.
    tempo : float
        Relative to the usual number of syllables a second.
    tilt : float
        dB that the source loses at 3 kHz, on top of the usual.

    Example
    -------
    >>> Speaker(pitch=200.0, tract=1.16).tempo
    1.0
    """

    pitch: float
    tract: float = 1.0
    loudness: float = 0.0
    tempo: float = 1.0
    tilt: float = 0.0


@dataclass(frozen=True)
class Prosody:
    """An utterance's delivery, relative to its speaker's usual one.

    Arguments
    ---------
    pitch : float
        Mean pitch, semitones above the speaker's.
    range : float
        Standard deviation of the syllables' pitch, semitones.
    loudness : float
        dB.
    tempo : float
        Syllables a second.
    tilt : float
        dB that the source loses at 3 kHz; more sounds softer.
    breathiness : float
        Breath relative to voice, dB.

    Example
    -------
    >>> Prosody(pitch=4.0).range
    2.0
    """

    pitch: float = 0.0
    range: float = 2.0
    loudness: float = 0.0
    tempo: float = 4.5
    tilt: float = 6.0
    breathiness: float = -22.0


def synthesise(
    speaker: Speaker, prosody: Prosody, seconds: float, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Synthesise some syllables.

    Arguments
    ---------
    speaker : Speaker
        Whose voice.
    prosody : Prosody
        The delivery.
    seconds : float
        Roughly how long; the utterance ends with its last syllable.
    generator : numpy.random.Generator
        Decides on syllables, pauses and noise: the same state, the same sound.

    Returns
    -------
    samples : numpy.ndarray
        [N], −1 … 1, at 16 kHz; N is a multiple of 160.

    Example
    -------
    >>> generator = np.random.default_rng(0)
    >>> samples = synthesise(Speaker(pitch=115.0), Prosody(), 1.0, generator)
    >>> bool(0.6 < len(samples) / SAMPLE_RATE < 1.6), bool(abs(samples).max() < 1)
    (True, True)
    """
    f0, voiced, hiss, formants = _controls(speaker, prosody, seconds, generator)
    count = len(f0) * _HOP
    phase = np.cumsum(_samples(f0)) / SAMPLE_RATE % 1.0
    voice, is_open = _glottis(phase, open_quotient=_open_quotient(prosody.breathiness))
    voice = _tilted(voice, prosody.tilt + speaker.tilt)
    breath = generator.standard_normal(count) * (0.4 + 0.6 * is_open)
    breath *= 10 ** (prosody.breathiness / 20) * voice.std() / breath.std()
    spoken = _through((voice + breath) * _samples(voiced), formants)
    rustle = lfilter([1.0, -0.9], [1.0], generator.standard_normal(count)) * _samples(hiss)
    spoken += rustle * (0.1 * spoken.std())
    level = np.sqrt(np.mean(spoken[_samples(voiced) > 0.3] ** 2))
    spoken *= 10 ** ((_LEVEL + prosody.loudness + speaker.loudness) / 20) / level
    spoken += generator.standard_normal(count) * 10 ** (_FLOOR / 20)
    return spoken * min(1.0, 0.98 / float(np.abs(spoken).max()))


def _controls(
    speaker: Speaker, prosody: Prosody, seconds: float, generator: np.random.Generator
) -> tuple[NDArray[np.float64], ...]:
    """What to do every 10 ms: F0 in Hz, amplitudes of voice and hiss, formants [T, 5]."""
    rate = prosody.tempo * speaker.tempo
    number = max(3, round(seconds * rate))
    lengths = np.exp(generator.normal(0.0, 0.2, number))
    lengths *= number / lengths.sum() / rate * 100  # in steps of 10 ms
    pauses = np.where(generator.random(number) < 0.12, generator.uniform(6, 16, number), 0.0)
    pauses[-1] = 0.0
    starts = 5 + np.concatenate([[0.0], np.cumsum(lengths + pauses)])  # 50 ms of silence first
    total = int(starts[-1]) + 8
    vowels = _VOWELS[generator.integers(len(_VOWELS), size=number)] * speaker.tract
    vowels *= np.exp(generator.normal(0.0, 0.03, vowels.shape))
    stress = generator.normal(0.0, 1.5, number)  # dB
    unvoiced = generator.random(number) < 0.5

    voiced, hiss = np.zeros(total), np.zeros(total)
    for start, length, decibel, is_hiss in zip(starts, lengths, stress, unvoiced, strict=False):
        begin, vowel, end = (int(start + part * length) for part in (0.0, 0.3, 1.0))
        voiced[vowel:end] = 10 ** (decibel / 20)
        (hiss if is_hiss else voiced)[begin:vowel] = 1.0 if is_hiss else 0.35
    voiced, hiss = _smooth(voiced, 5), _smooth(hiss, 3)

    time = np.arange(total)
    centres = starts[:-1] + 0.65 * lengths
    formants = np.stack([np.interp(time, centres, column) for column in vowels.T], axis=1)
    accents = generator.normal(0.0, 1.0, number)
    accents = (accents - accents.mean()) / max(float(accents.std()), 0.3)
    fall = 0.5 - np.arange(number) / max(1, number - 1)  # declination
    targets = prosody.pitch + prosody.range * (0.9 * accents + 1.0 * fall)
    pitch = _smooth(np.interp(time, centres, targets), 7, edge=True)
    jitter = generator.normal(0.0, 0.1, total)  # semitones
    return speaker.pitch * 2 ** ((pitch + jitter) / 12), voiced, hiss, formants


def _glottis(
    phase: NDArray[np.float64], open_quotient: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """KLGLOTT88's derivative of the flow, and where the glottis is open."""
    position = phase / open_quotient
    is_open = position < 1.0
    return np.where(is_open, 2 * position - 3 * position**2, 0.0), is_open


def _open_quotient(breathiness: float) -> float:
    """A breathier voice closes for a shorter part of its period."""
    return float(np.clip(0.6 + 0.012 * (breathiness + 22.0), 0.4, 0.85))


def _tilted(source: NDArray[np.float64], decibel: float) -> NDArray[np.float64]:
    """A one-pole low-pass that is down by this much at 3 kHz, and by 0 at 0 Hz."""
    if decibel <= 0.1:
        return source
    cosine = np.cos(2 * np.pi * _TILT_AT / SAMPLE_RATE)
    power = 10 ** (-decibel / 10)
    half = (1 - power * cosine) / (1 - power)  # of p² − 2·half·p + 1 = 0
    pole = half - np.sqrt(half**2 - 1)
    return lfilter([1 - pole], [1.0, -pole], source)


def _through(source: NDArray[np.float64], formants: NDArray[np.float64]) -> NDArray[np.float64]:
    """Klatt's cascade of resonators, set anew every 10 ms, its memory carried on."""
    radius = np.exp(-np.pi * _BANDWIDTHS / SAMPLE_RATE)
    first = -2 * radius * np.cos(2 * np.pi * formants / SAMPLE_RATE)
    second = np.broadcast_to(radius**2, first.shape)
    nothing = np.zeros_like(first)
    sections = np.stack(
        [1 + first + second, nothing, nothing, nothing + 1.0, first, second], axis=-1
    )
    memory = np.zeros((len(_BANDWIDTHS), 2))
    sound = np.empty_like(source)
    for step, section in enumerate(sections):
        part = slice(step * _HOP, (step + 1) * _HOP)
        sound[part], memory = sosfilt(section, source[part], zi=memory)
    return sound


def _samples(control: NDArray[np.float64]) -> NDArray[np.float64]:
    """From one value every 10 ms to one a sample, by straight lines."""
    return np.interp(np.arange(len(control) * _HOP) / _HOP, np.arange(len(control)), control)


def _smooth(control: NDArray[np.float64], width: int, edge: bool = False) -> NDArray[np.float64]:
    """A moving average under a Hann window; ``edge`` goes on with the outer values."""
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(control, width // 2, mode="edge" if edge else "constant")
    return np.convolve(padded, window / window.sum(), mode="valid")
