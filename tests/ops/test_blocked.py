"""Blocked: the handle on the 16-channel-blocked layout, and what converting to and from it must keep."""

import cases
import numpy as np
import pytest
import tolerance
from buffers import VARIANTS, assert_blocked
from contract import DTYPES, rejects

import fastnn
from fastnn import ops
from fastnn.ops import Blocked

SHAPES = [(1, 1, 1, 1), (2, 15, 3, 5), (2, 16, 3, 5), (3, 17, 5, 2), (1, 40, 1, 7), (1, 64, 9, 1)]
EMPTY = [(0, 3, 4, 5), (2, 0, 4, 5), (2, 3, 0, 5), (2, 3, 4, 0)]


def numbers(shape, dtype):
    return np.arange(1, np.prod(shape) + 1, dtype=dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES + EMPTY, ids=str)
def test_round_trip(shape, dtype):
    x = numbers(shape, dtype)
    blocked = fastnn.blocked(x)
    assert_blocked(blocked, shape, dtype)
    tolerance.assert_same(blocked.numpy(), x)
    tolerance.assert_same(np.asarray(blocked), x)
    assert blocked.numpy().flags.owndata or blocked.numpy().base is not blocked.data


def test_layout_is_the_documented_one():
    x = numbers((2, 19, 3, 5), np.float32)
    data = fastnn.blocked(x).data
    for n, c, h, w in [(0, 0, 0, 0), (1, 15, 2, 4), (0, 16, 1, 3), (1, 18, 0, 2)]:
        assert data[n, c // 16, h, w, c % 16] == x[n, c, h, w]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_any_layout_of_the_array(variant, dtype):
    x = numbers((2, 19, 3, 5), dtype)
    tolerance.assert_same(fastnn.blocked(VARIANTS[variant](x)).numpy(), x)


def test_nan_and_infinity_survive():
    x = np.array([np.nan, np.inf, -np.inf, 1e-40], np.float32).reshape(1, 4, 1, 1)
    tolerance.assert_same(fastnn.blocked(x).numpy(), x)


def test_blocked_of_blocked_is_itself_or_an_equal_one():
    x = numbers((2, 19, 3, 5), np.float32)
    again = fastnn.blocked(fastnn.blocked(x))
    assert_blocked(again, x.shape, np.float32)
    tolerance.assert_same(again.numpy(), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES + EMPTY, ids=str)
def test_empty_and_zeros(shape, dtype):
    zeros = Blocked.zeros(shape, dtype)
    assert_blocked(zeros, shape, dtype)
    assert not zeros.data.any()
    filled = Blocked.empty(shape, dtype)
    ops.relu(fastnn.blocked(numbers(shape, dtype)), out=filled)
    assert_blocked(filled, shape, dtype)


def test_array_protocol():
    x = numbers((2, 19, 3, 5), np.float32)
    blocked = fastnn.blocked(x)
    assert np.asarray(blocked, dtype=np.float64).dtype == np.float64
    tolerance.assert_same(np.array(blocked, copy=True), x)
    with pytest.raises(ValueError):
        np.array(blocked, copy=False)  # it cannot be had without a copy
    assert "(2, 19, 3, 5)" in repr(blocked) and "float32" in repr(blocked)


def test_dlpack_gives_the_plain_image():
    x = numbers((2, 19, 3, 5), np.float32)
    tolerance.assert_same(np.from_dlpack(fastnn.blocked(x)), x)


def test_dlpack_comes_in():
    class Foreign:
        """Speaks DLPack and nothing else."""

        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    x = numbers((2, 3, 4, 5), np.float32)
    tolerance.assert_same(ops.relu(Foreign(x)), x)
    tolerance.assert_same(fastnn.blocked(Foreign(x)).numpy(), x)


def test_anything_with_the_buffer_protocol_comes_in():
    import array

    flat = array.array("f", [-1.0, 2.0, -3.0])
    np.testing.assert_array_equal(ops.relu(flat), [0, 2, 0])
    np.testing.assert_array_equal(ops.relu(memoryview(flat)), [0, 2, 0])


def test_a_chain_never_leaves_the_layout():
    case = cases.CONV["lanes_plus_1"]
    rng = np.random.default_rng(0)
    x, weight = (rng.standard_normal(shape).astype(np.float32) for shape in (case.x, case.weight))
    y = ops.conv2d(fastnn.blocked(x), weight)
    y = ops.max_pool2d(ops.relu(y), 2)
    y = ops.avg_pool2d(y, 1)
    assert_blocked(y, y.shape, np.float32)
    plain = ops.avg_pool2d(ops.max_pool2d(ops.relu(ops.conv2d(x, weight)), 2), 1)
    tolerance.assert_close(y, plain.astype(np.float64), "conv", weight[0].size)


@pytest.mark.parametrize(
    "bad, words",
    [
        (np.ones((3, 4, 5), np.float32), [3]),
        (np.ones((2, 3, 4, 5), np.int32), ["int32"]),
        (np.ones((2, 3, 4, 5), np.float16), ["float16"]),
        (None, []),
        ("image", []),
    ],
)
def test_what_is_no_image_is_refused(bad, words):
    with rejects("blocked", *words):
        fastnn.blocked(bad)


@pytest.mark.parametrize(
    "shape",
    [(2, 3, 4), (2, 3, 4, -5), (2, 3, 4.0, 5), (2**31, 2**20, 2**31, 2**20), (1, 2**63, 1, 1), None],
    ids=str,
)
def test_impossible_shapes_are_refused(shape):
    for make in (Blocked.empty, Blocked.zeros):
        with pytest.raises((ValueError, TypeError)):
            make(shape, np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.int32, "object", None, "no such type"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises((ValueError, TypeError)):
        Blocked.empty((1, 2, 3, 4), dtype)


def test_ops_on_rows_take_blocked_or_say_no():
    """softmax and linear know nothing of blocks: they convert or refuse, but never read lanes as rows."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5)).astype(np.float32)
    for op, call in [
        ("softmax", lambda x: ops.softmax(x)),
        ("log_softmax", lambda x: ops.log_softmax(x)),
        ("linear", lambda x: ops.linear(x, np.ones((7, 5), np.float32))),
    ]:
        try:
            result = call(fastnn.blocked(x))
        except (ValueError, TypeError) as error:
            assert str(error).startswith(f"{op}: ")
        else:
            tolerance.assert_same(np.asarray(result), call(x))
