"""What every annotation encoder is and does."""

from __future__ import annotations

import inspect
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softlabels.registry import Registry
from softlabels.votes.checks import Votes, check_classes, check_targets, check_votes
from softlabels.votes.counts import count_votes, partition, target_counts

if TYPE_CHECKING:
    import torch

ENCODERS = Registry("encoder", group="softlabels.encoders")


class AnnotationEncoder(ABC):
    """Turns annotators' votes into training targets over fixed classes.

    A new encoder writes `encode_counts` and, if it has options, a constructor
    ``__init__(self, classes, option=…)`` that keeps each option under its own
    name. The rest follows from these.

    It stands where SpeechBrain's `CategoricalEncoder` stands: in a pipeline, in
    a Checkpointer, and at inference, to tell a class's name.

    Arguments
    ---------
    classes : iterable of str
        The K target classes, in the order that targets will have.

    Raises
    ------
    TypeError, ValueError
        If the classes are none, repeated or no strings.

    Example
    -------
    >>> from softlabels import get_encoder
    >>> encoder = get_encoder("soft", classes=["happy", "sad"])
    >>> encoder.encode_batch([[["happy"], ["sad"]], [["other"]]])
    array([[0.5, 0.5],
           [nan, nan]], dtype=float32)
    """

    name = ""
    """The name under which it is registered."""

    loss_name = "soft_cross_entropy"
    """The registered loss that matches its targets."""

    takes: tuple[str, ...] = ("clear", "ambiguous")
    """The kinds of utterances that it can make a target of."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.name = vars(cls).get("name", "")  # not its parent's, which is another encoder

    def __init__(self, classes: Iterable[str]) -> None:
        self.classes = check_classes(classes)
        _announce_to_speechbrain()

    @abstractmethod
    def encode_counts(self, counts: ArrayLike, labels: Sequence[str]) -> NDArray[np.float32]:
        """Turn counts of votes into targets.

        Arguments
        ---------
        counts : array_like
            [N, L], annotators behind each label, with a column for every label,
            target or not. A class without a column got no votes.
        labels : sequence of str
            The L columns' labels.

        Returns
        -------
        targets : numpy.ndarray
            [N, K], float32: rows sum to 1; NaN where there can be no target.
        """

    def target_counts(self, counts: ArrayLike, labels: Sequence[str]) -> NDArray[np.float64]:
        """Pick the target classes' columns of counts [N, L] → [N, K]."""
        return target_counts(counts, labels, self.classes)

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
        counts, labels = count_votes(batch, labels=self.classes)
        targets = self.encode_counts(counts, labels)
        return check_targets(targets, len(counts), len(self), self._who())

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
            If there can be no target; the message says which encoder could
            take these votes.
        """
        # Checked here, malformed votes are named without their place in a batch.
        target = self.encode_batch([check_votes(votes)])[0]
        if np.isnan(target).any():
            raise ValueError(self._refusal(votes))
        return target

    def _who(self) -> str:
        return f"encoder {self.name or type(self).__name__!r}"

    def _refusal(self, votes: Votes) -> str:
        who = self._who()
        kind = partition(votes, self.classes)
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

        _announce_to_speechbrain()
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
            If an index is no class's.
        """
        if hasattr(indices, "tolist"):
            indices = indices.tolist()
        if isinstance(indices, Iterable):
            return [self.decode_ndim(index) for index in indices]
        if indices not in range(len(self)):
            raise KeyError(f"{indices!r} is no index of the classes {list(self.classes)}")
        return self.classes[int(indices)]

    @property
    def loss(self) -> Callable[..., torch.Tensor]:
        """The registered loss that matches these targets."""
        from softlabels.losses import get_loss

        _announce_to_speechbrain()
        return get_loss(self.loss_name)

    @property
    def options(self) -> dict[str, Any]:
        """The constructor's arguments but for the classes, as built."""
        parameters = inspect.signature(type(self)).parameters
        variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        return {
            name: getattr(self, name)
            for name, parameter in parameters.items()
            if name != "classes" and parameter.kind not in variable
        }

    def __len__(self) -> int:
        return len(self.classes)

    def __repr__(self) -> str:
        options = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({list(self.classes)}{options})"

    def expect_len(self, expected: int) -> None:
        """Raise a ValueError unless there are as many classes as expected."""
        if len(self) != expected:
            raise ValueError(f"{self!r} has {len(self)} classes; expected {expected}")

    def describe(self) -> dict[str, Any]:
        """Return name, classes and options: all that makes this encoder."""
        name = self.name or type(self).__name__
        return {"encoder": name, "classes": list(self.classes), "options": self.options}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write name, classes and options as JSON."""
        Path(path).write_text(json.dumps(self.describe(), ensure_ascii=False) + "\n", "utf-8")

    def load(self, path: str | os.PathLike[str], end_of_epoch: bool = True) -> None:
        """Check a saved encoder against this one.

        An encoder is made by its settings alone, so there is nothing to take
        over: loading proves that the file and the settings agree.

        Arguments
        ---------
        path : str or os.PathLike
            What `save` wrote.
        end_of_epoch : bool
            Of SpeechBrain's signature; changes nothing.

        Raises
        ------
        ValueError
            If the file is damaged or says otherwise than this encoder.
        """
        try:
            saved = json.loads(Path(path).read_text("utf-8"))
            wanted = json.loads(json.dumps(self.describe()))  # a tuple comes back as a list
            differences = [key for key, value in wanted.items() if saved[key] != value]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a saved encoder: {error!r}") from error
        if differences:
            told = "; ".join(
                f"{key} is {saved[key]!r} there and {wanted[key]!r} in the settings"
                for key in differences
            )
            raise ValueError(f"{path} was saved with another encoder: {told}")


def _announce_to_speechbrain() -> None:
    """Tell SpeechBrain's Checkpointer how encoders are saved, if it is loaded.

    Its decorators would need SpeechBrain imported here, and encoders' maths is
    to need numpy alone.
    """
    checkpoints = sys.modules.get("speechbrain.utils.checkpoints")
    if checkpoints is not None and AnnotationEncoder not in checkpoints.DEFAULT_SAVE_HOOKS:
        checkpoints.mark_as_saver(AnnotationEncoder.save)
        checkpoints.mark_as_loader(AnnotationEncoder.load)
        checkpoints.register_checkpoint_hooks(AnnotationEncoder)
