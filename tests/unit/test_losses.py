"""The loss against PyTorch's, its shapes, and its edge."""

import itertools

import pytest
import torch

from softlabels.losses import get_loss, soft_cross_entropy

B, K = 6, 4


@pytest.fixture
def batch():
    torch.manual_seed(0)
    logits = torch.randn(B, K, dtype=torch.float64)
    targets = torch.rand(B, K, dtype=torch.float64)
    return logits, targets / targets.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"), [("mean", "mean"), ("batchmean", "mean"), ("sum", "sum"), ("batch", "none")]
)
def test_it_equals_pytorchs_cross_entropy_with_probability_targets(batch, weighted, ours, theirs):
    logits, targets = batch
    weight = torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64) if weighted else None
    logits.requires_grad_()
    loss = soft_cross_entropy(logits.log_softmax(dim=1), targets, weight=weight, reduction=ours)
    (gradient,) = torch.autograd.grad(loss.sum(), logits)
    wanted = torch.nn.functional.cross_entropy(logits, targets, weight=weight, reduction=theirs)
    (wanted_gradient,) = torch.autograd.grad(wanted.sum(), logits)
    assert torch.allclose(loss, wanted, atol=1e-12)
    assert torch.allclose(gradient, wanted_gradient, atol=1e-12)


def test_a_dimension_for_time_in_either_argument_changes_nothing(batch):
    logits, targets = batch
    log_p = logits.log_softmax(dim=1)
    wanted = soft_cross_entropy(log_p, targets, reduction="batch")
    for p, q in itertools.product((log_p, log_p[:, None]), (targets, targets[:, None])):
        found = soft_cross_entropy(p, q, reduction="batch")
        assert found.shape == (B,)
        assert torch.equal(found, wanted)


@pytest.mark.parametrize(
    ("predicted", "target"),
    [((B, K), (B, K + 1)), ((B, K), (1, K)), ((B, 2, K), (B, K)), ((K,), (B, K)), ((B, K), (B,))],
)
def test_other_shapes_raise(predicted, target):
    with pytest.raises(ValueError, match="must be"):
        soft_cross_entropy(torch.zeros(predicted), torch.zeros(target))


def test_length_changes_nothing(batch):
    logits, targets = batch
    lengths = torch.linspace(0.1, 1, B)
    log_p = logits.log_softmax(dim=1)
    assert soft_cross_entropy(log_p, targets, lengths) == soft_cross_entropy(log_p, targets)


def test_an_impossible_class_that_is_not_wanted_costs_nothing():
    log_p = torch.tensor([[0.0, -torch.inf]], requires_grad=True)
    loss = soft_cross_entropy(log_p, torch.tensor([[1.0, 0.0]]))
    loss.backward()
    assert loss.item() == 0
    assert log_p.grad.tolist() == [[-1.0, 0.0]]


def test_bad_settings_are_named():
    p = torch.zeros(B, K)
    with pytest.raises(ValueError, match=r"reduction must be one of .* got 'none'"):
        soft_cross_entropy(p, p, reduction="none")
    with pytest.raises(ValueError, match=r"weight must be \[4\]"):
        soft_cross_entropy(p, p, weight=torch.ones(3))
    with pytest.raises(ValueError, match="unknown loss 'mse'"):
        get_loss("mse")


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
TARGETS = torch.tensor([[1.0, 0.0, 0.0], [0.5, 0.25, 0.25]])


@pytest.mark.parametrize("wrong", [LOGITS, LOGITS.softmax(dim=1), LOGITS.log_softmax(dim=1) / 2])
def test_what_is_no_log_probability_is_refused(wrong):
    with pytest.raises(ValueError, match=r"log_softmax.*utterance 0 of the batch sum to"):
        soft_cross_entropy(wrong, TARGETS)


def test_a_batch_of_nothing_and_a_target_of_none_are_refused():
    with pytest.raises(ValueError, match="the batch is empty"):
        soft_cross_entropy(torch.zeros(0, 3), torch.zeros(0, 3))
    none = torch.tensor([[1.0, 0.0, 0.0], [float("nan")] * 3])
    with pytest.raises(ValueError, match="target of utterance 1 of the batch is NaN"):
        soft_cross_entropy(LOGITS.log_softmax(dim=1), none)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("classes", [2, 10, 200])
def test_outputs_of_16_bits_are_log_probabilities_too_and_lose_nothing_more(dtype, classes):
    torch.manual_seed(0)
    outputs = (10 * torch.randn(500, classes)).to(dtype).log_softmax(dim=1)
    targets = torch.randn(500, classes).softmax(dim=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = soft_cross_entropy(outputs, targets)
    assert loss.dtype == torch.float32
    exact = -(targets.double() * outputs.double()).sum(dim=1).mean()
    assert float(loss) == pytest.approx(float(exact), rel=1e-6)


def test_outputs_that_diverged_give_a_loss_that_says_so():
    outputs = torch.full((2, 3), float("nan"))
    assert soft_cross_entropy(outputs, TARGETS).isnan()
