"""Power-average pooling of 1 to 3 axes: the contract, zero and negative sums, bad powers."""

import math

import cases_pool
import contract
import naive_pool
import numpy as np
import pytest
import tolerance
from cases import Pool
from contract import rejects
from naive import each

from fastnn import ops

BULK = {
    1: [Pool((4, 67, 800), {"norm_type": 2, "kernel_size": 3})],
    2: [Pool((4, 67, 30, 31), {"norm_type": 2, "kernel_size": 3, "stride": 2})],
    3: [Pool((2, 19, 14, 22, 30), {"norm_type": 2, "kernel_size": 2})],
}


def last(a):
    """NCHW to NHWC."""
    return np.ascontiguousarray(np.moveaxis(a, 1, -1))


class LpPool(contract.Differentiable):
    rank, family = 0, "lp_pool"

    def length(self, case):
        return math.prod(each(case.args["kernel_size"], self.rank))

    def inputs(self, case, rng):
        return {"x": rng.uniform(0.2, 2.0, case.x)}  # away from 0, where roots are steep

    def call(self, case, a, **extra):
        return getattr(ops, self.op)(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return naive_pool.lp_pool(a["x"], **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": getattr(ops, f"{self.op}_grad_input")(gy, a["x"], y, **case.args)}


class TestLpPool1d(LpPool, contract.Out):
    op, rank, cases, bulk, ranks = "lp_pool1d", 1, cases_pool.LP_POOL[1], BULK[1], (("x", 3),)


class TestLpPool2d(LpPool, contract.ImageOut):
    op, rank, cases, bulk, ranks = "lp_pool2d", 2, cases_pool.LP_POOL[2], BULK[2], (("x", 4),)


class TestLpPool2dNhwc(LpPool, contract.Out):
    op, rank, cases, bulk, ranks = "lp_pool2d", 2, cases_pool.LP_POOL[2], BULK[2], (("x", 4),)

    def inputs(self, case, rng):
        return {"x": last(super().inputs(case, rng)["x"])}

    def call(self, case, a, **extra):
        return super().call(case, a, layout="NHWC", **extra)

    def expected(self, case, a):
        return last(naive_pool.lp_pool(np.moveaxis(a["x"], -1, 1), **case.args))

    def gradients(self, case, a, gy, y):
        return {"x": ops.lp_pool2d_grad_input(gy, a["x"], y, **case.args, layout="NHWC")}


class TestLpPool3d(LpPool, contract.Out):
    op, rank, cases, bulk, ranks = "lp_pool3d", 3, cases_pool.LP_POOL[3], BULK[3], (("x", 5),)


@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_blocked_gradient_is_the_plain_one(dtype):
    x = np.random.default_rng(1).uniform(0.2, 2, (2, 17, 6, 7)).astype(dtype)
    y = ops.lp_pool2d(x, 3, 2)
    gy = np.random.default_rng(2).standard_normal(y.shape).astype(dtype)
    plain = ops.lp_pool2d_grad_input(gy, x, y, 3, 2)
    found = ops.lp_pool2d_grad_input(ops.blocked(gy), x, ops.blocked(y), 3, 2)
    assert isinstance(found, ops.Blocked)
    tolerance.assert_same(found.numpy(), plain)


def test_a_sum_of_zero_has_no_gradient_and_a_negative_one_is_nan():
    x = np.array([[[0.0, 0.0, -3.0, -4.0]]])
    y = ops.lp_pool1d(x, 2, 2)
    np.testing.assert_array_equal(y, [[[0.0, 5.0]]])
    np.testing.assert_allclose(ops.lp_pool1d_grad_input(np.ones_like(y), x, y, 2, 2), [[[0, 0, -0.6, -0.8]]])
    assert np.isnan(ops.lp_pool1d(x, 3, 2)[0, 0, 1])


@pytest.mark.parametrize("power", [0, -1, float("inf"), float("nan"), "two", None], ids=str)
def test_powers_that_cannot_be_are_refused(power):
    with rejects("lp_pool2d", "norm_type"):
        ops.lp_pool2d(np.ones((1, 1, 4, 4)), power, 2)
