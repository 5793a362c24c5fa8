"""max_pool2d and avg_pool2d with their gradients: the contract, then NaN, ties, indices and bad input."""

import math

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops

MAX_PROBES = ("halving", "padded", "dilated", "ceil_overhang", "overlapping")
AVG_PROBES = ("halving", "padded", "padded_not_counted", "ceil_overhang", "divisor_override")


def shuffled(rng, shape):
    """All values different and evenly spread, so that a finite difference never crosses a tie."""
    return rng.permutation(np.linspace(-2, 2, math.prod(shape))).reshape(shape)


def max_pool(case, x):
    return naive.max_pool2d(x, **case.args)[0]


class MaxPool(contract.Image):
    cases, bulk, probes = cases.MAX_POOL, cases.MAX_POOL_BULK, MAX_PROBES


class TestMaxPool2d(contract.ImageOut, contract.Differentiable, MaxPool):
    op = "max_pool2d"

    def inputs(self, case, rng):
        return {"x": shuffled(rng, case.x)}

    def call(self, case, a, **extra):
        return ops.max_pool2d(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return max_pool(case, a["x"])

    def gradients(self, case, a, gy, y):
        return {"x": ops.max_pool2d_grad_input(gy, a["x"], y, **case.args)}


class TestMaxPool2dGradInput(MaxPool):
    op, batch, images = "max_pool2d_grad_input", ("gy", "x", "y"), ("gy", "x", "y")
    family = "avg_pool"  # windows that share a maximum add up
    ranks = (("gy", 4), ("x", 4), ("y", 4))

    def inputs(self, case, rng):
        x = shuffled(rng, case.x).astype(np.float32)
        y = max_pool(case, x)
        return {"gy": rng.standard_normal(y.shape), "x": x, "y": y}

    def call(self, case, a):
        return ops.max_pool2d_grad_input(a["gy"], a["x"], a["y"], **case.args)

    def expected(self, case, a):
        return naive.max_pool2d_grad_input(a["gy"], a["x"], **case.args)

    def length(self, case):
        return math.prod(naive.pair(case.args["kernel_size"]))


class AvgPool(contract.Image):
    cases, bulk, probes, family = cases.AVG_POOL, cases.AVG_POOL_BULK, AVG_PROBES, "avg_pool"

    def length(self, case):
        return math.prod(naive.pair(case.args["kernel_size"]))


class TestAvgPool2d(contract.ImageOut, contract.Differentiable, AvgPool):
    op = "avg_pool2d"

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return ops.avg_pool2d(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return naive.avg_pool2d(a["x"], **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": ops.avg_pool2d_grad_input(gy, case.x, **case.args)}


class TestAvgPool2dGradInput(AvgPool):
    op, batch, images = "avg_pool2d_grad_input", ("gy",), ("gy",)
    ranks = (("gy", 4),)

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(naive.avg_pool2d(np.zeros(case.x), **case.args).shape)}

    def call(self, case, a):
        return ops.avg_pool2d_grad_input(a["gy"], self.shape(case, a), **case.args)

    def expected(self, case, a):
        return naive.avg_pool2d_grad_input(a["gy"], self.shape(case, a), **case.args)

    @staticmethod
    def shape(case, a):
        return (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])


# ---- indices, ties, NaN --------------------------------------------------------------------------------
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", cases.MAX_POOL)
def test_indices_are_those_of_pytorch(name, dtype, isa):
    case = cases.MAX_POOL[name]
    x = np.random.default_rng(2).integers(-3, 4, case.x).astype(dtype)  # few values, many ties
    expected, where = naive.max_pool2d(x, **case.args)
    y, indices = ops.max_pool2d(x, **case.args, return_indices=True)
    tolerance.assert_close(y, expected, "exact")
    tolerance.assert_same(indices, where)
    y, indices = ops.max_pool2d(fastnn.blocked(x), **case.args, return_indices=True)
    tolerance.assert_close(y, expected, "exact")
    tolerance.assert_same(indices, where)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", ["halving", "padded", "dilated", "overlapping"])
def test_the_first_of_equal_values_gets_the_gradient(name, dtype, isa):
    case = cases.MAX_POOL[name]
    rng = np.random.default_rng(2)
    x = rng.integers(-1, 2, case.x).astype(dtype)
    y = max_pool(case, x).astype(dtype)
    gy = rng.integers(-9, 10, y.shape).astype(dtype)  # integers: sums are exact
    expected = naive.max_pool2d_grad_input(gy, x, **case.args)
    tolerance.assert_close(ops.max_pool2d_grad_input(gy, x, y, **case.args), expected, "exact")
    blocked = ops.max_pool2d_grad_input(*map(fastnn.blocked, (gy, x, y)), **case.args)
    tolerance.assert_close(blocked, expected, "exact")


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["halving", "padded", "dilated", "resnet_stem", "wide"])
def test_nan_and_infinity_pass_through(name, poison, dtype, isa):
    case = cases.MAX_POOL[name]
    rng = np.random.default_rng(3)
    x = rng.standard_normal(case.x).astype(dtype)
    x[rng.random(case.x) < 0.2] = poison
    expected, where = naive.max_pool2d(x, **case.args)
    y, indices = ops.max_pool2d(x, **case.args, return_indices=True)
    tolerance.assert_close(y, expected, "exact")
    tolerance.assert_same(indices, where)
    tolerance.assert_close(ops.max_pool2d(fastnn.blocked(x), **case.args), expected, "exact")
    gy = rng.integers(-9, 10, y.shape).astype(dtype)
    gx = naive.max_pool2d_grad_input(gy, x, **case.args)
    tolerance.assert_close(ops.max_pool2d_grad_input(gy, x, y, **case.args), gx, "exact")
    mean = naive.avg_pool2d(x, 2)
    tolerance.assert_close(ops.avg_pool2d(x, 2), mean, "avg_pool")
    tolerance.assert_close(ops.avg_pool2d(fastnn.blocked(x), 2), mean, "avg_pool")


