"""conv_matrix: a convolution and its transpose as products with a matrix, sparse and dense."""

import sys

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops

NAMES = [name for name, case in cases.CONV.items() if np.prod(case.y) * np.prod(case.weight[1:]) < 300_000]


@pytest.fixture(params=["sparse", "dense"])
def kind(request, monkeypatch):
    """With SciPy, or as if it were not installed."""
    if request.param == "sparse":
        pytest.importorskip("scipy.sparse")
    else:
        monkeypatch.setitem(sys.modules, "scipy", None)
        monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    return request.param


def arrays(case, dtype):
    rng = np.random.default_rng(6)
    return [rng.standard_normal(shape).astype(dtype) for shape in (case.x, case.weight, case.y)]


@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_products_are_convolution_and_transposed_convolution(name, dtype, kind):
    case = cases.CONV[name]
    x, weight, gy = arrays(case, dtype)
    if kind == "dense" and np.prod(case.x) * np.prod(case.y) > 10_000_000:
        pytest.skip("large as a dense matrix")
    matrix = ops.conv_matrix(weight, case.x, **case.args)
    assert matrix.shape == (gy.size, x.size) and matrix.dtype == dtype
    y = (matrix @ x.ravel()).reshape(case.y)
    tolerance.assert_close(y, naive.conv2d(x, weight, **case.args), "conv", np.prod(case.weight[1:]))
    gx = (matrix.T @ gy.ravel()).reshape(case.x)
    terms = case.weight[0] * np.prod(case.weight[2:])
    tolerance.assert_close(gx, naive.conv2d_grad_input(gy, weight, case.x, **case.args), "conv", terms)
    tolerance.assert_close(gx, ops.conv2d_grad_input(gy, weight, case.x, **case.args).astype(np.float64), "conv", terms)


def test_the_matrix_is_the_convolution_of_every_unit_image(kind):
    case = cases.CONV["dilated_strided"]
    _, weight, _ = arrays(case, np.float64)
    pixels = int(np.prod(case.x))
    units = np.eye(pixels).reshape(pixels, *case.x[1:])
    columns = naive.conv2d(units, weight, **case.args).reshape(pixels, -1).T
    matrix = ops.conv_matrix(weight, case.x, **case.args)
    assert (type(matrix) is np.ndarray) == (kind == "dense")
    tolerance.assert_same(matrix if kind == "dense" else matrix.toarray(), columns)


def test_the_sparse_matrix_is_canonical():
    pytest.importorskip("scipy.sparse")
    case = cases.CONV["groups"]
    matrix = ops.conv_matrix(arrays(case, np.float32)[1], case.x, **case.args)
    assert matrix.format == "csr" and matrix.has_canonical_format
    assert matrix.nnz <= np.prod(case.y) * np.prod(case.weight[1:])


def test_an_empty_batch_has_an_empty_matrix(kind):
    assert ops.conv_matrix(np.ones((4, 3, 2, 2)), (0, 3, 5, 5)).shape == (0, 0)


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"input_shape": (1, 4, 9, 9)}, ["3 input channels", "input has 4"]),
        ({"input_shape": (3, 9, 9)}, ["input_shape", "(3, 9, 9)"]),
        ({"input_shape": (1, 3, 1, 9)}, ["extent", 1]),
        ({"input_shape": (1, 3, -9, 9)}, ["input_shape", "-9"]),
        ({"input_shape": None}, ["input_shape"]),
        ({"weight": np.ones((4, 3))}, ["weight", "(4, 3)"]),
        ({"weight": np.ones((4, 3, 2))}, ["input_shape"]),
        ({"weight": np.ones((4, 3, 2, 2), np.int32)}, ["weight", "int32"]),
        ({"stride": 0}, ["stride", 0]),
        ({"padding": -1}, ["padding", -1]),
        ({"dilation": (1, 0)}, ["dilation", 0]),
        ({"groups": 3}, ["groups", 3]),
        ({"input_shape": (8, 3, 4096, 4096)}, ["products"]),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(bad, words):
    with rejects("conv_matrix", *words):
        ops.conv_matrix(**({"weight": np.ones((4, 3, 2, 2)), "input_shape": (1, 3, 9, 9)} | bad))


def test_a_dense_matrix_of_absurd_size_is_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.setitem(sys.modules, "scipy.sparse", None)
    with rejects("conv_matrix", "bytes", "SciPy"):
        ops.conv_matrix(np.ones((8, 3, 3, 3)), (1, 3, 112, 112))
