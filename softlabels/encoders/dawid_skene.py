"""Targets that depend on who voted."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from softlabels.encoders.base import AnnotationEncoder
from softlabels.encoders.factory import register_encoder
from softlabels.errors import InputError
from softlabels.votes.ballots import Ballots
from softlabels.votes.patterns import training_patterns

MOST_CELLS = 2**27  # of all confusion matrices: 1 GiB


@register_encoder("dawid_skene")
@dataclass
class DawidSkeneEncoder(AnnotationEncoder):
    """Expected votes of listeners, with a confusion matrix for each annotator.

    ``q = Σ_t p(t | votes) P[t, ·]``, over all labels, of which the classes' part is taken and
    renormalised. p is the posterior of a true label t under the annotators' own matrices, P
    the pooled matrix: the labels that all annotators together give to utterances of that
    true label. An annotator's matrix is shrunk towards P by ``smoothing`` votes a row; one
    who did not vote in training has P itself. A label is a vote, as in the counts: an
    annotator who gave an utterance two labels voted twice.

    A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using
    the EM algorithm", Journal of the Royal Statistical Society C 28:1, 1979.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.
    smoothing : float
        How many votes of each true label the pooled matrix is worth, 0 or more.

    Raises
    ------
    ValueError
        If the smoothing is not such a number.

    Example
    -------
    >>> votes = [[["happy"], ["happy"], ["sad"]], [["sad"], ["sad"], ["sad"]]] * 5
    >>> ballots = Ballots.from_votes(votes, annotators=[["ann", "bob", "cat"]] * 10)
    >>> encoder = DawidSkeneEncoder(["happy", "sad"], smoothing=1).fit(ballots)
    >>> encoder.encode_ballots(ballots.take([0])).round(2)  # 'cat' votes 'sad' for everything
    array([[0.66, 0.34]], dtype=float32)
    """

    smoothing: float = 10.0

    needs_annotators: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        number = isinstance(self.smoothing, Real) and not isinstance(self.smoothing, bool)
        if not number or not 0 <= self.smoothing < np.inf:
            raise InputError(
                f"smoothing must be a finite number of at least 0; got {self.smoothing!r}"
            )
        self.smoothing = float(self.smoothing)

    def fit(self, ballots: Ballots) -> Self:
        from softlabels.encoders.confusion import (
            TINY,
            Given,
            alike,
            fit_confusion,
            votes_by_annotator,
        )

        # in one order, whatever that of the classes or of the votes
        labels = sorted({*ballots.labels, *self.classes})
        patterns = training_patterns(ballots, self.classes, labels)
        annotators = sorted(ballots.annotators)
        votes = self._votes(ballots, labels, annotators)
        cells = len(annotators) * len(labels) ** 2
        if cells > MOST_CELLS:
            raise InputError(
                f"{len(annotators)} annotators' confusion matrices of {len(labels)} labels "
                f"have {cells} cells, more than {MOST_CELLS}: use 'dirichlet_mixture', which "
                "needs none"
            )
        _, item = np.unique(votes[:, 0], return_inverse=True)  # items without votes are left out
        votes[:, 0] = item
        by_annotator = votes_by_annotator(votes, item.max() + 1, len(annotators), len(labels))
        given = Given(*alike(by_annotator), len(labels))
        pooled = fit_confusion(Given.anonymous(patterns), 0.0, np.eye(len(labels))).matrices[0]
        confusion = fit_confusion(given, self.smoothing, pooled)
        tally = given.tally(given.posterior(confusion)).sum(axis=0) + TINY
        self.labels_ = labels
        self.annotators_ = annotators
        self.prior_ = confusion.prior
        self.confusion_ = confusion.matrices
        self.pooled_ = tally / tally.sum(axis=1, keepdims=True)
        return self

    def targets(self, ballots: Ballots) -> NDArray[np.float64]:
        from softlabels.encoders.confusion import Confusion, Given, votes_by_annotator

        votes = self._votes(ballots, self.labels_, self.annotators_)
        # one who did not vote in training comes last
        matrices = np.concatenate([self.confusion_, self.pooled_[None]])
        size = (len(ballots), len(matrices), len(self.labels_))
        given = Given(votes_by_annotator(votes, *size), np.ones(len(ballots)), size[2])
        shares = given.posterior(Confusion(self.prior_, matrices)) @ self.pooled_
        shares = shares[:, [self.labels_.index(name) for name in self.classes]]
        return shares / shares.sum(axis=1, keepdims=True)

    def _votes(
        self, ballots: Ballots, labels: list[str], annotators: list[str]
    ) -> NDArray[np.int64]:
        """Number annotators and labels as the lists do; leave out votes for other labels."""
        if ballots.who is None:
            raise InputError(
                "encoder 'dawid_skene' needs to know who voted: give ballots with annotators, or "
                "use 'dirichlet_mixture', which needs none"
            )
        place = {name: index for index, name in enumerate(annotators)}
        person = np.array([place.get(name, len(place)) for name in ballots.annotators], dtype=int)
        column = {name: index for index, name in enumerate(labels)}
        label = np.array([column.get(name, -1) for name in ballots.labels], dtype=int)
        item, annotator, given = ballots.who.T
        votes = np.stack([item, person[annotator], label[given]], axis=1)
        return votes[votes[:, 2] >= 0]
