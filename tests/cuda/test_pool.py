"""Pooling on the device against pooling on the CPU: the same cases, small ones."""

import cases
import cases_pool
import numpy as np
import pytest
from device import agrees, get, put

from fastnn import ops


def small(found, most=400):
    """The cases that the simulator runs in a tenth of a second."""
    return {name: case for name, case in found.items() if np.prod(case.x) <= most}


MAX = {
    **{(2, name): case for name, case in small(cases.MAX_POOL).items()},
    **{(1, name): case for name, case in small(cases_pool.MAX_POOL1D, 200).items()},
    (3, "dilated"): cases.Pool((1, 2, 5, 4, 6), {"kernel_size": (2, 2, 3), "stride": (1, 2, 1), "dilation": (3, 2, 2)}),
    (3, "padded"): cases.Pool((1, 2, 3, 4, 5), {"kernel_size": 3, "stride": 2, "padding": 1}),
}
AVG = {
    **{(2, name): case for name, case in small(cases.AVG_POOL).items()},
    (1, "padded"): cases.Pool((2, 3, 9), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    (3, "padded_not_counted"): cases.Pool(
        (1, 2, 3, 4, 5), {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}
    ),
}
ADAPTIVE = [(rank, name) for rank in (1, 2, 3) for name in small(cases_pool.ADAPTIVE[rank])]
named = pytest.mark.parametrize


def values(shape):
    """Few values, many ties, and a NaN."""
    x = np.random.default_rng(3).integers(-3, 4, shape).astype(np.float32)
    x.flat[x.size // 2] = np.nan
    return x


@named("rank, name", MAX)
def test_max_pool_and_its_gradient(rank, name):
    case = MAX[rank, name]
    x = values(case.x)
    y, indices = agrees(f"max_pool{rank}d", x, **case.args, return_indices=True)
    assert get(indices).dtype == np.int64
    gy = np.random.default_rng(4).standard_normal(y.shape).astype(np.float32)
    agrees(f"max_pool{rank}d_grad_input", gy, x, get(y), family="sum", length=9, **case.args)


def test_max_pool_behind_a_relu():
    x = np.maximum(np.random.default_rng(5).standard_normal((1, 2, 5, 6)), 0)
    y = ops.max_pool2d(x, 3, 2, 1)
    agrees("max_pool2d_grad_input", np.ones(y.shape), x, y, 3, 2, 1, rectified=True, family="sum", length=9)


@named("rank, name", AVG)
def test_avg_pool_and_its_gradient(rank, name):
    case = AVG[rank, name]
    rng = np.random.default_rng(6)
    y = agrees(f"avg_pool{rank}d", rng.standard_normal(case.x), family="avg_pool", length=27, **case.args)
    gy = rng.standard_normal(tuple(y.shape))
    agrees(f"avg_pool{rank}d_grad_input", gy, case.x, family="avg_pool", length=27, **case.args)


@named("rank, name", ADAPTIVE)
def test_adaptive_pooling(rank, name):
    case = cases_pool.ADAPTIVE[rank][name]
    rng = np.random.default_rng(7)
    x = rng.standard_normal(case.x)
    y = agrees(f"adaptive_avg_pool{rank}d", x, family="avg_pool", length=x[0, 0].size, **case.args)
    gy = rng.standard_normal(tuple(y.shape))
    agrees(f"adaptive_avg_pool{rank}d_grad_input", gy, case.x, family="avg_pool", length=gy[0, 0].size)
    y, _ = agrees(f"adaptive_max_pool{rank}d", x, return_indices=True, **case.args)
    agrees(f"adaptive_max_pool{rank}d_grad_input", gy, x, get(y), family="sum", length=gy[0, 0].size)


@named("dtype", [np.float64, np.float16])
def test_other_dtypes(dtype):
    x = np.random.default_rng(8).integers(-9, 9, (1, 2, 4, 6)).astype(dtype)
    y = ops.max_pool2d(put(x), 2)
    assert get(y).dtype == dtype
    np.testing.assert_array_equal(get(y), ops.max_pool2d(x.astype(np.float64), 2).astype(dtype))
    np.testing.assert_array_equal(get(ops.avg_pool2d(put(x), 2)), ops.avg_pool2d(x.astype(np.float64), 2).astype(dtype))


def test_empty_batch():
    assert tuple(ops.max_pool2d(put(np.zeros((0, 3, 4, 4), np.float32)), 2).shape) == (0, 3, 2, 2)


def test_out():
    x = np.random.default_rng(9).standard_normal((1, 2, 4, 6)).astype(np.float32)
    out = put(np.zeros((1, 2, 2, 3), np.float32))
    assert ops.max_pool2d(put(x), 2, out=out) is out
    np.testing.assert_array_equal(get(out), ops.max_pool2d(x, 2))
