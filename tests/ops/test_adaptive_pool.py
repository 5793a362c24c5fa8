"""Adaptive pooling of 1 to 3 axes: the contract, indices, sizes that cannot be."""

import math

import cases_pool
import contract
import naive_pool
import numpy as np
import pytest
import tolerance
from cases import Pool
from contract import rejects
from naive_pool import shuffled

import fastnn
from fastnn import ops

oracle_max_pool = contract.remembered(naive_pool.max_pool)

BULK = {
    1: [Pool((4, 67, 800), {"output_size": 33})],
    2: [Pool((4, 67, 30, 31), {"output_size": (7, 9)})],
    3: [Pool((2, 19, 14, 22, 30), {"output_size": (5, 4, 7)})],
}


def geometry(case):
    return naive_pool.adaptive(case.x[2:], **case.args)


class Adaptive(contract.Contract):
    rank = 0

    def length(self, case):
        return max(len(positions) for _, positions, _ in geometry(case)[1])

    def function(self, suffix=""):
        return getattr(ops, f"adaptive_{self.kind}_pool{self.rank}d{suffix}")


class AdaptiveMax(contract.Differentiable, Adaptive):
    kind = "max"

    def inputs(self, case, rng):
        return {"x": shuffled(rng, case.x)}

    def call(self, case, a, **extra):
        return self.function()(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return oracle_max_pool(a["x"], *geometry(case))[0]

    def gradients(self, case, a, gy, y):
        return {"x": self.function("_grad_input")(gy, a["x"], y)}


class AdaptiveMaxGradInput(Adaptive):
    kind, family, batch = "max", "avg_pool", ("gy", "x", "y")

    def inputs(self, case, rng):
        x = shuffled(rng, case.x).astype(np.float32)
        y = oracle_max_pool(x, *geometry(case))[0]
        return {"gy": rng.standard_normal(y.shape), "x": x, "y": y}

    def call(self, case, a):
        return self.function("_grad_input")(a["gy"], a["x"], a["y"])

    def expected(self, case, a):
        return naive_pool.max_pool_grad_input(a["gy"], a["x"], *geometry(case))


class AdaptiveAvg(contract.Differentiable, Adaptive):
    kind, family = "avg", "avg_pool"

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return self.function()(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return naive_pool.avg_pool(a["x"], *geometry(case))

    def gradients(self, case, a, gy, y):
        return {"x": self.function("_grad_input")(gy, case.x)}


class AdaptiveAvgGradInput(Adaptive):
    kind, family, batch = "avg", "avg_pool", ("gy",)

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal((*case.x[:2], *geometry(case)[0]))}

    def call(self, case, a):
        return self.function("_grad_input")(a["gy"], self.shape(case, a))

    def expected(self, case, a):
        return naive_pool.avg_pool_grad_input(a["gy"], self.shape(case, a), geometry(case)[1])

    @staticmethod
    def shape(case, a):
        return (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])


class TestAdaptiveMaxPool1d(AdaptiveMax, contract.Out):
    op, rank, cases, bulk, ranks = "adaptive_max_pool1d", 1, cases_pool.ADAPTIVE[1], BULK[1], (("x", 3),)


class TestAdaptiveMaxPool2d(AdaptiveMax, contract.ImageOut):
    op, rank, cases, bulk, ranks = "adaptive_max_pool2d", 2, cases_pool.ADAPTIVE[2], BULK[2], (("x", 4),)


class TestAdaptiveMaxPool3d(AdaptiveMax, contract.Out):
    op, rank, cases, bulk, ranks = "adaptive_max_pool3d", 3, cases_pool.ADAPTIVE[3], BULK[3], (("x", 5),)


class TestAdaptiveMaxPool1dGradInput(AdaptiveMaxGradInput):
    op, rank, cases, bulk = "adaptive_max_pool1d_grad_input", 1, cases_pool.ADAPTIVE[1], BULK[1]


class TestAdaptiveMaxPool2dGradInput(AdaptiveMaxGradInput, contract.Image):
    op, rank, cases, bulk = "adaptive_max_pool2d_grad_input", 2, cases_pool.ADAPTIVE[2], BULK[2]
    images = ("gy", "x", "y")


