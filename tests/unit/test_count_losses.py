"""Losses on counts against SciPy, torch.distributions and finite differences."""

import numpy as np
import pytest
import torch
from scipy.special import gammaln
from scipy.stats import dirichlet_multinomial as scipy_dirichlet_multinomial

from softlabels import get_encoder
from softlabels.errors import InputError
from softlabels.losses import (
    choose_loss,
    dirichlet_multinomial,
    get_loss,
    kl_dirichlet,
    soft_cross_entropy,
    vote_likelihood,
)

K = 4
COUNTS = torch.tensor([[3, 0, 0, 0], [1, 1, 1, 0], [0, 40, 59, 1], [0, 0, 0, 1]])
NAMES = ["vote_likelihood", "dirichlet_multinomial", "kl_dirichlet"]


def outputs(name, scale=2.0, dtype=torch.float64):
    """What a network gives, of the kind that the loss is of: [4, K]."""
    torch.manual_seed(0)
    z = scale * torch.randn(len(COUNTS), K, dtype=torch.float64)
    return (z.log_softmax(dim=1) if name == "vote_likelihood" else z).to(dtype)


def coefficients(counts):
    """The logarithm of N! / Π n_k!, which no network changes."""
    n = counts.double().numpy()
    return gammaln(n.sum(axis=1) + 1) - gammaln(n + 1).sum(axis=1)


@pytest.mark.parametrize("scale", [0.5, 2.0, 6.0])
def test_dirichlet_multinomial_is_scipys(scale):
    z = outputs("dirichlet_multinomial", scale)
    alpha, n = z.exp().numpy(), COUNTS.numpy()
    likelihoods = scipy_dirichlet_multinomial(alpha, n.sum(axis=1)).logpmf(n)
    losses = dirichlet_multinomial(z, counts=COUNTS, reduction="batch")
    assert np.allclose(losses, coefficients(COUNTS) - likelihoods, rtol=1e-10)


def test_vote_likelihood_is_torchs_multinomial():
    log_p = outputs("vote_likelihood")
    for row, (each, n) in enumerate(zip(log_p, COUNTS, strict=True)):
        likelihood = torch.distributions.Multinomial(int(n.sum()), logits=each).log_prob(n)
        loss = vote_likelihood(log_p, counts=COUNTS, reduction="batch")[row]
        assert float(loss) == pytest.approx(coefficients(n[None])[0] - float(likelihood))


