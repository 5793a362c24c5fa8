"""Norms, dropout and the losses of elements on the tape."""

import numpy as np
import pytest
from tape import check_gradients, normal

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor

RUNNING = np.linspace(-1, 1, 5), np.linspace(1, 2, 5)
NORMS = {
    "batch_norm in training": lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
    "batch_norm": lambda x, w, b: F.batch_norm(x, *RUNNING, w, b),
    "instance_norm": lambda x, w, b: F.instance_norm(x, None, None, w, b),
    "group_norm": lambda x, w, b: F.group_norm(x, 5, w, b),
}


@pytest.mark.parametrize("name", NORMS)
def test_gradients_of_norms(name):
    check_gradients(NORMS[name], x=normal(3, 5, 4, 2), weight=normal(5), bias=normal(5, seed=1))


def test_gradients_of_layer_norm_and_of_norms_without_weights():
    check_gradients(lambda x, w, b: F.layer_norm(x, (4, 2), w, b), x=normal(3, 5, 4, 2), w=normal(4, 2), b=normal(4, 2))
    check_gradients(lambda x: F.layer_norm(x, 6), x=normal(3, 6))
    check_gradients(lambda x: F.batch_norm(x, None, None, training=True), x=normal(6, 3))
    check_gradients(lambda x, w: F.layer_norm(x, 6, w), x=normal(3, 6), w=normal(6))
    check_gradients(lambda x: F.local_response_norm(x, 3, 0.5), x=normal(2, 5, 3))


@pytest.mark.parametrize("name", NORMS)
def test_norms_keep_the_kind(name):
    plain, results = normal(2, 5, 4, 3), []
    for data in (plain, ops.blocked(plain)):
        x, w, b = Tensor(data, requires_grad=True), Tensor(normal(5), requires_grad=True), Tensor(normal(5))
        y = NORMS[name](x, w, b)
        y.backward(normal(*y.shape, seed=2))
        assert type(y.data) is type(x.grad.data) is type(data)
        results.append((y.numpy(), x.grad.numpy(), w.grad.numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_training_updates_running_statistics_and_says_so():
    mean, var = Tensor(np.zeros(3)), Tensor(np.ones(3))
    before = mean._version[0]
    F.batch_norm(normal(8, 3), mean, var, training=True, momentum=1.0)
    assert mean._version[0] > before
    np.testing.assert_allclose(mean.numpy(), normal(8, 3).mean(0))
    np.testing.assert_allclose(var.numpy(), normal(8, 3).var(0, ddof=1))


def test_dropout_drops_the_same_in_both_directions():
    x = Tensor(np.ones((40, 50)), requires_grad=True)
    y = F.dropout(x, 0.4, seed=np.random.default_rng(1))
    y.backward(np.ones(y.shape))
    np.testing.assert_array_equal(x.grad.numpy(), y.numpy())
    assert 0.3 < (y.numpy() == 0).mean() < 0.5
    assert F.dropout(x, 0.4, training=False) is x
    assert (F.dropout(x, 0.4).numpy() != F.dropout(x, 0.4).numpy()).any()
    with pytest.raises(ValueError, match="dropout: p"):
        F.dropout(x, 1.5, training=False)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradients_of_losses(reduction):
    x, target = normal(4, 3), normal(4, 3, seed=1)
    check_gradients(lambda x, t: F.mse_loss(x, t, reduction), x=x, target=target)
    check_gradients(lambda x, t: F.smooth_l1_loss(x, t, reduction, 0.7), x=x, target=target)
    weights = normal(3) ** 2, reduction, normal(3, seed=2) ** 2
    check_gradients(lambda x: F.binary_cross_entropy_with_logits(x, target**2, *weights), x=x)
    check_gradients(lambda x: F.nll_loss(x, [0, 2, 1, -100], reduction=reduction), x=x)


def test_logistic_loss_refuses_a_target_that_wants_a_gradient():
    target = Tensor(normal(3), requires_grad=True)
    with pytest.raises(NotImplementedError, match="binary_cross_entropy_with_logits: .*target"):
        F.binary_cross_entropy_with_logits(normal(3), target)
