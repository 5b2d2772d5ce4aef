"""What every loss does to its arguments and to utterances' losses."""

from __future__ import annotations

from collections.abc import Callable

import torch

# How far the sum of a row's probabilities may be from 1: a log-probability of −8 in bfloat16 is
# off by up to 2⁻⁶, relative to its probability. Logits and probabilities are off by far more.
TOLERANCE = {torch.float32: 1e-3, torch.float16: 1e-2, torch.bfloat16: 0.05}
REDUCTIONS = ("mean", "batchmean", "sum", "batch")


def check_shapes(
    names: tuple[str, str],
    outputs: torch.Tensor,
    targets: torch.Tensor | None,
    weight: torch.Tensor | None,
    reduction: str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return outputs and targets, or counts, as [B, K].

    Arguments
    ---------
    names : (str, str)
        Of both, for messages.
    outputs, targets : torch.Tensor
        [B, K] or [B, 1, K]. None for ``targets`` is an error.
    weight : torch.Tensor, optional
        [K], checked.
    reduction : str
        Checked.

    Raises
    ------
    ValueError
        If the shapes don't fit, the reduction is unknown, or the batch is empty.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"reduction must be one of {list(REDUCTIONS)}; got {reduction!r}")
    if targets is None:
        raise ValueError(f"the loss is of {names[1]}: give {names[1]}, [B, K]")
    rows = _one_row_each(outputs, names[0]), _one_row_each(targets, names[1])
    if rows[0].shape != rows[1].shape:
        raise ValueError(
            f"{names[0]} {list(outputs.shape)} and {names[1]} {list(targets.shape)} must be of the "
            "same utterances and classes"
        )
    if not len(rows[0]):
        raise ValueError("the batch is empty: there is no loss of no utterances")
    if weight is not None and weight.shape != rows[0].shape[1:]:
        raise ValueError(
            f"weight must be [{rows[0].shape[1]}], one for each class; got {list(weight.shape)}"
        )
    return rows


def reduce(losses: torch.Tensor, reduction: str) -> torch.Tensor:
    """Reduce utterances' losses [B]: a mean over utterances, a sum, or none."""
    if reduction == "batch":
        return losses
    return losses.sum() if reduction == "sum" else losses.mean()


Check = tuple[torch.Tensor, Callable[[int], str]]  # [B], whether a row is wrong; its message


def check_rows(*checks: Check) -> None:
    """Raise a ValueError where a row is wrong, by the first check that fails.

    One comparison reaches the processor: each waits for the device to finish.
    """
    wrong = torch.stack([each for each, _ in checks])
    if wrong.is_cuda and torch.cuda.is_current_stream_capturing():
        return  # a graph that is being recorded has no values yet
    if wrong.any():
        for each, message in checks:
            if each.any():
                raise ValueError(message(int(each.nonzero()[0])))


def no_log_probabilities(predicted: torch.Tensor) -> Check:
    """Check that rows are log-probabilities; NaN passes, for the trainer to see."""
    tolerance = TOLERANCE.get(predicted.dtype, TOLERANCE[torch.float32])
    dtype = torch.promote_types(predicted.dtype, torch.float32)
    sums = predicted.detach().to(dtype).exp().sum(dim=1)
    return (
        (sums - 1).abs() > tolerance,
        lambda row: (
            "log_probabilities must be logarithms of probabilities that sum to 1, as log_softmax "
            f"gives them; those of utterance {row} of the batch sum to {sums[row]:g}"
        ),
    )


def no_targets(targets: torch.Tensor) -> Check:
    """Check that no row is NaN."""
    return targets.detach().isnan().any(
        dim=1
    ), lambda row: f"the target of utterance {row} of the batch is NaN: it has none, leave it out"


def no_counts(counts: torch.Tensor) -> Check:
    """Check that every row has votes: finite numbers of at least 0, not all 0."""
    votes = counts.detach()
    wrong = ~(votes.isfinite() & (votes >= 0)).all(dim=1) | (votes.sum(dim=1) <= 0)
    return (
        wrong,
        lambda row: (
            "counts must be votes for each class, at least one in all; those of utterance "
            f"{row} of the batch are {votes[row].tolist()}"
        ),
    )


def _one_row_each(values: torch.Tensor, what: str) -> torch.Tensor:
    """[B, K] or [B, 1, K] → [B, K]. Left as they are, the two would broadcast to
    [B, B, K] without a word."""
    if values.ndim == 3 and values.shape[1] == 1:
        return values.squeeze(1)
    if values.ndim != 2:
        raise ValueError(f"{what} must be [B, K] or [B, 1, K]; got {list(values.shape)}")
    return values
