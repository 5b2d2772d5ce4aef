"""Likelihood of the votes themselves."""

from __future__ import annotations

import torch

from softlabels.losses.checks import (
    check_rows,
    check_shapes,
    no_counts,
    no_log_probabilities,
    reduce,
)
from softlabels.losses.cross_entropy import cross_entropies
from softlabels.losses.registry import register_loss


@register_loss("vote_likelihood")
def vote_likelihood(
    log_probabilities: torch.Tensor,
    targets: torch.Tensor | None = None,
    length: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
    *,
    counts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Negative log-likelihood of the votes, each drawn from the predicted distribution.

    ``L = −Σ_k w_k n_k log p_k``: the multinomial's, up to a term that no network changes. It is
    cross-entropy with the shares of votes, times an utterance's number of votes: utterances with
    more of them weigh more.

    Arguments
    ---------
    log_probabilities : torch.Tensor
        [B, K] or [B, 1, K], natural logarithms of the predicted probabilities.
    targets, length : torch.Tensor, optional
        Of every loss' signature; change nothing.
    weight : torch.Tensor, optional
        [K], a weight for each class.
    reduction : str
        'mean' or 'batchmean' (over utterances), 'sum', or 'batch' ([B]).
    counts : torch.Tensor
        [B, K] or [B, 1, K], annotators behind each class.

    Returns
    -------
    loss : torch.Tensor
        A scalar, or [B] for 'batch', in nats.

    Raises
    ------
    ValueError
        If there are no counts, an utterance has no votes, the rows are no log-probabilities, or
        the shapes don't fit.

    Example
    -------
    >>> log_probabilities = torch.tensor([[0.5, 0.5]]).log()
    >>> vote_likelihood(log_probabilities, counts=torch.tensor([[2, 1]]))  # 3 ln 2
    tensor(2.0794)
    """
    names = ("log_probabilities", "counts")
    predicted, votes = check_shapes(names, log_probabilities, counts, weight, reduction)
    with torch.autocast(predicted.device.type, enabled=False):
        check_rows(no_counts(votes), no_log_probabilities(predicted))
        return reduce(cross_entropies(predicted, votes, weight), reduction)
