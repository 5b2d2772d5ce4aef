"""Likelihood of all votes of an utterance under a Dirichlet distribution that the network gives."""

from __future__ import annotations

import torch

from softlabels.losses.checks import check_rows, check_shapes, no_counts, reduce
from softlabels.losses.registry import register_loss


@register_loss("dirichlet_multinomial", output="dirichlet")
def dirichlet_multinomial(
    log_concentrations: torch.Tensor,
    targets: torch.Tensor | None = None,
    length: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
    *,
    counts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Negative log-likelihood of an utterance's votes under a Dirichlet-multinomial.

    With α = exp z, ``A = Σ_k α_k`` and ``N = Σ_k n_k``:
    ``L = ln Γ(N + A) − ln Γ(A) − Σ_k [ln Γ(n_k + α_k) − ln Γ(α_k)]``, up to the multinomial
    coefficient, which no network changes. One vote carries no information on the precision A;
    two and more do.

    Arguments
    ---------
    log_concentrations : torch.Tensor
        [B, K] or [B, 1, K], z: the mean is softmax(z), the precision Σ exp z.
    targets, length : torch.Tensor, optional
        Of every loss' signature; change nothing.
    weight : torch.Tensor, optional
        [K], a weight for each class: an utterance has the mean of its votes' weights.
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
        If there are no counts, an utterance has no votes, or the shapes don't fit.

    Notes
    -----
    It is computed in float64: in float32 the difference of two ln Γ at a precision of 10⁶ has no
    digit left.

    Example
    -------
    >>> uniform = torch.zeros(1, 2)
    >>> dirichlet_multinomial(uniform, counts=torch.tensor([[2, 0]]))  # of 1, as of 1 + 1: ln 3
    tensor(1.0986)
    """
    names = ("log_concentrations", "counts")
    z, votes = check_shapes(names, log_concentrations, counts, weight, reduction)
    with torch.autocast(z.device.type, enabled=False):
        check_rows(no_counts(votes))
        a, n = z.double().exp(), votes.double()
        total, precision = n.sum(dim=1), a.sum(dim=1)
        losses = torch.lgamma(total + precision) - torch.lgamma(precision)
        losses = losses - (torch.lgamma(n + a) - torch.lgamma(a)).sum(dim=1)
        if weight is not None:
            losses = losses * (n * weight.to(n)).sum(dim=1) / total
        return reduce(losses.to(torch.promote_types(z.dtype, torch.float32)), reduction)
