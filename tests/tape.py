"""Gradients of functions of tensors against finite differences."""

import numpy as np
import tolerance

from fastnn.autograd import Tensor, gradcheck


def check_gradients(function, **arrays):
    """Check `function(tensor, ...)`, in the order of `arrays`: float64 arrays, all of which get gradients."""
    tensors = [Tensor(np.array(value), requires_grad=True) for value in arrays.values()]
    y = function(*tensors)
    y.backward(np.ones(y.shape))
    for tensor in tensors:
        assert type(tensor.grad.data) is type(tensor.data) and tensor.grad.dtype == tensor.dtype
    size = 1 + tolerance.rms(y.numpy()) * np.sqrt(y.size)
    allowed = tolerance.gradcheck_allowed()
    gradcheck(function, tensors, eps=tolerance.STEP, atol=allowed * size, rtol=allowed, fast_mode=True)


def normal(*shape, seed=0):
    """Reproducible float64 values of the given shape."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def spread(*shape, seed=0):
    """A shuffled linspace: no ties, no value near 0, so finite differences never cross a kink."""
    size = int(np.prod(shape))
    values = np.linspace(-1, 1, size + size % 2)[:size]
    return np.random.default_rng([seed, *shape]).permutation(values).reshape(shape)
