"""Arithmetic of tensors: gradients, broadcasting, dtypes, and which results stay Blocked."""

import numpy as np
import pytest
from tape import check_gradients, normal

from fastnn import ops
from fastnn.autograd import Tensor

BROADCASTS = {
    "same": ((3, 4), (3, 4)),
    "row": ((3, 4), (4,)),
    "column": ((3, 4), (3, 1)),
    "both": ((3, 1, 2), (1, 4, 1)),
    "number": ((3, 4), ()),
    "extra_front": ((2,), (5, 3, 2)),
    "empty": ((0, 4), (4,)),
}


@pytest.mark.parametrize("shapes", BROADCASTS.values(), ids=BROADCASTS)
@pytest.mark.parametrize("how", ["add", "sub", "mul", "div"])
def test_gradients(how, shapes):
    functions = {
        "add": lambda a, b: a + b,
        "sub": lambda a, b: a - b,
        "mul": lambda a, b: a * b,
        "div": lambda a, b: a / b,
    }
    check_gradients(functions[how], a=normal(*shapes[0]), b=normal(*shapes[1], seed=1) ** 2 + 0.5)


def test_gradient_of_powers():
    base = normal(3, 4) ** 2 + 0.5
    check_gradients(lambda a: a**3, a=normal(3, 4))
    check_gradients(lambda a, b: a**b, a=base, b=normal(4))
    check_gradients(lambda b: 2.0**b, b=normal(4))


def test_gradient_of_a_power_at_zero():
    x = Tensor([0.0, 0.0], requires_grad=True)
    exponent = Tensor([0.0, 2.0], requires_grad=True)
    (x**exponent).sum().backward()
    assert x.grad.numpy().tolist() == [0, 0] and exponent.grad.numpy().tolist() == [0, 0]


def test_gradient_of_negation():
    check_gradients(lambda a: -a, a=normal(3, 4))


def test_one_tensor_on_both_sides():
    check_gradients(lambda a: a * a + a / (a * a + 1) - a, a=normal(5))


def test_numbers_and_arrays_on_either_side():
    x = Tensor([1.0, 2.0])
    expected = {"f4": [(x + 1), (1 + x), (x - 1), (3 - x), (x * 2), (2 * x), (x / 2), (2 / x), (x**2), (2**x)]}
    values = [[2, 3], [2, 3], [0, 1], [2, 1], [2, 4], [2, 4], [0.5, 1], [2, 1], [1, 4], [2, 4]]
    for result, value in zip(expected["f4"], values, strict=True):
        assert result.numpy().tolist() == value and result.dtype == np.float32
    left = np.array([1, 2], np.float32) * x
    assert isinstance(left, Tensor) and left.numpy().tolist() == [1, 4]
    assert isinstance(np.float32(2) * x, Tensor) and (x + np.float64(1)).dtype == np.float32


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_numbers_take_the_tensors_dtype_even_without_dimensions(dtype):
    x = Tensor(np.array(3.0, dtype), requires_grad=True)
    y = x * 0.1 + 1
    assert y.dtype == dtype and isinstance(y.data, np.ndarray)
    y.backward()
    assert x.grad.dtype == dtype and x.grad.item() == np.array(0.1, dtype)


def test_integers_and_truth_values_take_the_floats_dtype():
    x = Tensor(np.array([1.5, 2.5], np.float32), requires_grad=True)
    mask = np.array([True, False])
    (x * mask + np.array([1, 2])).sum().backward()
    assert x.grad.numpy().tolist() == [1, 0]
    assert (Tensor(np.array([1, 2])) * 0.5).dtype == np.float32
    assert (Tensor(np.array([1, 2])) + 1).numpy().tolist() == [2, 3]


@pytest.mark.parametrize("how", ["__add__", "__mul__", "__truediv__", "__pow__", "__matmul__"])
def test_mixed_floats_are_refused(how):
    with pytest.raises(TypeError, match=r"float32 and float64"):
        getattr(Tensor(np.ones((2, 2), np.float32)), how)(np.ones((2, 2)))


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"add: shapes \(2, 3\) and \(4,\) do not broadcast"):
        Tensor(normal(2, 3)) + normal(4)


def test_comparisons_give_truth_values():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert (x > 1.5).numpy().tolist() == [False, True, True]
    assert (x == np.array([1, 0, 3], np.float32)).numpy().tolist() == [True, False, True]
    assert (x != 1).numpy().tolist() == [False, True, True]
    assert not (x <= 2).requires_grad and x is not None and (x == None) is False  # noqa: E711


# ---- Blocked images ------------------------------------------------------------------------------------
def image(seed=0, shape=(2, 5, 3, 4)):
    return Tensor(ops.blocked(normal(*shape, seed=seed)), requires_grad=True)


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: -a,
        lambda a, b: a * 3.0,
        lambda a, b: 3 * a,
        lambda a, b: a / 4.0,
        lambda a, b: a * Tensor(np.array(2.0), requires_grad=True),
    ],
    ids=["add", "sub", "mul", "neg", "scale", "scale_left", "divide", "scale_by_tensor"],
)
def test_sums_and_products_keep_images_blocked(function):
    a, b = image(0), image(1)
    y = function(a, b)
    assert type(y.data) is ops.Blocked and not y.data.data[..., 5:].any()
    np.testing.assert_array_equal(y.numpy(), function(Tensor(a.numpy()), Tensor(b.numpy())).numpy())
    y.backward(y.detach())
    assert type(a.grad.data) is ops.Blocked and not a.grad.data.data[..., 5:].any()


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a + 1.0,
        lambda a, b: a / b,
        lambda a, b: a**2,
        lambda a, b: a * float("inf"),
        lambda a, b: a / 0.0,
        lambda a, b: a * np.ones((5, 1, 1)),
    ],
    ids=["shift", "quotient", "power", "times_infinity", "by_zero", "per_channel"],
)
@pytest.mark.filterwarnings("ignore:.*encountered")
def test_what_would_spoil_the_pad_lanes_becomes_plain(function):
    a, b = image(0), image(1)
    y = function(a, b)
    assert type(y.data) is np.ndarray
    np.testing.assert_array_equal(y.numpy(), function(Tensor(a.numpy()), Tensor(b.numpy())).numpy())
    y.backward(np.ones(y.shape))
    assert type(a.grad.data) is ops.Blocked and not a.grad.data.data[..., 5:].any()


def test_a_plain_and_a_blocked_image_of_one_shape_give_a_blocked_one():
    a, b = image(0), Tensor(normal(2, 5, 3, 4), requires_grad=True)
    y = a + b
    assert type(y.data) is ops.Blocked
    y.backward(y.detach())
    assert type(a.grad.data) is ops.Blocked and type(b.grad.data) is np.ndarray
    np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())
