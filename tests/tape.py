"""Gradients of functions of tensors against finite differences."""

import numpy as np
from gradcheck import assert_gradients

from fastnn.autograd import Tensor, no_grad


def check_gradients(function, **arrays):
    """Check `function(tensor, ...)`, in the order of `arrays`: float64 arrays, all of which get gradients."""

    def forward(values):
        with no_grad():
            return function(*[Tensor(value) for value in values.values()]).numpy()

    def backward(values, gy, y):
        tensors = {name: Tensor(value, requires_grad=True) for name, value in values.items()}
        result = function(*tensors.values())
        np.testing.assert_array_equal(result.numpy(), y)
        result.backward(gy)
        for tensor in tensors.values():
            assert type(tensor.grad.data) is type(tensor.data) and tensor.grad.dtype == tensor.dtype
        return {name: tensor.grad.numpy() for name, tensor in tensors.items()}

    assert_gradients(forward, arrays, backward)


def normal(*shape, seed=0):
    """Reproducible float64 values of the given shape."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def spread(*shape, seed=0):
    """A shuffled linspace: no ties, no value near 0, so finite differences never cross a kink."""
    size = int(np.prod(shape))
    values = np.linspace(-1, 1, size + size % 2)[:size]
    return np.random.default_rng([seed, *shape]).permutation(values).reshape(shape)
