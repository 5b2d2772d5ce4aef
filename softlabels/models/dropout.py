"""Dropout whose random numbers are cheap on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 1 << 16  # 16 random bits decide on a unit


class Dropout(nn.Module):
    """`torch.nn.Dropout`, in a fraction of its time on a CPU.

    There torch draws a number of 53 random bits for each unit, which takes longer than a
    layer's matrix product. Here 16 bits decide, those of four units from one number of torch's
    generator: so its seed fixes them as well. On other devices it is torch's own.

    Arguments
    ---------
    p : float
        Probability of dropping a unit, 0 to 1; on a CPU the nearest multiple of 2⁻¹⁶ below 1.

    Raises
    ------
    ValueError
        If p is outside of its range.

    Example
    -------
    >>> dropped = Dropout(0.25)(torch.ones(100_000))
    >>> dropped.unique(), round(dropped.mean().item(), 1)
    (tensor([0.0000, 1.3333]), 1.0)
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p must be a probability, 0 to 1; got {p!r}")
        self.p = p

    def forward(self, values: Tensor) -> Tensor:
        """Drop units of [...] in training, and scale those that are kept by 1 / (1 − p)."""
        if not self.training or values.device.type != "cpu" or self.p in (0, 1):
            return nn.functional.dropout(values, self.p, self.training)
        level = min(round(self.p * _LEVELS), _LEVELS - 1)
        fours = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = fours.view(torch.int16)[: values.numel()].view(values.shape)
        kept = (bits >= level - _LEVELS // 2).to(values.dtype)
        return values * kept.mul_(_LEVELS / (_LEVELS - level))

    def extra_repr(self) -> str:
        """Show the setting."""
        return f"p={self.p}"
