"""The simulated utterances' true emotions: a distribution over ten emotions an utterance,
how it sounds and how annotators vote by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from softlabels.corpora.simulated.voice import Prosody

TARGETS = ("Neutral", "Happiness", "Sadness", "Anger")
"""The paper's four classes."""

_PROSODY = {  # semitones up, semitones of range, dB, syllables/s, dB of tilt, dB of breath
    "Neutral": (0.0, 1.7, 0.0, 4.5, 6.0, -23.0),
    "Happiness": (3.8, 3.2, 3.0, 5.0, 3.5, -22.0),
    "Sadness": (-1.0, 1.1, -4.5, 3.7, 10.0, -16.0),
    "Anger": (3.2, 2.6, 6.5, 4.9, 0.5, -27.0),
    "Frustration": (1.0, 2.0, 3.0, 4.2, 2.5, -24.0),
    "Excited": (5.0, 3.6, 4.5, 5.4, 2.5, -22.0),
    "Surprise": (5.0, 4.4, 1.5, 4.4, 5.0, -19.0),
    "Fear": (4.0, 1.5, -1.0, 5.6, 6.0, -16.0),
    "Disgust": (-0.5, 2.2, 0.5, 3.8, 3.0, -20.0),
    "Other": (0.5, 2.4, -0.5, 4.2, 6.0, -20.0),
}
LABELS = tuple(_PROSODY)
"""IEMOCAP's ten, the targets first."""

_SPREAD = np.array([0.65, 0.25, 0.9, 0.18, 1.0, 1.1])  # of one utterance about its expectation
_SHARES = (0.42, 0.17, 0.20, 0.21)  # of the targets among concentrated utterances
_NEIGHBOURS = {  # emotions confused with a target, at times
    "Neutral": ("Sadness", "Frustration", "Other"),
    "Happiness": ("Excited", "Neutral", "Surprise"),
    "Sadness": ("Neutral", "Frustration", "Other"),
    "Anger": ("Frustration", "Disgust", "Happiness"),
}
_MIXTURES = (  # what spread utterances are spread over: a non-target first, then targets mostly
    ("Frustration", "Anger", "Neutral", "Sadness"),
    ("Frustration", "Anger", "Disgust", "Neutral"),
    ("Frustration", "Sadness", "Neutral", "Other"),
    ("Excited", "Happiness", "Neutral", "Surprise"),
    ("Excited", "Happiness", "Anger", "Neutral"),
    ("Surprise", "Happiness", "Neutral", "Fear"),
    ("Other", "Sadness", "Neutral", "Anger"),
    ("Disgust", "Anger", "Neutral", "Sadness"),
)


def draw_truth(kind: str, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw an utterance's true distribution.

    Arguments
    ---------
    kind : str
        A target class: concentrated on it. 'concentrated': on any target.
        'spread': over a non-target and related emotions, most of them targets.
        'elsewhere': on non-targets alone.
    generator : numpy.random.Generator
        Decides.

    Returns
    -------
    truth : numpy.ndarray
        [10], over `LABELS`, in steps of 1/10000; sums to 1.

    Example
    -------
    >>> truth = draw_truth("Anger", np.random.default_rng(0))
    >>> LABELS[truth.argmax()], round(float(truth.sum()), 9)
    ('Anger', 1.0)
    """
    truth = dict.fromkeys(LABELS, 0.0)
    if kind in (*TARGETS, "concentrated"):
        main = kind if kind in TARGETS else str(generator.choice(TARGETS, p=_SHARES))
        certainty = generator.uniform(0.8, 0.98)
        others: Sequence[str] = _NEIGHBOURS[main]
        rest = generator.dirichlet([1.0] * len(others))
    elif kind == "spread":
        main, *others = _MIXTURES[generator.integers(len(_MIXTURES))]
        certainty = generator.uniform(0.36, 0.56)
        rest = generator.dirichlet([5.0, 3.0, 3.0])
    else:
        main, *others = generator.permutation([name for name in LABELS if name not in TARGETS])
        certainty = generator.uniform(0.7, 0.95)
        rest = generator.dirichlet([0.5] * len(others))
    for label, share in zip(others, rest, strict=True):
        truth[label] = round((1 - certainty) * float(share), 4)
    truth[main] = round(1 - sum(truth.values()), 4)
    return np.array(list(truth.values()))


def draw_vote(truth: NDArray[np.float64], generator: np.random.Generator) -> list[str]:
    """Draw one annotator's labels.

    Arguments
    ---------
    truth : numpy.ndarray
        [10], the distribution that labels are drawn by.
    generator : numpy.random.Generator
        Decides.

    Returns
    -------
    labels : list of str
        One label; in 4 % of all cases two different ones.

    Example
    -------
    >>> draw_vote(np.eye(10)[3], np.random.default_rng(0))
    ['Anger']
    """
    number = 2 if generator.random() < 0.04 and np.count_nonzero(truth) > 1 else 1
    return [str(label) for label in generator.choice(LABELS, number, replace=False, p=truth)]


def draw_prosody(truth: NDArray[np.float64], generator: np.random.Generator) -> Prosody:
    """Draw an utterance's delivery.

    Arguments
    ---------
    truth : numpy.ndarray
        [10], the intended distribution.
    generator : numpy.random.Generator
        Decides.

    Returns
    -------
    prosody : Prosody
        The expected value of the emotions' settings, plus normal noise.

    Example
    -------
    >>> calm, angry = (
    ...     draw_prosody(np.eye(10)[label], np.random.default_rng(0)) for label in (0, 3)
    ... )
    >>> round(angry.loudness - calm.loudness, 6)
    6.5
    """
    means = truth @ np.array(list(_PROSODY.values()))
    return Prosody(*(float(value) for value in means + generator.normal(0.0, _SPREAD)))
