"""Activations on the tape."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor


def test_gradient_of_relu():
    check_gradients(F.relu, x=spread(3, 4))


@pytest.mark.parametrize("dim", [-1, 0, 1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_gradients_of_softmax(name, dim):
    check_gradients(lambda x: getattr(F, name)(x, dim), x=normal(3, 4, 2))


def test_relu_keeps_the_kind():
    plain = spread(2, 3, 4, 4)
    for data in (plain, ops.blocked(plain)):
        x = Tensor(data, requires_grad=True)
        y = x.relu()
        y.backward(np.ones(y.shape))
        assert type(y.data) is type(x.grad.data) is type(x.data)
        np.testing.assert_array_equal(x.grad.numpy(), plain > 0)


def test_relu_at_zero_has_no_slope():
    x = Tensor([0.0, -0.0], requires_grad=True)
    x.relu().sum().backward()
    assert x.grad.numpy().tolist() == [0, 0]


def test_softmax_of_a_blocked_image_runs_over_channels():
    x = Tensor(ops.blocked(normal(2, 5, 3, 3)), requires_grad=True)
    y = F.softmax(x, 1)
    np.testing.assert_allclose(y.numpy().sum(1), 1)
    y[:, 0].sum().backward()
    assert type(x.grad.data) is ops.Blocked


SMOOTH = {
    "sigmoid": (), "tanh": (), "silu": (), "mish": (), "softplus": (2.0, 1.5), "elu": (0.7,), "selu": (), "gelu": (),
    "gelu_tanh": ("tanh",), "relu6": (), "leaky_relu": (0.3,), "hardsigmoid": (), "hardswish": (),
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_of_activations(name):
    function = getattr(F, "gelu" if name == "gelu_tanh" else name)
    check_gradients(lambda x: function(x, *SMOOTH[name]), x=2 * spread(3, 5))


@pytest.mark.parametrize("name", SMOOTH)
def test_activations_keep_the_kind(name):
    function, plain = getattr(F, "gelu" if name == "gelu_tanh" else name), spread(2, 3, 4, 4)
    results = []
    for data in (plain, ops.blocked(plain)):
        x = Tensor(data, requires_grad=True)
        y = function(x, *SMOOTH[name])
        y.backward(np.ones(y.shape))
        assert type(y.data) is type(x.grad.data) is type(x.data)
        results.append((y.numpy(), x.grad.numpy()))
    np.testing.assert_array_equal(*[y for y, _ in results])
    np.testing.assert_array_equal(*[g for _, g in results])
