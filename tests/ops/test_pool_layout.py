"""layout="NHWC" of 2-D pooling is the same as NCHW on transposed arrays, in every op and gradient."""

import cases
import cases_pool
import contract
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops


def last(a):
    return np.ascontiguousarray(np.moveaxis(a, 1, -1))


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", cases.MAX_POOL)
def test_max_pool(name, dtype, isa):
    case = cases.MAX_POOL[name]
    x = np.random.default_rng(1).integers(-4, 5, case.x).astype(dtype)
    y, indices = ops.max_pool2d(x, **case.args, return_indices=True)
    found, where = ops.max_pool2d(last(x), **case.args, return_indices=True, layout="NHWC")
    tolerance.assert_same(found, last(y))
    tolerance.assert_same(where, last(indices))
    out = np.full_like(found, 7)
    assert ops.max_pool2d(last(x), **case.args, layout="NHWC", out=out) is out
    tolerance.assert_same(out, found)
    gy = np.random.default_rng(2).integers(-9, 10, y.shape).astype(dtype)
    gx = ops.max_pool2d_grad_input(gy, x, y, **case.args)
    tolerance.assert_same(
        ops.max_pool2d_grad_input(last(gy), last(x), last(y), **case.args, layout="NHWC"), last(gx)
    )


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("name", cases.AVG_POOL)
def test_avg_pool(name, isa):
    case = cases.AVG_POOL[name]
    x = np.random.default_rng(1).integers(-4, 5, case.x).astype(np.float32)
    y = ops.avg_pool2d(x, **case.args)
    tolerance.assert_close(ops.avg_pool2d(last(x), **case.args, layout="NHWC"), last(y), "avg_pool")
    gy = np.random.default_rng(2).integers(-9, 10, y.shape).astype(np.float32)
    gx = ops.avg_pool2d_grad_input(gy, x.shape, **case.args)
    found = ops.avg_pool2d_grad_input(last(gy), last(x).shape, **case.args, layout="NHWC")
    tolerance.assert_close(found, last(gx), "avg_pool", 9)


@pytest.mark.parametrize("name", cases_pool.ADAPTIVE[2])
def test_adaptive_pool(name):
    case = cases_pool.ADAPTIVE[2][name]
    x = np.random.default_rng(1).integers(-4, 5, case.x).astype(np.float32)
    y, indices = ops.adaptive_max_pool2d(x, **case.args, return_indices=True)
    found, where = ops.adaptive_max_pool2d(last(x), **case.args, return_indices=True, layout="NHWC")
    tolerance.assert_same(found, last(y))
    tolerance.assert_same(where, last(indices))
    gx = ops.adaptive_max_pool2d_grad_input(y, x, y)
    tolerance.assert_same(ops.adaptive_max_pool2d_grad_input(found, last(x), found, layout="NHWC"), last(gx))
    mean = ops.adaptive_avg_pool2d(x, **case.args)
    found = ops.adaptive_avg_pool2d(last(x), **case.args, layout="NHWC")
    tolerance.assert_close(found, last(mean), "avg_pool", 30)
    gx = ops.adaptive_avg_pool2d_grad_input(mean, x.shape)
    given = ops.adaptive_avg_pool2d_grad_input(last(mean), last(x).shape, layout="NHWC")
    tolerance.assert_close(given, last(gx), "avg_pool", 30)


def test_windows_too_large_for_a_byte():
    x = np.random.default_rng(1).standard_normal((1, 18, 40, 30)).astype(np.float32)
    args = {"kernel_size": (20, 15), "stride": 7, "padding": 3}
    y, indices = ops.max_pool2d(x, **args, return_indices=True)
    found, where = ops.max_pool2d(last(x), **args, return_indices=True, layout="NHWC")
    tolerance.assert_same(found, last(y))
    tolerance.assert_same(where, last(indices))
    gx = ops.max_pool2d_grad_input(y, x, y, **args)
    tolerance.assert_same(ops.max_pool2d_grad_input(found, last(x), found, **args, layout="NHWC"), last(gx))
    mixed = ops.max_pool2d_grad_input(ops.blocked(y), x, ops.blocked(y), **args)
    tolerance.assert_same(mixed.numpy(), gx)


def test_what_does_not_fit_is_refused():
    x = np.ones((1, 6, 6, 3), np.float32)
    with rejects("max_pool2d", "layout", "NCWH"):
        ops.max_pool2d(x, 2, layout="NCWH")
    with rejects("avg_pool2d", "Blocked", "NHWC"):
        ops.avg_pool2d(ops.blocked(x), 2, layout="NHWC")
    with rejects("max_pool2d", "out", (1, 3, 3, 3), (1, 3, 3, 4)):
        ops.max_pool2d(x, 2, layout="NHWC", out=np.ones((1, 3, 3, 4), np.float32))
    with rejects("avg_pool2d_grad_input", "gy", (1, 2, 2, 3)):
        ops.avg_pool2d_grad_input(np.ones((1, 2, 2, 3), np.float32), x.shape, 2, layout="NHWC")
