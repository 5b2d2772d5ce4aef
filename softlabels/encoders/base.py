"""The base class of annotation encoders."""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.encoders.saving import learned_attributes, read_encoder, write_encoder
from softlabels.errors import InputError
from softlabels.registry import Registry
from softlabels.votes.ballots import Ballots, partition
from softlabels.votes.checks import Votes, check_classes, check_targets, check_votes
from softlabels.votes.dominance import AGREEMENT

if TYPE_CHECKING:
    import torch


@dataclass
class AnnotationEncoder(ABC):
    """Turn annotators' votes into training targets over fixed classes.

    A new encoder is a dataclass whose fields are its options; it writes `targets`, checks its
    options in ``__post_init__`` and, if it learns from votes, writes `fit` too.

    It takes the place of SpeechBrain's `CategoricalEncoder`: in a pipeline, in a
    Checkpointer, and at inference, to name a class.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.

    Raises
    ------
    TypeError, ValueError
        If there are no classes, or one is repeated or not a string.

    Example
    -------
    >>> from softlabels import get_encoder
    >>> encoder = get_encoder("soft", classes=["happy", "sad"])
    >>> encoder.encode_batch([[["happy"], ["sad"]], [["other"]]])
    array([[0.5, 0.5],
           [nan, nan]], dtype=float32)
    """

    classes: Sequence[str]

    name: ClassVar[str] = ""
    """The name under which it is registered; `register_encoder` sets it."""

    loss_name: ClassVar[str] = "soft_cross_entropy"
    """The registered loss that matches its targets."""

    takes: ClassVar[tuple[str, ...]] = ("clear", "ambiguous")
    """The kinds of utterances that it can make a target of."""

    needs_annotators: ClassVar[bool] = False
    """Whether its targets depend on who gave which vote; if so, ballots must hold it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = ""  # not its parent's, which is another encoder

    def __post_init__(self) -> None:
        self.classes = check_classes(self.classes)
        _register_checkpoint_hooks()

    @abstractmethod
    def targets(self, ballots: Ballots) -> ArrayLike:
        """Turn ballots into targets.

        Arguments
        ---------
        ballots : Ballots
            N items' votes. ``ballots.of(self.classes)`` are those for the classes, [N, K].

        Returns
        -------
        targets : array_like
            [N, K]: rows sum to 1; NaN where there can be no target. Rows of items that
            nobody gave a class become NaN in any case.
        """

    def fit(self, ballots: Ballots) -> Self:
        """Learn from the votes of the training utterances; does nothing unless overridden.

        What is learned is kept in attributes whose names end in ``_``: arrays, or what JSON
        can hold. It must be the same each time for the same ballots.

        Arguments
        ---------
        ballots : Ballots
            All training votes: clear, ambiguous and discarded, and no others.

        Returns
        -------
        encoder : AnnotationEncoder
            Itself.
        """
        return self

    @classmethod
    def learns(cls) -> bool:
        """Return whether the encoder has to be fitted: whether it has a `fit` of its own."""
        return cls.fit is not AnnotationEncoder.fit

    def encode_ballots(self, ballots: Ballots) -> NDArray[np.float32]:
        """Turn ballots into targets, checked.

        Returns
        -------
        targets : numpy.ndarray
            [N, K], float32: rows sum to 1; NaN where there can be no target.

        Raises
        ------
        ValueError
            If the encoder learns and has not been fitted, or makes no targets.
        """
        if self.learns() and not learned_attributes(self):
            raise InputError(f"{self._who()} learns from training votes: call fit(ballots) first")
        with np.errstate(invalid="ignore", divide="ignore"):  # 0 / 0 where nobody gave a class
            targets = self.targets(ballots)
        return check_targets(targets, ballots.voted(self.classes), len(self), self._who())

    def encode_counts(self, counts: ArrayLike, labels: Sequence[str]) -> NDArray[np.float32]:
        """Turn counts of votes into targets.

        Arguments
        ---------
        counts : array_like
            [N, L], annotators behind each label, with a column for every label, target or
            not. A class without a column got no votes. A data frame's columns must be the
            labels, in any order.
        labels : sequence of str
            The L columns' labels.

        Returns
        -------
        targets : numpy.ndarray
            [N, K], float32: rows sum to 1; NaN where there can be no target.
        """
        return self.encode_ballots(Ballots(counts, labels))  # type: ignore[arg-type]

    def encode_batch(self, batch: Iterable[Votes]) -> NDArray[np.float32]:
        """Turn N utterances' votes into targets.

        Arguments
        ---------
        batch : iterable of votes
            For each utterance its annotators, each with a list of labels.

        Returns
        -------
        targets : numpy.ndarray
            [N, K], float32: rows sum to 1; NaN where there can be no target.
        """
        return self.encode_ballots(Ballots.from_votes(batch, labels=self.classes))

    def encode(self, votes: Votes) -> NDArray[np.float32]:
        """Turn one utterance's votes into a target.

        Arguments
        ---------
        votes : sequence of sequences of str
            Annotators, each with the labels that they gave.

        Returns
        -------
        target : numpy.ndarray
            [K], float32, sums to 1.

        Raises
        ------
        ValueError
            If there can be no target; the message names an encoder that could
            take these votes.
        """
        # Checked here, malformed votes are named without their place in a batch.
        target = self.encode_batch([check_votes(votes)])[0]
        if np.isnan(target).any():
            raise InputError(self._refusal(votes))
        return target

    def _who(self) -> str:
        return f"encoder {self.name or type(self).__name__!r}"

    def _refusal(self, votes: Votes) -> str:
        who = self._who()
        kind = partition(votes, self.classes, getattr(self, "agreement", AGREEMENT))
        if kind == "discarded":
            return (
                f"{who} cannot take {votes!r}: no annotator gave one of the classes "
                f"{list(self.classes)}, and no encoder takes such an utterance"
            )
        others = [
            name
            for name, cls in sorted(ENCODERS.loaded().items())
            if kind in cls.takes and not isinstance(self, cls)
        ]
        return (
            f"{who} cannot take {votes!r}: no class of {list(self.classes)} is dominant; "
            f"{others} can take it"
        )

    def encode_torch(self, votes: Votes) -> torch.Tensor:
        """Turn one utterance's votes into a target, torch.float32 [K]."""
        import torch

        return torch.from_numpy(self.encode(votes))

    def encode_label(self, label: str) -> int:
        """Return a class's index.

        Raises
        ------
        KeyError
            If the label is not a class.
        """
        if label not in self.classes:
            raise KeyError(f"{label!r} is not a class; the classes are {list(self.classes)}")
        return self.classes.index(label)

    def decode_torch(self, indices: torch.Tensor) -> Any:
        """Turn a tensor of class indices into (nested lists of) class names."""
        return self.decode_ndim(indices.tolist())

    def decode_ndim(self, indices: Any) -> Any:
        """Turn nested lists of class indices into nested lists of class names.

        Raises
        ------
        KeyError
            If an index is out of range.
        """
        if hasattr(indices, "tolist"):
            indices = indices.tolist()
        if isinstance(indices, Iterable):
            return [self.decode_ndim(index) for index in indices]
        if indices not in range(len(self)):
            raise KeyError(f"{indices!r} is not an index of the classes {list(self.classes)}")
        return self.classes[int(indices)]

    @property
    def loss(self) -> Callable[..., torch.Tensor]:
        """The registered loss that matches these targets."""
        from softlabels.losses import get_loss

        return get_loss(self.loss_name)

    @property
    def options(self) -> dict[str, Any]:
        """The fields but for the classes."""
        return {each.name: getattr(self, each.name) for each in fields(self)[1:]}

    def __len__(self) -> int:
        return len(self.classes)

    def expect_len(self, expected: int) -> None:
        """Raise a ValueError unless there are as many classes as expected."""
        if len(self) != expected:
            raise ValueError(f"{self!r} has {len(self)} classes; expected {expected}")

    def describe(self) -> dict[str, Any]:
        """Return name, classes and options: with the training votes, all that makes it."""
        name = self.name or type(self).__name__
        return {"encoder": name, "classes": list(self.classes), "options": self.options}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write name, classes, options and what was learned as JSON."""
        write_encoder(self.describe(), learned_attributes(self), path)

    def load(self, path: str | os.PathLike[str], end_of_epoch: bool = True) -> None:
        """Check a saved encoder against this one; take over what it learned if this one hasn't.

        An encoder is made by its settings and the training votes. So loading proves that the
        file agrees with both; only where this encoder learns and has not been fitted, as at
        inference without the training votes, what was learned is taken from the file.

        Arguments
        ---------
        path : str or os.PathLike
            What `save` wrote.
        end_of_epoch : bool
            Of SpeechBrain's signature; changes nothing.

        Raises
        ------
        ValueError
            If the file is damaged, is another encoder's, or has learned from other votes.
        """
        learned = read_encoder(path, self.describe(), learned_attributes(self))
        if self.learns() and not learned:
            raise InputError(f"{path} has nothing that {self._who()} learned: it was not fitted")
        vars(self).update(learned)


def _prepare_class(name: str, cls: Any) -> None:
    """Check an encoder's class, and give it its name."""
    if not (isinstance(cls, type) and issubclass(cls, AnnotationEncoder)):
        raise TypeError(f"encoder {name!r} must inherit AnnotationEncoder; got {cls!r}")
    own = {option for option in vars(cls).get("__annotations__", ()) if not option.endswith("_")}
    if "__dataclass_fields__" not in vars(cls) and (own or "__init__" in vars(cls)):
        raise TypeError(
            f"encoder {name!r}: decorate {cls.__qualname__} with @dataclass, its options as fields "
            "and their checks in __post_init__"
        )
    if cls.name not in ("", name):
        raise ValueError(f"encoder {name!r} is already registered as {cls.name!r}")
    cls.name = name


ENCODERS = Registry("encoder", group="softlabels.encoders", prepare=_prepare_class)


def _register_checkpoint_hooks() -> None:
    """Make SpeechBrain's Checkpointer save and load encoders, if it is loaded.

    Its decorators would need SpeechBrain imported here, and encoders' maths is
    to need numpy alone.
    """
    checkpoints = sys.modules.get("speechbrain.utils.checkpoints")
    if checkpoints is not None and AnnotationEncoder not in checkpoints.DEFAULT_SAVE_HOOKS:
        checkpoints.mark_as_saver(AnnotationEncoder.save)
        checkpoints.mark_as_loader(AnnotationEncoder.load)
        checkpoints.register_checkpoint_hooks(AnnotationEncoder)
