"""im2col and col2im: the contract, each as the other's gradient, PyTorch, and bad input."""

import math

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects
from hypothesis import given
from hypothesis import strategies as st

import fastnn
from fastnn import ops

PROBES = ("same", "strided", "dilated", "unpadded")


class Im2col(contract.Image):
    cases, bulk, probes, blocked_result = cases.IM2COL, cases.IM2COL_BULK, PROBES, False


class TestIm2col(Im2col, contract.Out, contract.Differentiable):
    op, ranks = "im2col", (("x", 4),)

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return ops.im2col(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return naive.im2col(a["x"], **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": ops.col2im(gy, case.x[2:], **case.args)}


class TestCol2im(contract.Out, contract.Differentiable):
    op, ranks, batch, family = "col2im", (("cols", 3),), ("cols",), "sum"
    cases, bulk, probes = cases.IM2COL, cases.IM2COL_BULK, PROBES

    def inputs(self, case, rng):
        return {"cols": rng.standard_normal(naive.im2col(np.zeros(case.x), **case.args).shape)}

    def call(self, case, a, **extra):
        return ops.col2im(a["cols"], case.x[2:], **case.args, **extra)

    def expected(self, case, a):
        return naive.col2im(a["cols"], case.x[2:], **case.args)

    def length(self, case):
        return math.prod(naive.pair(case.args["kernel_size"]))

    def gradients(self, case, a, gy, y):
        return {"cols": ops.im2col(gy, **case.args)}


def test_a_convolution_is_a_product_with_the_columns():
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 5, 7, 9)), rng.standard_normal((4, 5, 3, 2))
    cols = ops.im2col(x, (3, 2), stride=(2, 1), padding=(1, 0))
    y = (weight.reshape(4, -1) @ cols).reshape(2, 4, 4, 8)
    tolerance.assert_close(y, naive.conv2d(x, weight, stride=(2, 1), padding=(1, 0)), "conv", 30)


@st.composite
def geometries(draw):
    """Two dimensions of (size, kernel, stride, padding, dilation) that leave at least one window."""
    axes = []
    for _ in range(2):
        kernel, dilation = draw(st.integers(1, 5)), draw(st.integers(1, 4))
        padding = draw(st.integers(0, 6))
        least = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
        axes.append((least + draw(st.integers(0, 40)), kernel, draw(st.integers(1, 6)), padding, dilation))
    return draw(st.integers(1, 3)), draw(st.integers(1, 4)), *zip(*axes, strict=True)


@given(geometries())
def test_random_geometries_agree_with_pytorch(geometry):
    functional = pytest.importorskip("torch.nn.functional")
    torch = pytest.importorskip("torch")
    n, c, size, kernel, stride, padding, dilation = geometry
    x = np.random.default_rng(1).standard_normal((n, c, *size)).astype(np.float32)
    cols = functional.unfold(torch.from_numpy(x), kernel, dilation, padding, stride)
    tolerance.assert_same(ops.im2col(x, kernel, stride, padding, dilation), cols.numpy())
    image = functional.fold(cols, size, kernel, dilation, padding, stride).numpy()
    sums = ops.col2im(cols.numpy(), size, kernel, stride, padding, dilation)
    tolerance.assert_close(sums, image.astype(np.float64), "sum", math.prod(kernel))


@given(geometries())
def test_random_geometries_agree_with_the_oracle(geometry):
    n, c, size, *args = geometry
    x = np.random.default_rng(1).standard_normal((n, c, *size))
    cols = ops.im2col(x, *args)
    tolerance.assert_same(cols, naive.im2col(x, *args))
    tolerance.assert_close(
        ops.col2im(cols, size, *args), naive.col2im(cols, size, *args), "sum", math.prod(args[0])
    )


def test_nan_and_infinity_stay_where_they_are():
    x = np.ones((1, 2, 5, 19), np.float32)
    x[0, 1, 2, 3], x[0, 0, 1, 16] = np.nan, np.inf
    cols = ops.im2col(x, 3, padding=1)
    tolerance.assert_same(cols, naive.im2col(x, 3, padding=1).astype(np.float32))
    tolerance.assert_close(ops.col2im(cols, (5, 19), 3, padding=1), naive.col2im(cols, (5, 19), 3, padding=1), "sum", 9)


# ---- bad input -----------------------------------------------------------------------------------------
X = np.ones((2, 3, 7, 9), np.float32)
BAD = [
    ({"kernel_size": 0}, ["kernel_size", 0]),
    ({"kernel_size": (2, -3)}, ["kernel_size", -3]),
    ({"kernel_size": 2.5}, ["kernel_size", 2.5]),
    ({"kernel_size": None}, ["kernel_size", "None"]),
    ({"kernel_size": 8}, [8, 7]),
    ({"stride": 0}, ["stride", 0]),
    ({"padding": -1}, ["padding", -1]),
    ({"padding": "full"}, ["padding", "full"]),
    ({"padding": "same", "stride": 2}, ["same", "stride"]),
    ({"dilation": 0}, ["dilation", 0]),
    ({"dilation": 2**61}, []),
    ({"padding": 2**61}, ["large"]),
]


@pytest.mark.parametrize("bad, words", BAD, ids=lambda v: str(v)[:30] if isinstance(v, dict) else "")
def test_bad_windows_are_refused_before_anything_is_written(bad, words):
    out = np.full((2, 27, 35), 7, np.float32)
    with rejects("im2col", *words):
        ops.im2col(**({"x": X, "kernel_size": 3, "out": out} | bad))
    out_image = np.full((2, 3, 7, 9), 7, np.float32)
    with rejects("col2im"):
        ops.col2im(**({"cols": out, "output_size": (7, 9), "kernel_size": 3, "out": out_image} | bad))
    assert (out == 7).all() and (out_image == 7).all()


@pytest.mark.parametrize(
    "shape, size, words",
    [
        ((2, 26, 35), (7, 9), [26, 9]),  # no multiple of the taps
        ((2, 27, 34), (7, 9), [34, 35]),
        ((2, 27, 35), (9, 8), [35, 42]),
        ((2, 27, 35), (2, 9), ["extent", 3]),
        ((2, 27, 35), 0, ["output_size", 0]),
        ((2, 27, 35), (7, 9, 1), ["output_size"]),
        ((2, 27, 35), 7.0, ["output_size"]),
    ],
)
def test_columns_that_do_not_fit_the_image_are_refused(shape, size, words):
    with rejects("col2im", *words):
        ops.col2im(np.ones(shape, np.float32), size, 3)


def test_strides_and_dilations_without_use_may_be_of_any_size():
    args = {"stride": 2**61, "padding": (0, 3), "dilation": (2**60, 1)}
    cols = ops.im2col(X, (1, 9), **args)
    tolerance.assert_same(cols, naive.im2col(X, (1, 9), padding=(0, 3), stride=100).astype(np.float32))
    image = naive.col2im(cols, (7, 9), (1, 9), padding=(0, 3), stride=100)
    tolerance.assert_same(ops.col2im(cols, (7, 9), (1, 9), **args), image.astype(np.float32))


def test_an_empty_image_is_refused_and_channels_may_be_missing():
    with rejects("im2col", "empty"):
        ops.im2col(X[:, :, :0], 3)
    assert ops.im2col(X[:, :0], 3).shape == (2, 0, 35)
    assert ops.col2im(np.ones((2, 0, 35)), (7, 9), 3).shape == (2, 0, 7, 9)


def test_blocked_columns_are_plain():
    assert type(ops.im2col(fastnn.blocked(X), 3)) is np.ndarray