def test_kl_dirichlet_is_torchs_divergence_and_densities():
    z = outputs("kl_dirichlet")
    shares = COUNTS / COUNTS.sum(dim=1, keepdim=True)
    votes = torch.full((K, K), 1e-6).double().fill_diagonal_(1 - (K - 1) * 1e-6)
    dirichlet = torch.distributions.Dirichlet(z.exp()[:, None])
    densities = (COUNTS * dirichlet.log_prob(votes)).sum(dim=1)
    divergences = torch.nn.functional.kl_div(z.log_softmax(1), shares, reduction="none").sum(1)
    for weight in (1.0, 20.0):
        losses = kl_dirichlet(z, counts=COUNTS, reduction="batch", divergence_weight=weight)
        assert torch.allclose(losses, weight * divergences - densities, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite_differences(name):
    z = outputs("kl_dirichlet").requires_grad_()
    loss, log_p = get_loss(name), name == "vote_likelihood"

    def of(z):
        return loss(z.log_softmax(dim=1) if log_p else z, counts=COUNTS, reduction="batch")

    assert torch.autograd.gradcheck(of, z)


@pytest.mark.parametrize("scale", [1.0, 5.0])
@pytest.mark.parametrize("name", NAMES)
def test_float32_has_float64s_value_and_gradient_to_100_votes(name, scale):
    found = {}
    for dtype in (torch.float32, torch.float64):
        z = outputs(name, scale, torch.float32).to(dtype).requires_grad_()
        loss = get_loss(name)(z, counts=COUNTS)
        loss.backward()
        assert loss.dtype == z.grad.dtype == dtype
        found[dtype] = loss.detach().double(), z.grad.double()
    for single, double in zip(*found.values(), strict=True):
        assert torch.allclose(single, double, rtol=1e-5, atol=1e-5)


def test_a_sharp_dirichlet_is_a_multinomial_in_float32():
    z = outputs("dirichlet_multinomial", dtype=torch.float32) + 20  # a precision of 10⁹ and more
    sharp = dirichlet_multinomial(z, counts=COUNTS, reduction="batch")
    assert torch.allclose(
        sharp, vote_likelihood(z.log_softmax(1), counts=COUNTS, reduction="batch")
    )


@pytest.mark.parametrize("name", NAMES)
def test_autocast_loses_nothing_beyond_the_outputs_16_bits(name):
    z = outputs(name).to(torch.bfloat16)
    z = z.log_softmax(dim=1) if name == "vote_likelihood" else z
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = get_loss(name)(z, counts=COUNTS)
    assert loss.dtype == torch.float32
    if name == "vote_likelihood":  # 16 bits sum to 1 by rounding only: refused from float32
        exact = -(COUNTS * z.double()).sum(dim=1).mean()
    else:
        exact = get_loss(name)(z.double(), counts=COUNTS)
    assert float(loss) == pytest.approx(float(exact), rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_reductions_and_a_dimension_for_time(name):
    z, loss = outputs(name), get_loss(name)
    each = loss(z, counts=COUNTS, reduction="batch")
    assert torch.equal(loss(z, counts=COUNTS), each.mean())
    assert torch.equal(loss(z[:, None], None, counts=COUNTS[:, None], reduction="sum"), each.sum())


@pytest.mark.parametrize("name", NAMES)
def test_a_class_of_twice_the_weight_counts_twice(name):
    one = torch.tensor([[0, 3, 0, 0]])
    z, loss, weight = outputs(name)[:1], get_loss(name), torch.tensor([1.0, 2.0, 1.0, 1.0])
    assert torch.allclose(loss(z, counts=one, weight=weight), 2 * loss(z, counts=one))


def test_cross_entropy_is_the_vote_likelihood_of_one_annotator():
    log_p, one = outputs("vote_likelihood"), torch.eye(K)
    assert torch.equal(
        vote_likelihood(log_p, counts=one),
        soft_cross_entropy(log_p, one.double(), counts=one),
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_votes_is_refused(name):
    z, loss = outputs(name), get_loss(name)
    with pytest.raises(ValueError, match="the loss is of counts: give counts"):
        loss(z, torch.full((4, K), 0.25))
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        counts = torch.ones(4, K)
        counts[2] = wrong
        with pytest.raises(ValueError, match=r"counts must be votes .* utterance 2 of the batch"):
            loss(z, counts=counts)
    with pytest.raises(ValueError, match="same utterances and classes"):
        loss(z, counts=COUNTS[:, :3])


def test_concentrations_are_no_probabilities():
    with pytest.raises(ValueError, match="as log_softmax gives them"):
        vote_likelihood(outputs("kl_dirichlet"), counts=COUNTS)


def test_a_loss_of_another_output_is_refused_with_a_remedy():
    own = get_encoder("soft", ["happy", "sad"]).loss
    assert choose_loss(None, own, "softmax") is soft_cross_entropy
    assert choose_loss("kl_dirichlet", own, "dirichlet") is kl_dirichlet
    with pytest.raises(InputError, match="'kl_dirichlet' needs output: dirichlet; got softmax"):
        choose_loss("kl_dirichlet", own, "softmax")
    for name in (None, "soft_cross_entropy", "vote_likelihood"):
        with pytest.raises(InputError, match="loss: dirichlet_multinomial or kl_dirichlet"):
            choose_loss(name, own, "dirichlet")
