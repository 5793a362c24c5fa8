"""Activation layers: what each computes, its text, and working in place."""

import numpy as np
import pytest
from tape import spread

from fastnn import nn, ops
from fastnn.autograd import Tensor

LAYERS = {
    "ReLU": (nn.ReLU(), ops.relu, ()),
    "ReLU6": (nn.ReLU6(), ops.relu6, ()),
    "LeakyReLU(negative_slope=0.2)": (nn.LeakyReLU(0.2), ops.leaky_relu, (0.2,)),
    "ELU(alpha=0.5)": (nn.ELU(0.5), ops.elu, (0.5,)),
    "SELU": (nn.SELU(), ops.selu, ()),
    "GELU(approximate='none')": (nn.GELU(), ops.gelu, ()),
    "GELU(approximate='tanh')": (nn.GELU("tanh"), ops.gelu, ("tanh",)),
    "SiLU": (nn.SiLU(), ops.silu, ()),
    "Hardswish": (nn.Hardswish(), ops.hardswish, ()),
    "Hardsigmoid": (nn.Hardsigmoid(), ops.hardsigmoid, ()),
    "Mish": (nn.Mish(), ops.mish, ()),
    "Softplus(beta=2, threshold=3)": (nn.Softplus(2, 3), ops.softplus, (2, 3)),
    "Sigmoid": (nn.Sigmoid(), ops.sigmoid, ()),
    "Tanh": (nn.Tanh(), ops.tanh, ()),
    "Softmax(dim=1)": (nn.Softmax(dim=1), ops.softmax, (1,)),
    "LogSoftmax(dim=1)": (nn.LogSoftmax(dim=1), ops.log_softmax, (1,)),
}


@pytest.mark.parametrize("text", LAYERS)
def test_layers_compute_what_the_ops_compute(text):
    layer, op, options = LAYERS[text]
    x = 4 * spread(3, 5)
    np.testing.assert_array_equal(layer(x).numpy(), op(x, *options))
    assert repr(layer) == (text if "(" in text else f"{text}()")


@pytest.mark.parametrize("name", ["ReLU6", "LeakyReLU", "ELU", "SELU", "SiLU", "Hardswish", "Hardsigmoid", "Mish"])
def test_in_place(name):
    layer = getattr(nn, name)(inplace=True)
    x = Tensor(4 * spread(3, 5))
    expected = getattr(nn, name)()(x).numpy()
    assert layer(x) is x and "inplace=True" in repr(layer)
    np.testing.assert_array_equal(x.numpy(), expected)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_needs_a_dimension(name):
    with pytest.raises(NotImplementedError, match=f"{name}: dim=None"):
        getattr(nn, name)()
