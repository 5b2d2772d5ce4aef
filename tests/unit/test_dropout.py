"""Dropout: the same distribution as PyTorch's, in values and in gradients."""

import pytest
import torch

from softlabels.models.dropout import Dropout

UNITS = 1_000_003  # no multiple of the four that one random number decides on


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_a_share_p_of_the_units_is_dropped_and_the_mean_kept(p):
    torch.manual_seed(0)
    dropped = Dropout(p)(torch.ones(UNITS))
    deviation = (p * (1 - p) / UNITS) ** 0.5  # of a binomial share
    assert abs((dropped == 0).float().mean() - p) < 4 * deviation
    assert torch.allclose(dropped[dropped != 0], torch.tensor(1 / (1 - p)), rtol=1e-4)


def test_units_are_dropped_independently_of_their_neighbours():
    torch.manual_seed(0)
    kept = (Dropout(0.5)(torch.ones(4 * (UNITS // 4))) > 0).float() - 0.5
    for apart in (1, 2, 3, 4):
        correlation = 4 * (kept[apart:] * kept[:-apart]).mean()
        assert abs(correlation) < 4 / UNITS**0.5


def test_the_gradient_goes_through_what_was_kept_alone():
    values = torch.randn(50, 7, requires_grad=True)
    dropped = Dropout(0.25)(values)
    dropped.sum().backward()
    assert torch.allclose(values.grad * values, dropped)


def test_a_seed_fixes_it():
    torch.manual_seed(3)
    first = Dropout()(torch.ones(99))
    torch.manual_seed(3)
    assert torch.equal(Dropout()(torch.ones(99)), first)


@pytest.mark.parametrize(("p", "mean"), [(0, 1.0), (1, 0.0), (1 - 1e-9, 1.0)])
def test_the_ends_of_the_range_are_meant_as_they_are(p, mean):
    torch.manual_seed(0)
    assert Dropout(p)(torch.ones(2**22)).mean().item() == pytest.approx(mean, abs=0.6)


def test_nothing_is_dropped_after_training():
    values = torch.randn(5, 3)
    assert torch.equal(Dropout(0.5).eval()(values), values)


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_no_probability_is_refused(p):
    with pytest.raises(ValueError, match="p must be a probability, 0 to 1; got"):
        Dropout(p)
