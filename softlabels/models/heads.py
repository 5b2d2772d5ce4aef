"""What a network gives in place of log-probabilities, and which output a setting names."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from softlabels.errors import InputError
from softlabels.losses.registry import output_for
from softlabels.models.blstm import Classifier


class Concentrations(nn.Module):
    """A linear layer that gives a Dirichlet distribution over distributions.

    Its outputs z are logarithms of the concentrations: the mean distribution is softmax(z), and
    the precision Σ exp z measures how sure the network is of it.

    Arguments
    ---------
    input_size : int
        Width of the embeddings.
    classes : int
        The number of classes K.

    Example
    -------
    >>> Concentrations(256, 4)(torch.randn(2, 256)).shape
    torch.Size([2, 4])
    """

    output: ClassVar[str] = "dirichlet"

    def __init__(self, input_size: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(input_size, classes)

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Embeddings [B, F] → logarithms of concentrations [B, K]."""
        concentrations: torch.Tensor = self.linear(embeddings)
        return concentrations


CLASSIFIERS: dict[str, type[nn.Module]] = {"softmax": Classifier, "dirichlet": Concentrations}


def get_classifier(
    output: str | None, input_size: int, classes: int, loss: str | None = None
) -> nn.Module:
    """Build the last layer by what it gives.

    Arguments
    ---------
    output : str or None
        'softmax': log-probabilities; 'dirichlet': logarithms of concentrations. None: that which
        the loss is of.
    input_size : int
        Width of the embeddings.
    classes : int
        The number of classes K.
    loss : str, optional
        A registered loss' name.

    Example
    -------
    >>> get_classifier(None, 256, 4, loss="dirichlet_multinomial")
    Concentrations(
      (linear): Linear(in_features=256, out_features=4, bias=True)
    )
    """
    output = output_for(loss) if output is None else output
    if output not in CLASSIFIERS:
        raise InputError(f"output must be one of {list(CLASSIFIERS)}; got {output!r}")
    return CLASSIFIERS[output](input_size, classes)


def output_of(classifier: nn.Module | None) -> str:
    """Return what a network's last layer gives: 'softmax' unless it declares another.

    Example
    -------
    >>> output_of(Concentrations(2, 2)), output_of(nn.LogSoftmax(dim=1))
    ('dirichlet', 'softmax')
    """
    return str(getattr(classifier, "output", "softmax"))