class TestAdaptiveMaxPool3dGradInput(AdaptiveMaxGradInput):
    op, rank, cases, bulk = "adaptive_max_pool3d_grad_input", 3, cases_pool.ADAPTIVE[3], BULK[3]


class TestAdaptiveAvgPool1d(AdaptiveAvg, contract.Out):
    op, rank, cases, bulk, ranks = "adaptive_avg_pool1d", 1, cases_pool.ADAPTIVE[1], BULK[1], (("x", 3),)


class TestAdaptiveAvgPool2d(AdaptiveAvg, contract.ImageOut):
    op, rank, cases, bulk, ranks = "adaptive_avg_pool2d", 2, cases_pool.ADAPTIVE[2], BULK[2], (("x", 4),)


class TestAdaptiveAvgPool3d(AdaptiveAvg, contract.Out):
    op, rank, cases, bulk, ranks = "adaptive_avg_pool3d", 3, cases_pool.ADAPTIVE[3], BULK[3], (("x", 5),)


class TestAdaptiveAvgPool1dGradInput(AdaptiveAvgGradInput):
    op, rank, cases, bulk = "adaptive_avg_pool1d_grad_input", 1, cases_pool.ADAPTIVE[1], BULK[1]


class TestAdaptiveAvgPool2dGradInput(AdaptiveAvgGradInput, contract.Image):
    op, rank, cases, bulk, images = "adaptive_avg_pool2d_grad_input", 2, cases_pool.ADAPTIVE[2], BULK[2], ("gy",)


class TestAdaptiveAvgPool3dGradInput(AdaptiveAvgGradInput):
    op, rank, cases, bulk = "adaptive_avg_pool3d_grad_input", 3, cases_pool.ADAPTIVE[3], BULK[3]


RANKED = [(rank, name) for rank in (1, 2, 3) for name in cases_pool.ADAPTIVE[rank]]


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("poison", [None, np.nan, -np.inf])
@pytest.mark.parametrize("rank, name", RANKED)
def test_indices_and_gradients_of_ties_and_nan(rank, name, poison, isa):
    case = cases_pool.ADAPTIVE[rank][name]
    rng = np.random.default_rng(2)
    x = rng.integers(-3, 4, case.x).astype(np.float32)
    if poison is not None:
        x[rng.random(case.x) < 0.3] = poison
    expected, where = oracle_max_pool(x, *geometry(case))
    function, gradient = (getattr(ops, f"adaptive_max_pool{rank}d{end}") for end in ("", "_grad_input"))
    gx = None
    for kind in (np.asarray, fastnn.blocked)[: 1 + (rank == 2)]:
        y, indices = function(kind(x), **case.args, return_indices=True)
        tolerance.assert_close(y, expected, "exact")
        tolerance.assert_same(indices, where)
        gy = np.random.default_rng(4).integers(-9, 10, y.shape).astype(np.float32)
        gx = gradient(kind(gy), kind(x), y)
        tolerance.assert_close(gx, naive_pool.max_pool_grad_input(gy, x, *geometry(case)), "exact")


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("size", [0, -1, 2.5, (1, 2, 3), "two", (2, "x")], ids=str)
def test_sizes_that_cannot_be_are_refused(kind, size):
    with rejects(f"adaptive_{kind}_pool2d", "output_size"):
        getattr(ops, f"adaptive_{kind}_pool2d")(np.ones((1, 2, 5, 6)), size)


def test_gradients_refuse_shapes_that_do_not_fit():
    gy = np.ones((2, 3, 2, 3), np.float32)
    with rejects("adaptive_avg_pool2d_grad_input", "gy", (1, 3, 2, 3)):
        ops.adaptive_avg_pool2d_grad_input(gy, (1, 3, 5, 6))
    with rejects("adaptive_max_pool2d_grad_input", "y", (2, 3, 2, 3)):
        ops.adaptive_max_pool2d_grad_input(gy, np.ones((2, 3, 5, 6), np.float32), gy[:, :, :1])
    assert math.prod(ops.adaptive_avg_pool2d_grad_input(gy, (2, 3, 5, 6)).shape) == 180
