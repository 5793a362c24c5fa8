"""Max and average pooling of sequences and volumes, with their gradients: the contract, indices, bad input."""

import math

import cases_pool
import contract
import naive_pool
import numpy as np
import pytest
import tolerance
from contract import rejects
from naive import each
from naive_pool import shuffled

from fastnn import ops

oracle_max_pool = contract.remembered(naive_pool.max_pool)


def geometry(case):
    return naive_pool.windows(case.x[2:], **window(case))


def window(case):
    return {k: v for k, v in case.args.items() if k not in ("count_include_pad", "divisor_override")}


def counting(case):
    return {k: v for k, v in case.args.items() if k in ("count_include_pad", "divisor_override")}


class Pooling(contract.Contract):
    rank = 0

    def length(self, case):
        return math.prod(each(case.args["kernel_size"], self.rank))

    def function(self, suffix=""):
        return getattr(ops, f"{self.kind}_pool{self.rank}d{suffix}")


class MaxPool(contract.Out, contract.Differentiable, Pooling):
    kind = "max"

    def inputs(self, case, rng):
        return {"x": shuffled(rng, case.x)}

    def call(self, case, a, **extra):
        return self.function()(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return oracle_max_pool(a["x"], *geometry(case))[0]

    def gradients(self, case, a, gy, y):
        return {"x": self.function("_grad_input")(gy, a["x"], y, **case.args)}


class MaxPoolGradInput(Pooling):
    kind, family, batch = "max", "avg_pool", ("gy", "x", "y")

    def inputs(self, case, rng):
        x = shuffled(rng, case.x).astype(np.float32)
        y = oracle_max_pool(x, *geometry(case))[0]
        return {"gy": rng.standard_normal(y.shape), "x": x, "y": y}

    def call(self, case, a):
        return self.function("_grad_input")(a["gy"], a["x"], a["y"], **case.args)

    def expected(self, case, a):
        return naive_pool.max_pool_grad_input(a["gy"], a["x"], *geometry(case))


class AvgPool(contract.Out, contract.Differentiable, Pooling):
    kind, family = "avg", "avg_pool"

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return self.function()(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return naive_pool.avg_pool(a["x"], *geometry(case), **counting(case))

    def gradients(self, case, a, gy, y):
        return {"x": self.function("_grad_input")(gy, case.x, **case.args)}


class AvgPoolGradInput(Pooling):
    kind, family, batch = "avg", "avg_pool", ("gy",)

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal((*case.x[:2], *geometry(case)[0]))}

    def call(self, case, a):
        return self.function("_grad_input")(a["gy"], self.shape(case, a), **case.args)

    def expected(self, case, a):
        found = geometry(case)[1]
        return naive_pool.avg_pool_grad_input(a["gy"], self.shape(case, a), found, **counting(case))

    @staticmethod
    def shape(case, a):
        return (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])


class TestMaxPool1d(MaxPool):
    op, rank, cases, bulk, ranks = "max_pool1d", 1, cases_pool.MAX_POOL1D, cases_pool.BULK[1], (("x", 3),)


class TestMaxPool3d(MaxPool):
    op, rank, cases, bulk, ranks = "max_pool3d", 3, cases_pool.MAX_POOL3D, cases_pool.BULK[3], (("x", 5),)


class TestMaxPool1dGradInput(MaxPoolGradInput):
    op, rank, cases, bulk = "max_pool1d_grad_input", 1, cases_pool.MAX_POOL1D, cases_pool.BULK[1]


class TestMaxPool3dGradInput(MaxPoolGradInput):
    op, rank, cases, bulk = "max_pool3d_grad_input", 3, cases_pool.MAX_POOL3D, cases_pool.BULK[3]


class TestAvgPool1d(AvgPool):
    op, rank, cases, bulk, ranks = "avg_pool1d", 1, cases_pool.AVG_POOL1D, cases_pool.BULK[1], (("x", 3),)


class TestAvgPool3d(AvgPool):
    op, rank, cases, bulk, ranks = "avg_pool3d", 3, cases_pool.AVG_POOL3D, cases_pool.BULK[3], (("x", 5),)


