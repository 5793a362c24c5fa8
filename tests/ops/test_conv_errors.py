"""What conv2d and its gradients refuse, and in which words; the contract has ranks, dtypes and out=."""

import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops

X, WEIGHT, BIAS = (np.ones(shape, np.float32) for shape in [(2, 6, 5, 7), (8, 6, 3, 2), (8,)])
BAD_ARGUMENTS = [
    ({"weight": np.ones((8, 4, 3, 2), np.float32)}, ["weight", 4, 6, "groups=1"]),
    ({"bias": np.ones(9, np.float32)}, ["bias", 9, 8]),
    ({"groups": 4}, ["groups", 4, 6]),
    ({"groups": 3}, ["groups", 3, 8]),
    ({"groups": 0}, ["groups", 0]),
    ({"groups": -2}, ["groups", -2]),
    ({"groups": 2.0}, ["groups", 2.0]),
    ({"stride": 0}, ["stride", 0]),
    ({"stride": (1, -3)}, ["stride", -3]),
    ({"stride": float("nan")}, ["stride", "nan"]),
    ({"stride": (1, float("inf"))}, ["stride", "inf"]),
    ({"stride": 1.5}, ["stride", 1.5]),
    ({"stride": "2"}, ["stride", "2"]),
    ({"stride": (1, 2, 3)}, ["stride", 3]),
    ({"stride": None}, ["stride", "None"]),
    ({"stride": 2**80}, ["stride", 2**80]),
    ({"dilation": 0}, ["dilation", 0]),
    ({"dilation": (2, -1)}, ["dilation", -1]),
    ({"dilation": float("nan")}, ["dilation", "nan"]),
    ({"dilation": 2**62}, [2**62]),
    ({"padding": -1}, ["padding", -1]),
    ({"padding": ((0, 1), (2, -3))}, ["padding", -3]),
    ({"padding": float("inf")}, ["padding", "inf"]),
    ({"padding": (1, 2, 3)}, ["padding", 3]),
    ({"padding": "full"}, ["padding", "full"]),
    ({"padding": "same", "stride": 2}, ["padding", "same", "stride"]),
    ({"padding": 2**40}, ["pad", 2**41 + 5, 2**41 + 7]),  # 2^82 outputs: their number overflows
    ({"padding": 2**62}, [2**62]),
    ({"padding_mode": "mirror"}, ["padding_mode", "mirror"]),
    ({"layout": "CHWN"}, ["layout", "CHWN"]),
    ({"algorithm": "magic"}, ["algorithm", "magic"]),
    ({"x": np.ones((2, 6, 2, 7), np.float32)}, [3, 2]),  # a kernel of 3 rows on 2
    ({"x": np.ones((2, 6, 5, 3), np.float32), "dilation": (1, 3)}, [4, 3]),  # 2 taps 3 apart span 4 columns
    ({"x": np.ones((2, 6, 0, 7), np.float32)}, ["x", 0]),
    ({"weight": np.ones((8, 6, 0, 2), np.float32)}, ["weight", 0]),
    ({"x": np.ones((6, 7), np.float32)}, ["x", "(6, 7)"]),
    ({"x": np.ones((1, 2, 6, 5, 7), np.float32)}, ["x", "(1, 2, 6, 5, 7)"]),
    ({"x": None}, ["x"]),
    ({"weight": None}, ["weight"]),
    ({"x": "image"}, ["x"]),
    ({"residual": np.ones((2, 8, 3, 5), np.float32)}, ["residual", 5, 6]),
    ({"residual": np.ones((2, 8, 3, 6), np.float64)}, ["residual", "float64", "float32"]),
]


@pytest.mark.parametrize("bad, words", BAD_ARGUMENTS, ids=lambda v: str(v)[:40] if isinstance(v, list) else None)
def test_bad_arguments_are_refused_before_anything_is_written(bad, words):
    out = np.full((2, 8, 3, 6), 7, np.float32)
    with rejects("conv2d", *words):
        ops.conv2d(**({"x": X, "weight": WEIGHT, "bias": BIAS, "out": out} | bad))
    assert (out == 7).all()
    with rejects("conv2d", *words):
        ops.conv2d(**({"x": X, "weight": WEIGHT, "bias": BIAS} | bad))


@pytest.mark.parametrize(
    "shape, word",
    [
        ((2, 6, 5, 8), (2, 8, 3, 7)),  # what gy would have to be
        ((2, 5, 5, 7), 5),
        ((2, 6, 5), "input_shape"),
        ((2, 6, -5, 7), "input_shape"),
        ((2, 6, 5.0, 7), "input_shape"),
        (None, "input_shape"),
    ],
    ids=str,
)
def test_grad_input_refuses_shapes_that_do_not_fit(shape, word):
    gy = np.ones((2, 8, 3, 6), np.float32)
    with rejects("conv2d_grad_input", word):
        ops.conv2d_grad_input(gy, WEIGHT, shape)


@pytest.mark.parametrize(
    "shape, word",
    [
        ((8, 6, 3, 3), (2, 8, 3, 5)),
        ((7, 6, 3, 2), (2, 7, 3, 6)),
        ((8, 5, 3, 2), 5),
        ((8, 6, 3), "(8, 6, 3)"),
        ((8, 6, 0, 2), "(8, 6, 0, 2)"),
        ((8, 6, -3, 2), "weight_shape"),
        ("8632", "weight_shape"),
    ],
    ids=str,
)
def test_grad_weight_refuses_shapes_that_do_not_fit(shape, word):
    gy = np.ones((2, 8, 3, 6), np.float32)
    with rejects("conv2d_grad_weight", word):
        ops.conv2d_grad_weight(gy, X, shape)


def test_a_gradient_too_large_to_exist_is_refused():
    """Empty arrays with sizes that only multiply to something where the result is made."""
    nothing = np.empty((0, 2**40, 1, 1), np.float32)
    with rejects("conv2d_grad_weight", 2**40):
        ops.conv2d_grad_weight(nothing, nothing, (2**40, 2**40, 1, 1))


def test_gradients_refuse_a_batch_that_differs():
    gy = np.ones((3, 8, 3, 6), np.float32)
    with rejects("conv2d_grad_input", 3, 2):
        ops.conv2d_grad_input(gy, WEIGHT, X.shape)
    with rejects("conv2d_grad_weight", 3, 2):
        ops.conv2d_grad_weight(gy, X, WEIGHT.shape)


def test_numpy_integers_and_lists_are_numbers_too():
    expected = ops.conv2d(X, WEIGHT, BIAS, stride=(2, 1), padding=(1, 0))
    found = ops.conv2d(X, WEIGHT, BIAS, stride=[np.int64(2), np.uint8(1)], padding=np.array([1, 0]), groups=np.int32(1))
    tolerance.assert_same(found, expected)
