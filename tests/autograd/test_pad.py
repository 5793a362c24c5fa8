"""Padding on the tape."""

import cases
import numpy as np
import pytest
from tape import check_gradients, normal

import fastnn
from fastnn import ops
from fastnn.autograd import Tensor, pad

NAMES = ["two_dims_constant", "two_dims_reflect", "three_dims_circular", "cropped", "far_apart"]


@pytest.mark.parametrize("name", NAMES)
def test_gradients(name):
    case = cases.PAD[name]
    check_gradients(lambda x: pad(x, case.pad, case.mode, case.value) ** 2, x=normal(*case.x))


def test_blocked_stays_blocked():
    x = Tensor(fastnn.blocked(normal(2, 17, 5, 6)), requires_grad=True)
    y = pad(x, (1, 2, 0, 1), "replicate")
    assert type(y.data) is ops.Blocked
    (y * y).sum().backward()
    assert type(x.grad.data) is ops.Blocked
    plain = Tensor(x.data.numpy(), requires_grad=True)
    z = pad(plain, (1, 2, 0, 1), "replicate")
    (z * z).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), plain.grad.numpy())


def test_nothing_is_recorded_where_nothing_is_wanted():
    assert not pad(Tensor(normal(3)), (1, 1)).requires_grad