class TestAvgPool1dGradInput(AvgPoolGradInput):
    op, rank, cases, bulk = "avg_pool1d_grad_input", 1, cases_pool.AVG_POOL1D, cases_pool.BULK[1]


class TestAvgPool3dGradInput(AvgPoolGradInput):
    op, rank, cases, bulk = "avg_pool3d_grad_input", 3, cases_pool.AVG_POOL3D, cases_pool.BULK[3]


# ---- indices, ties, NaN --------------------------------------------------------------------------------
ALL = {1: cases_pool.MAX_POOL1D, 3: cases_pool.MAX_POOL3D | {"empty_windows": cases_pool.EMPTY_WINDOWS}}
RANKED = [(rank, name) for rank, found in ALL.items() for name in found]


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("poison", [None, np.nan, -np.inf])
@pytest.mark.parametrize("rank, name", RANKED)
def test_indices_and_gradients_of_ties_and_nan(rank, name, poison, dtype, isa):
    case = ALL[rank][name]
    rng = np.random.default_rng(2)
    x = rng.integers(-3, 4, case.x).astype(dtype)  # few values, many ties
    if poison is not None:
        x[rng.random(case.x) < 0.3] = poison
    expected, where = oracle_max_pool(x, *geometry(case))
    y, indices = getattr(ops, f"max_pool{rank}d")(x, **case.args, return_indices=True)
    tolerance.assert_close(y, expected, "exact")
    tolerance.assert_same(indices, where)
    gy = rng.integers(-9, 10, y.shape).astype(dtype)  # integers: sums are exact
    gx = getattr(ops, f"max_pool{rank}d_grad_input")(gy, x, y, **case.args)
    tolerance.assert_close(gx, naive_pool.max_pool_grad_input(gy, x, *geometry(case)), "exact")


# ---- bad input -----------------------------------------------------------------------------------------
BAD_WINDOWS = [
    ({"kernel_size": 0}, ["kernel_size", 0]),
    ({"kernel_size": (1, 2, 3, 4)}, ["kernel_size", 4]),
    ({"kernel_size": 30}, [30]),
    ({"stride": 0}, ["stride", 0]),
    ({"padding": 2}, ["padding", 2, 3]),
    ({"dilation": 9}, [19]),
    ({"divisor_override": 0}, ["divisor_override", 0]),
]


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.parametrize("bad, words", BAD_WINDOWS, ids=str)
def test_bad_windows_are_refused_before_anything_is_written(kind, rank, bad, words):
    if next(iter(bad)) in {"max": ("divisor_override",), "avg": ("dilation",)}[kind]:
        pytest.skip("the other kind's")
    op = f"{kind}_pool{rank}d"
    out = np.full((2, 3, *(2, 2, 3)[:rank]), 7, np.float32)
    with rejects(op, *words):
        getattr(ops, op)(**({"x": np.ones((2, 3, *(7, 8, 9)[:rank])), "kernel_size": 3, "out": out} | bad))
    assert (out == 7).all()


def test_a_rounded_up_window_larger_than_the_input_is_taken_as_pytorch_takes_it():
    for rank in (1, 2, 3):
        x = np.ones((1, 2, *(3,) * rank), np.float32)
        calls = {"max": (4, 2), "avg": (4, 2), "lp": (2, 4, 2)}
        for kind, window in calls.items():
            op = f"{kind}_pool{rank}d"
            if rank == 3 and kind != "max":
                with rejects(op, (4, 4, 4), (3, 3, 3)):
                    getattr(ops, op)(x, *window, ceil_mode=True)
            else:
                assert getattr(ops, op)(x, *window, ceil_mode=True).shape[2:] == (1,) * rank
    assert ops.avg_pool3d(x, 4, 2, 1, ceil_mode=True).shape[2:] == (2, 2, 2)


@pytest.mark.parametrize("rank", [1, 3])
def test_blocked_images_are_no_sequences_or_volumes(rank):
    image = ops.blocked(np.ones((1, 2, 4, 4)))
    for kind in ("max", "avg"):
        with rejects(f"{kind}_pool{rank}d", f"{rank + 2} dimensions", (1, 2, 4, 4)):
            getattr(ops, f"{kind}_pool{rank}d")(image, 2)
