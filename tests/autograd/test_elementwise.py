"""Functions of one tensor, element by element."""

import numpy as np
import pytest
from tape import check_gradients, normal, spread

import fastnn.autograd as F
from fastnn import ops
from fastnn.autograd import Tensor


@pytest.mark.parametrize("name", ["exp", "tanh", "sigmoid"])
def test_gradients_everywhere(name):
    check_gradients(getattr(F, name), x=normal(3, 4))


@pytest.mark.parametrize("name", ["log", "sqrt"])
def test_gradients_of_positive_numbers(name):
    check_gradients(getattr(F, name), x=normal(3, 4) ** 2 + 0.5)


def test_gradients_with_kinks():
    check_gradients(F.abs, x=spread(3, 4))
    check_gradients(lambda x: F.clip(x, -0.37, 0.61), x=spread(4, 8))
    check_gradients(lambda x: F.clip(x, low=0.1), x=spread(3, 4))
    check_gradients(lambda x: F.clip(x, high=0.1), x=spread(3, 4))


def test_values_and_methods():
    x = np.array([0.5, 1.0, 2.0])
    for name in ("exp", "log", "sqrt", "abs", "tanh"):
        np.testing.assert_array_equal(getattr(Tensor(x), name)().numpy(), getattr(np, name)(x))
    np.testing.assert_allclose(Tensor(x).sigmoid().numpy(), 1 / (1 + np.exp(-x)))


def test_sigmoid_of_large_numbers_does_not_overflow():
    with np.errstate(all="raise"):
        assert F.sigmoid(Tensor([-1e4, 1e4])).numpy().tolist() == [0, 1]


def test_absolute_value_at_zero_has_no_slope():
    x = Tensor([0.0], requires_grad=True)
    F.abs(x).backward()
    assert x.grad.item() == 0


def test_clip_without_limits_is_refused():
    with pytest.raises(ValueError, match="clip: give low, high or both"):
        F.clip(Tensor([1.0]))


def test_blocked_images_become_plain_and_their_gradients_do_not():
    x = Tensor(ops.blocked(normal(1, 3, 2, 2)), requires_grad=True)
    y = F.exp(x)
    assert type(y.data) is np.ndarray
    y.sum().backward()
    assert type(x.grad.data) is ops.Blocked and not x.grad.data.data[..., 3:].any()
    np.testing.assert_array_equal(x.grad.numpy(), np.exp(x.numpy()))