def test_nan_gets_the_gradient_of_its_window():
    x = np.array([[[[1.0, np.nan, 3.0, 2.0]]]], np.float32)
    y = ops.max_pool2d(x, (1, 2))
    gx = ops.max_pool2d_grad_input(np.array([[[[5.0, 7.0]]]], np.float32), x, y, (1, 2))
    np.testing.assert_array_equal(gx, [[[[0, 5, 7, 0]]]])


def test_padding_never_wins():
    x = np.full((1, 17, 3, 3), -5, np.float32)
    for image in (x, fastnn.blocked(x)):
        assert (np.asarray(ops.max_pool2d(image, 3, stride=2, padding=1)) == -5).all()


# ---- bad input -----------------------------------------------------------------------------------------
X = np.ones((2, 3, 7, 9), np.float32)
BAD_WINDOWS = [
    ({"kernel_size": 0}, ["kernel_size", 0]),
    ({"kernel_size": (2, -3)}, ["kernel_size", -3]),
    ({"kernel_size": 2.5}, ["kernel_size", 2.5]),
    ({"kernel_size": (1, 2, 3)}, ["kernel_size", 3]),
    ({"kernel_size": None}, ["kernel_size", "None"]),
    ({"kernel_size": 8}, [8, 7]),
    ({"stride": 0}, ["stride", 0]),
    ({"stride": (1, -2)}, ["stride", -2]),
    ({"stride": float("nan")}, ["stride", "nan"]),
    ({"stride": float("inf")}, ["stride", "inf"]),
    ({"stride": 2**80}, ["stride", 2**80]),
    ({"padding": -1}, ["padding", -1]),
    ({"padding": 2}, ["padding", 2, 3]),  # more than half of the kernel, as in PyTorch
    ({"padding": float("nan")}, ["padding", "nan"]),
    ({"x": np.ones((3, 9), np.float32)}, ["x", "(3, 9)"]),
    ({"x": np.ones((1, 1, 2, 3, 9), np.float32)}, ["x", "(1, 1, 2, 3, 9)"]),
    ({"x": np.ones((2, 0, 7, 9), np.float32)}, ["x", 0]),  # PyTorch lets only the batch be empty
    ({"x": np.ones((2, 3, 0, 9), np.float32)}, ["x", 0]),
    ({"x": None}, ["x"]),
]


@pytest.mark.parametrize(
    "op, bad, words",
    [(op, *row) for op in (ops.max_pool2d, ops.avg_pool2d) for row in BAD_WINDOWS]
    + [
        (ops.max_pool2d, {"dilation": 0}, ["dilation", 0]),
        (ops.max_pool2d, {"dilation": (1, -2)}, ["dilation", -2]),
        (ops.max_pool2d, {"dilation": (4, 1)}, [9, 7]),  # 3 taps 4 apart span 9 rows
        (ops.max_pool2d, {"dilation": 2**62}, []),
        (ops.avg_pool2d, {"divisor_override": 0}, ["divisor_override", 0]),
        (ops.avg_pool2d, {"divisor_override": float("inf")}, ["divisor_override", "inf"]),
        (ops.avg_pool2d, {"divisor_override": "five"}, ["divisor_override", "five"]),
    ],
    ids=lambda v: getattr(v, "__name__", None) or (str(v)[:30] if isinstance(v, list) else None),
)
def test_bad_windows_are_refused_before_anything_is_written(op, bad, words):
    out = np.full((2, 3, 2, 3), 7, np.float32)
    with rejects(op.__name__, *words):
        op(**({"x": X, "kernel_size": 3, "out": out} | bad))
    assert (out == 7).all()


@pytest.mark.parametrize(
    "shape, word",
    [
        ((2, 3, 7, 13), (2, 3, 2, 4)),  # what gy would have to be
        ((1, 3, 7, 9), (1, 3, 2, 3)),
        ((2, 4, 7, 9), (2, 4, 2, 3)),
        ((2, 3, 7), "input_shape"),
        ((2, 3, -7, 9), "input_shape"),
        ((2, 3, 7.0, 9), "input_shape"),
        (None, "input_shape"),
    ],
    ids=str,
)
def test_gradients_refuse_shapes_that_do_not_fit(shape, word):
    gy = np.ones((2, 3, 2, 3), np.float32)
    with rejects("avg_pool2d_grad_input", word):
        ops.avg_pool2d_grad_input(gy, shape, 3)
    if word != "input_shape":
        with rejects("max_pool2d_grad_input", word):
            ops.max_pool2d_grad_input(gy, np.ones(shape, np.float32), gy, 3)
