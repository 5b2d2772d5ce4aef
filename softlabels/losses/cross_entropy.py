"""Cross-entropy with soft targets."""

from __future__ import annotations

import torch

from softlabels.losses.checks import (
    check_rows,
    check_shapes,
    no_log_probabilities,
    no_targets,
    reduce,
)
from softlabels.losses.registry import register_loss


@register_loss("soft_cross_entropy")
def soft_cross_entropy(
    log_probabilities: torch.Tensor,
    targets: torch.Tensor,
    length: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
    *,
    counts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of a predicted distribution under a target distribution.

    ``L = −Σ_k w_k q_k log p_k`` (Ando et al., ICASSP 2018, with w = 1).

    Arguments
    ---------
    log_probabilities : torch.Tensor
        [B, K] or [B, 1, K], natural logarithms of the predicted probabilities.
    targets : torch.Tensor
        [B, K] or [B, 1, K], the target probabilities, 0 to 1.
    length : torch.Tensor, optional
        Of SpeechBrain's signature. An utterance has one target, however long it
        is, so this changes nothing.
    weight : torch.Tensor, optional
        [K], a weight for each class, as `torch.nn.functional.cross_entropy` has
        it with probability targets: the mean divides by B, not by weights.
    reduction : str
        'mean' or 'batchmean' (over utterances), 'sum', or 'batch' ([B]).
    counts : torch.Tensor, optional
        Of every loss' signature; changes nothing.

    Returns
    -------
    loss : torch.Tensor
        A scalar, or [B] for 'batch'. A log-probability of −∞ under a target of
        zero adds nothing, in value and in gradient.

    Raises
    ------
    ValueError
        If the shapes don't fit, the reduction is unknown, the batch is empty, a target is
        NaN, or the rows are no log-probabilities: logits or probabilities, say.

    Notes
    -----
    It is computed in float32, under autocast too. What comes from 16 bits sums to 1 up to
    rounding only, which `softlabels.losses.checks.TOLERANCE` allows for.

    Example
    -------
    >>> log_probabilities = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    >>> soft_cross_entropy(log_probabilities, torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor(1.0397)
    """
    names = ("log_probabilities", "targets")
    predicted, rows = check_shapes(names, log_probabilities, targets, weight, reduction)
    with torch.autocast(predicted.device.type, enabled=False):
        check_rows(no_targets(rows), no_log_probabilities(predicted))
        return reduce(cross_entropies(predicted, rows, weight), reduction)


def cross_entropies(
    log_probabilities: torch.Tensor, targets: torch.Tensor, weight: torch.Tensor | None
) -> torch.Tensor:
    """``−Σ_k w_k q_k log p_k`` of each row, [B], in at least float32."""
    dtype = torch.promote_types(log_probabilities.dtype, torch.float32)
    log_p, q = log_probabilities.to(dtype), targets.to(dtype)
    if weight is not None:
        q = q * weight.to(q)
    # 0 · −∞ is NaN, and so is its gradient: leave these terms out beforehand.
    return -(q * log_p.masked_fill(q == 0, 0.0)).sum(dim=1)
