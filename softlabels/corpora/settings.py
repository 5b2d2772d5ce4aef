"""The settings of preparation: who is clear, what is merged, what validates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

from softlabels.corpora.corpus import Corpus
from softlabels.errors import InputError
from softlabels.votes.checks import check_classes
from softlabels.votes.dominance import check_agreement

DEFAULTS = {"merge": {}, "agreement": 2, "valid_fraction": 0.1, "seed": 1986}


def preparation_settings(corpus: Corpus) -> tuple[str, ...]:
    """Return the names of the settings that decide who trains, validates and tests."""
    return tuple(dict.fromkeys([*DEFAULTS, *corpus.defaults]))


def check_settings(corpus: Corpus, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of preparation in the form that JSON has.

    Arguments
    ---------
    corpus : Corpus
        Its defaults hold where a setting is not given.
    settings : dict
        ``classes``: the target classes, spelt as the annotators' labels. ``merge``: labels to be
        counted as other ones, as in {"Excited": "Happiness"}. ``agreement``: what makes a label
        dominant (see `softlabels.votes.dominance`). ``valid_fraction``: the share of each
        class's clear training utterances that validates, where the split has no validation set
        of its own; they share speakers with training. ``seed`` alone decides which. The others
        are the corpus' own.

    Raises
    ------
    TypeError, ValueError
        Naming the value and what is allowed.
    """
    known = preparation_settings(corpus)
    if unknown := sorted(set(settings) - set(known)):
        raise TypeError(f"{corpus.name} has no setting {unknown}; its settings: {list(known)}")
    checked = {**DEFAULTS, **corpus.defaults, **settings}
    for name, setting in corpus.settings.items():
        if not setting.kind.takes(checked[name]):
            raise InputError(f"{name} must be {setting.kind}; got {checked[name]!r}")
    corpus.check(checked)
    checked["classes"] = list(check_classes(checked["classes"]))
    checked["merge"] = _check_merge(checked["merge"], corpus.labels)
    checked["agreement"] = check_agreement(checked["agreement"])
    fraction, seed = checked["valid_fraction"], checked["seed"]
    number = isinstance(fraction, Real) and not isinstance(fraction, bool)
    if not number or not 0 <= fraction < 1:
        raise InputError(f"valid_fraction must be between 0 and 1, 1 excluded; got {fraction!r}")
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"seed must be a whole number of at least 0; got {seed!r}")
    checked["valid_fraction"], checked["seed"] = float(fraction), int(seed)
    return checked


def _check_merge(merge: Mapping[str, str] | None, labels: Sequence[str]) -> dict[str, str]:
    merge = {} if merge is None else merge
    if not isinstance(merge, Mapping):
        raise InputError(f"merge must look like {{'Excited': 'Happiness'}}; got {merge!r}")
    for source, target in merge.items():
        for label in (source, target):
            if labels and label not in labels:
                raise InputError(
                    f"merge names {label!r} in {dict(merge)}; the labels are {', '.join(labels)}"
                )
        if target in merge:
            raise InputError(
                f"merge turns {source!r} into {target!r}, which it merges too: {dict(merge)}; "
                "a label that others are merged into must stay itself"
            )
    return dict(sorted(merge.items()))
