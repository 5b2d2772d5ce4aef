"""Shares of votes, smoothed by a mixture of Dirichlet priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots
from softlabels.votes.patterns import count_patterns, training_patterns


@register_encoder("dirichlet_mixture")
@dataclass
class DirichletMixtureEncoder(AnnotationEncoder):
    """The mean distribution after the votes, under a mixture of Dirichlets that is fitted.

    ``q = Σ_m r_m (n + a_m) / (N + Σ a_m)`` over all labels, of which the classes' part is
    taken and renormalised: votes for a label outside the classes are evidence for
    some of them.
    r_m is the probability of the component m after the utterance's votes n, N their number.

    K. Sjölander et al., "Dirichlet mixtures: a method for improved detection of weak but
    significant protein sequence homology", CABIOS 12:4, 1996.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.
    components : int or "auto"
        The number of Dirichlets; ``auto``: chosen by votes left out, on folds of the
        training utterances.

    Raises
    ------
    ValueError
        If the number of components is anything else.

    Example
    -------
    >>> ballots = Ballots([[3, 0, 0], [0, 2, 1], [0, 1, 2]] * 9, ["happy", "sad", "other"])
    >>> encoder = DirichletMixtureEncoder(["happy", "sad"], components=2).fit(ballots)
    >>> happy, sad = encoder.encode([["happy"], ["sad"], ["other"], ["other"]])
    >>> bool(sad > 0.8)  # 'other' goes along with 'sad'
    True
    """

    components: int | str = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.components != "auto" and not (
            isinstance(self.components, int)
            and not isinstance(self.components, bool)
            and self.components >= 1
        ):
            raise InputError(
                "components must be 'auto' or a whole number of at least 1; "
                f"got {self.components!r}"
            )

    def fit(self, ballots: Ballots) -> Self:
        from softlabels.encoders.mixture import choose_components, fit_mixture

        # in one order, whatever that of the classes or of the votes
        labels = sorted({*ballots.labels, *self.classes})
        patterns = training_patterns(ballots, self.classes, labels)
        columns = np.array([labels.index(name) for name in self.classes])
        auto = self.components == "auto"
        number = choose_components(patterns, columns) if auto else int(self.components)
        mixture = fit_mixture(patterns, number)
        self.labels_ = labels
        self.weights_, self.concentrations_ = mixture.weights, mixture.concentrations
        return self

    def targets(self, ballots: Ballots) -> NDArray[np.float64]:
        from softlabels.encoders.mixture import Mixture, renormalised

        patterns = count_patterns(ballots.of(self.labels_))
        mixture = Mixture(self.weights_, self.concentrations_)
        columns = [self.labels_.index(name) for name in self.classes]
        return renormalised(mixture.targets(patterns.counts)[:, columns])[patterns.of]
