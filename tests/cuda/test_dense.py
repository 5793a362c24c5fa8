"""Linear layers, activations and softmax on the device against the CPU."""

import numpy as np
import pytest
from device import agrees, get

from fastnn import ops

NAMES = ["relu", "relu6", "leaky_relu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "silu", "elu", "selu", "mish",
         "softplus", "gelu"]  # fmt: skip
named = pytest.mark.parametrize


def drawn(*shapes):
    rng = np.random.default_rng(12)
    return [rng.standard_normal(shape) for shape in shapes]


@named("rows, n, k", [((3,), 5, 7), ((2, 3), 1, 40), ((1,), 6, 1)])
def test_linear_and_its_gradients(rows, n, k):
    x, w, b, gy = drawn((*rows, k), (n, k), (n,), (*rows, n))
    agrees("linear", x, w, b, activation="relu", family="linear", length=k)
    agrees("linear_grad_input", gy, w, family="linear", length=n)
    agrees("linear_grad_weight", gy, x, family="linear", length=6)
    agrees("linear_grad_bias", gy, family="sum", length=6)


@named("name", NAMES)
def test_activation_and_its_gradient(name):
    x = np.linspace(-6, 6, 23).astype(np.float32)
    y = agrees(name, x, family="activation", length=4)
    gy = np.linspace(1, 2, x.size).astype(np.float32)
    saved = get(y) if name in ("relu", "sigmoid", "tanh") else x
    agrees(f"{name}_grad_input", gy, saved, family="activation", length=16)


@named("name, args", [("gelu", ("tanh",)), ("softplus", (2.0, 3.0)), ("elu", (0.5,)), ("leaky_relu", (0.3,))])
def test_parameters_of_activations(name, args):
    x = np.linspace(-4, 4, 17).astype(np.float32)
    agrees(name, x, *args, family="activation", length=4)
    agrees(f"{name}_grad_input", x + 1, x, *args, family="activation", length=16)


@named("name", NAMES)
def test_extremes(name):
    x = np.array([-np.inf, -1e4, -100, 100, 1e4, np.nan], np.float32)
    with np.errstate(all="ignore"):
        agrees(name, x[1:], family="activation", length=4)


@named("name", ["softmax", "log_softmax"])
@named("shape", [(3, 5), (1, 1), (0, 4), (2, 2, 9)])
def test_softmax_and_its_gradient(name, shape):
    x, gy = drawn(shape, shape)
    y = agrees(name, x, family="softmax", length=shape[-1])
    agrees(name, 50 * x, family="softmax", length=shape[-1])
    agrees(f"{name}_grad_input", gy, get(y), family="softmax", length=4 * shape[-1])


def test_softmax_of_another_dimension_is_refused():
    from device import put

    with pytest.raises(NotImplementedError, match="softmax: dim=0"):
        ops.softmax(put(np.zeros((2, 3), np.float32)), 0)
