"""Losses on soft targets, and their registry."""

from __future__ import annotations

from collections.abc import Callable

import torch

from softlabels.registry import Registry

# How far the sum of a row's probabilities may be from 1: a log-probability of −8 in bfloat16 is
# off by up to 2⁻⁶, relative to its probability. Logits and probabilities are off by far more.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 0.05}
REDUCTIONS = ("mean", "batchmean", "sum", "batch")
LOSSES = Registry("loss", group="softlabels.losses")
register_loss = LOSSES.register


def get_loss(name: str) -> Callable[..., torch.Tensor]:
    """Return a registered loss by its name.

    Arguments
    ---------
    name : str
        A registered name, or one of the entry-point group ``softlabels.losses``.

    Returns
    -------
    loss : callable
        ``loss(log_probabilities, targets, length=None, weight=None, reduction="mean")``.

    Raises
    ------
    ValueError
        If the name is unknown.

    Example
    -------
    >>> get_loss("soft_cross_entropy").__name__
    'soft_cross_entropy'
    """
    loss: Callable[..., torch.Tensor] = LOSSES.get(name)
    return loss


@register_loss("soft_cross_entropy")
def soft_cross_entropy(
    log_probabilities: torch.Tensor,
    targets: torch.Tensor,
    length: torch.Tensor | None = None,
    weight: torch.Tensor | None = None,
    reduction: str = "mean",
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
    rounding only, which `TOLERANCE` allows for.

    Example
    -------
    >>> log_probabilities = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    >>> soft_cross_entropy(log_probabilities, torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
    tensor(1.0397)
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {list(REDUCTIONS)}; got {reduction!r}")
    predicted = _one_row_each(log_probabilities, "log_probabilities")
    wanted = _one_row_each(targets, "targets")
    if predicted.shape != wanted.shape:
        raise ValueError(
            f"log_probabilities {list(log_probabilities.shape)} and targets "
            f"{list(targets.shape)} must be of the same utterances and classes"
        )
    if not len(predicted):
        raise ValueError("the batch is empty: there is no loss of no utterances")
    if weight is not None and weight.shape != predicted.shape[1:]:
        raise ValueError(
            f"weight must be [{predicted.shape[1]}], one for each class; got {list(weight.shape)}"
        )
    with torch.autocast(predicted.device.type, enabled=False):
        dtype = torch.promote_types(predicted.dtype, torch.float32)
        tolerance = TOLERANCE.get(predicted.dtype, TOLERANCE[torch.float32])
        predicted, wanted = predicted.to(dtype), wanted.to(dtype)
        _check_values(predicted.detach(), wanted.detach(), tolerance)
        if weight is not None:
            wanted = wanted * weight.to(wanted)
        # 0 · −∞ is NaN, and so is its gradient: leave these terms out beforehand.
        losses = -(wanted * predicted.masked_fill(wanted == 0, 0.0)).sum(dim=1)
    if reduction == "batch":
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()


def _check_values(predicted: torch.Tensor, targets: torch.Tensor, tolerance: float) -> None:
    """Raise unless predictions are log-probabilities and targets are numbers.

    One comparison reaches the processor: each waits for the device to finish.
    """
    if predicted.is_cuda and torch.cuda.is_current_stream_capturing():
        return  # a graph that is being recorded has no values yet
    deviations = predicted.exp().sum(dim=1) - 1
    none = deviations.abs() > tolerance  # not NaN: an output that diverged is the trainer's to see
    if not (none | targets.sum(dim=1).isnan()).any():
        return
    if targets.isnan().any():
        row = int(targets.isnan().any(dim=1).nonzero()[0])
        raise ValueError(
            f"the target of utterance {row} of the batch is NaN: it has none, leave it out"
        )
    row = int(none.nonzero()[0])
    raise ValueError(
        f"log_probabilities must be logarithms of probabilities that sum to 1, as log_softmax "
        f"gives them; those of utterance {row} of the batch sum to {deviations[row] + 1:g}"
    )


def _one_row_each(values: torch.Tensor, what: str) -> torch.Tensor:
    """[B, K] or [B, 1, K] → [B, K]. Left as they are, the two would broadcast to
    [B, B, K] without a word."""
    if values.ndim == 3 and values.shape[1] == 1:
        return values.squeeze(1)
    if values.ndim != 2:
        raise ValueError(f"{what} must be [B, K] or [B, 1, K]; got {list(values.shape)}")
    return values
