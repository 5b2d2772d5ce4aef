"""KL divergence to the votes' shares, with the density of each vote under a Dirichlet."""

from __future__ import annotations

import torch

from softlabels.losses.checks import check_rows, check_shapes, no_counts, reduce
from softlabels.losses.registry import register_loss

DIVERGENCE_WEIGHT = 20.0  # λ
SMOOTHING = 1e-6  # of a vote, or its density would be infinite


@register_loss("kl_dirichlet", output="dirichlet")
def kl_dirichlet(
    log_concentrations: torch.Tensor,
    targets: torch.Tensor | None = None,
    length: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
    *,
    counts: torch.Tensor | None = None,
    divergence_weight: float = DIVERGENCE_WEIGHT,
) -> torch.Tensor:
    """KL divergence to the shares of votes, and the negative log-density of each vote.

    ``L = λ Σ_k q_k ln(q_k / p_k) − Σ_k n_k ln Dir(e_k | α)``, with the shares q = n / N, the mean
    p = softmax(z), α = exp z, and e_k the vote for class k as a distribution: 10⁻⁶ for every
    other class, the rest for k (Wu, Zhang, Wu and Woodland, arXiv:2203.04443; λ = 20 as in their
    published recipe of 2022).

    Arguments
    ---------
    log_concentrations : torch.Tensor
        [B, K] or [B, 1, K], z.
    targets, length : torch.Tensor, optional
        Of every loss' signature; change nothing.
    weight : torch.Tensor, optional
        [K], a weight for each class' terms in both sums.
    reduction : str
        'mean' or 'batchmean' (over utterances), 'sum', or 'batch' ([B]).
    counts : torch.Tensor
        [B, K] or [B, 1, K], annotators behind each class.
    divergence_weight : float
        λ.

    Returns
    -------
    loss : torch.Tensor
        A scalar, or [B] for 'batch'. It may be below 0: densities are above 1.

    Raises
    ------
    ValueError
        If there are no counts, an utterance has no votes, or the shapes don't fit.

    Example
    -------
    >>> uniform = torch.zeros(1, 2)  # its density is 1 everywhere
    >>> kl_dirichlet(uniform, counts=torch.tensor([[2, 0]]), divergence_weight=1.0)  # ln 2
    tensor(0.6931)
    """
    names = ("log_concentrations", "counts")
    z, votes = check_shapes(names, log_concentrations, counts, weight, reduction)
    with torch.autocast(z.device.type, enabled=False):
        check_rows(no_counts(votes))
        logits, n = z.double(), votes.double()
        q = n / n.sum(dim=1, keepdim=True)
        divergences = torch.xlogy(q, q) - q * logits.log_softmax(dim=1)
        densities = n * _log_densities(logits.exp())
        if weight is not None:
            divergences, densities = (each * weight.to(n) for each in (divergences, densities))
        losses = (divergence_weight * divergences - densities).sum(dim=1)
        return reduce(losses.to(torch.promote_types(z.dtype, torch.float32)), reduction)


def _log_densities(a: torch.Tensor) -> torch.Tensor:
    """ln Dir(e_k | α) of the vote for each class, [B, K]."""
    classes = a.shape[1]
    rest = torch.log(a.new_tensor(SMOOTHING))
    own = torch.log1p(a.new_tensor(-(classes - 1) * SMOOTHING))
    total = a.sum(dim=1, keepdim=True)
    normalisation = torch.lgamma(total) - torch.lgamma(a).sum(dim=1, keepdim=True)
    return normalisation + (a - 1) * own + (total - a - (classes - 1)) * rest
