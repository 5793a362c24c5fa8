"""Sums, means and extremes."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor

DIMS = [None, 0, -1, (0, 2), (1,)]


@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("dim", DIMS)
@pytest.mark.parametrize("name", ["sum", "mean", "amax", "amin"])
def test_gradients_and_values(name, dim, keepdim):
    x = spread(3, 4, 2)
    check_gradients(lambda t: getattr(F, name)(t, dim, keepdim), x=x)
    expected = getattr(np, name)(x, axis=dim, keepdims=keepdim)
    np.testing.assert_allclose(getattr(Tensor(x), name)(dim, keepdim).numpy(), expected)


def test_equal_extremes_share_the_gradient():
    x = Tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], requires_grad=True)
    x.amax(1).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[0, 0.5, 0.5], [1 / 3] * 3], rtol=1e-6)


def test_extremes_without_dimensions():
    x = Tensor(spread(3, 4))
    assert x.max().item() == 1 and x.min().item() == -1
    assert x.argmax().item() == int(x.numpy().argmax()) and x.argmax(1).shape == (3,)


def test_dtypes_are_kept():
    x = Tensor(np.ones((2, 3), np.float32))
    assert x.sum().dtype == x.mean(0).dtype == np.float32
    assert Tensor(np.array([1, 2])).sum().item() == 3


def test_blocked_sums_count_no_pad_lanes():
    plain = normal(2, 5, 3, 4)
    x = Tensor(ops.blocked(plain), requires_grad=True)
    np.testing.assert_allclose(x.sum().item(), plain.sum())
    np.testing.assert_allclose(x.mean().item(), plain.mean())
    np.testing.assert_allclose(x.mean((2, 3)).numpy(), plain.mean((2, 3)))
    x.mean().backward()
    assert type(x.grad.data) is ops.Blocked and not x.grad.data.data[..., 5:].any()
    np.testing.assert_allclose(x.grad.numpy(), np.full(plain.shape, 1 / plain.size))


@pytest.mark.parametrize(
    "function, error, message",
    [
        (lambda x: x.sum(2), ValueError, "sum: dimension 2 of a tensor with 2"),
        (lambda x: x.mean((0, -3)), ValueError, "mean: dimension -3"),
        (lambda x: x[:0].amax(), ValueError, "amax: nothing to choose from"),
        (lambda x: x[:0].argmax(), ValueError, "argmax: nothing to choose from"),
        (lambda x: Tensor(np.array([1])).mean(), TypeError, "mean: needs floats"),
    ],
)
def test_what_cannot_be_reduced_is_named(function, error, message):
    with pytest.raises(error, match=message):
        function(Tensor(normal(3, 4)))


def test_the_mean_of_nothing_is_nan():
    assert np.isnan(Tensor(normal(0, 4)).mean().item())
