"""Max unpooling of 1 to 3 axes: values at their positions, round trips, indices out of range."""

import contract
import naive_pool
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops

SIZES = {1: (9,), 2: (8, 10), 3: (4, 6, 8)}


def call(rank, suffix=""):
    return getattr(ops, f"max_unpool{rank}d{suffix}")


def pooled(rank, dtype=np.float32, seed=1):
    x = np.random.default_rng(seed).standard_normal((2, 17, *SIZES[rank])).astype(dtype)
    return x, *getattr(ops, f"max_pool{rank}d")(x, 2, return_indices=True)


@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_values_return_to_their_positions(rank, dtype):
    x, y, indices = pooled(rank, dtype)
    found = call(rank)(y, indices, 2, output_size=x.shape)
    assert found.dtype == dtype
    tolerance.assert_same(found, naive_pool.max_unpool(y, indices, SIZES[rank]).astype(dtype))
    assert ((found == x) | (found == 0)).all()
    gy = np.random.default_rng(3).standard_normal(x.shape).astype(dtype)
    gx = call(rank, "_grad_input")(gy, indices)
    tolerance.assert_same(gx, naive_pool.max_unpool_grad_input(gy, indices).astype(dtype))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_memory_layouts_and_out(rank):
    x, y, indices = pooled(rank)
    expected = call(rank)(y, indices, 2, output_size=SIZES[rank])
    wide = np.repeat(y, 2, axis=-1)[..., ::2]
    wide.flags.writeable = False
    for positions in (np.asfortranarray(indices), indices.astype(np.int32), indices.tolist()):
        tolerance.assert_same(call(rank)(wide, positions, 2, output_size=SIZES[rank]), expected)
    for out in (np.full_like(x, 7), np.full((*x.shape, 2), 7, np.float32)[..., 0]):
        assert call(rank)(y, indices, 2, output_size=SIZES[rank], out=out) is out
        tolerance.assert_same(out, expected)
    empty = call(rank)(y[:0], indices[:0], 2)
    assert empty.shape[0] == 0
    with fastnn.num_threads(3):
        tolerance.assert_same(call(rank)(y, indices, 2, output_size=SIZES[rank]), expected)


def test_blocked_images():
    x, y, indices = pooled(2)
    found = ops.max_unpool2d(ops.blocked(y), indices, 2)
    assert isinstance(found, ops.Blocked)
    tolerance.assert_same(found.numpy(), ops.max_unpool2d(y, indices, 2))
    gx = ops.max_unpool2d_grad_input(ops.blocked(x), indices)
    tolerance.assert_same(gx.numpy(), ops.max_unpool2d_grad_input(x, indices))


def test_of_equal_indices_the_last_counts():
    y = ops.max_unpool1d(np.array([[[1.0, 2.0]]]), np.array([[[3, 3]]]), 2)
    np.testing.assert_array_equal(y, [[[0, 0, 0, 2]]])


def test_indices_may_be_read_only_or_of_another_integer_type():
    _, y, indices = pooled(2)
    expected = ops.max_unpool2d(y, indices, 2)
    fixed = indices.copy()
    fixed.flags.writeable = False
    for given in (fixed, indices.astype(">i4"), indices[::-1].copy()[::-1]):
        tolerance.assert_same(ops.max_unpool2d(y, given, 2), expected)
        gx = ops.max_unpool2d_grad_input(expected, given)
        tolerance.assert_same(gx, ops.max_unpool2d_grad_input(expected, indices))


@pytest.mark.parametrize("bad", [-1, 80, 2**40])
@pytest.mark.parametrize("out", [False, True])
def test_an_index_out_of_range_is_an_error_and_nothing_is_written(bad, out):
    x, y, indices = pooled(2)
    indices[1, 3, 2, 1] = bad
    result = np.full_like(x, 7)
    with rejects("max_unpool2d", "indices[1, 3, 2, 1]", bad, 80):
        ops.max_unpool2d(y, indices, 2, out=result)
    assert (result == 7).all()
    with rejects("max_unpool2d_grad_input", "indices[1, 3, 2, 1]", bad):
        ops.max_unpool2d_grad_input(x, indices)


X, AT = np.ones((1, 2, 3, 4), np.float32), np.zeros((1, 2, 3, 4), np.int64)
BAD = [
    ({"indices": AT[:, :1]}, ["indices", (1, 1, 3, 4), (1, 2, 3, 4)]),
    ({"indices": AT.astype(np.float32)}, ["indices", "float32"]),
    ({"x": X[0]}, ["x", (2, 3, 4)]),
    ({"x": X.astype(np.int32)}, ["x", "int32"]),
    ({"kernel_size": 0}, ["kernel_size", 0]),
    ({"stride": (1, 2, 3)}, ["stride"]),
    ({"padding": -1}, ["padding", -1]),
    ({"output_size": (6, 10)}, ["output_size", (6, 8)]),
    ({"output_size": (4, 8)}, ["output_size", (6, 8)]),
    ({"output_size": (6.5, 8)}, ["output_size", 6.5]),
    ({"output_size": (6,) * 3}, ["output_size"]),
]


@pytest.mark.parametrize("bad, words", BAD, ids=str)
def test_bad_arguments_are_named(bad, words):
    with rejects("max_unpool2d", *words):
        ops.max_unpool2d(**({"x": X, "indices": AT, "kernel_size": 2} | bad))


def test_a_size_less_than_a_stride_away_is_taken():
    for size in ((5, 7), (6, 8), (7, 9)):
        assert ops.max_unpool2d(X, AT, 2, output_size=size).shape[2:] == size
        assert ops.max_unpool2d(X, AT, 2, output_size=(1, 2, *size)).shape[2:] == size
    assert ops.max_unpool2d(X, AT, 3, stride=2, padding=1).shape == (1, 2, 5, 7)
