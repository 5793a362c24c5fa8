"""im2col and col2im on the tape."""

import cases
import numpy as np
import pytest
from tape import check_gradients, normal

import fastnn
from fastnn import ops
from fastnn.autograd import Tensor, col2im, im2col


@pytest.mark.parametrize("name", ["same", "strided", "dilated", "patches", "asymmetric"])
def test_gradients(name):
    case = cases.IM2COL[name]
    check_gradients(lambda x: im2col(x, **case.args) ** 2, x=normal(*case.x))
    cols = ops.im2col(normal(*case.x), **case.args)
    check_gradients(lambda c: col2im(c, case.x[2:], **case.args) ** 2, cols=normal(*cols.shape))


def test_a_blocked_image_gets_a_blocked_gradient():
    x = Tensor(fastnn.blocked(normal(2, 3, 5, 6)), requires_grad=True)
    im2col(x, 2).sum().backward()
    assert type(x.grad.data) is ops.Blocked
    plain = Tensor(x.data.numpy(), requires_grad=True)
    im2col(plain, 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), plain.grad.numpy())


def test_nothing_is_recorded_where_nothing_is_wanted():
    assert not im2col(Tensor(normal(1, 1, 3, 3)), 2).requires_grad
    assert not col2im(Tensor(normal(1, 4, 4)), 3, 2).requires_grad
