"""Convolutions on the device against those on the CPU: small, each probing one thing."""

import numpy as np
import pytest
from device import agrees

# name: (rank, x, weight, arguments)
CASES = {
    "resnet_3x3": (2, (2, 2, 4, 3), (3, 2, 3, 3), {"padding": 1}),
    "strided_stem": (2, (1, 2, 6, 5), (3, 2, 5, 4), {"stride": 2, "padding": 2}),
    "one_by_one": (2, (2, 6, 3, 2), (5, 6, 1, 1), {}),
    "groups_dilated": (2, (1, 4, 6, 5), (6, 2, 2, 3), {"groups": 2, "dilation": (1, 2), "padding": (0, 1)}),
    "depthwise_stride_2": (2, (1, 3, 6, 5), (6, 1, 3, 3), {"groups": 3, "stride": 2, "padding": 1}),
    "sequence": (1, (2, 3, 9), (4, 3, 3), {"padding": 2, "stride": 2}),
    "volume": (3, (1, 2, 2, 3, 3), (3, 2, 2, 3, 2), {"padding": (0, 1, 1)}),
}
TRANSPOSED = {
    "doubling": (2, (1, 2, 2, 3), (2, 3, 4, 4), {"stride": 2, "padding": 1}),
    "output_padding_groups": (2, (1, 4, 3, 2), (4, 2, 3, 3), {"stride": 2, "output_padding": 1, "groups": 2}),
    "sequence_dilated": (1, (2, 2, 5), (2, 3, 3), {"dilation": 2}),
}
named = pytest.mark.parametrize


def drawn(*shapes):
    rng = np.random.default_rng(11)
    return [rng.standard_normal(shape) for shape in shapes]


def check(op, rank, x_shape, w_shape, channels, args):
    x, w, b = drawn(x_shape, w_shape, (channels,))
    length = int(np.prod(w_shape))
    y = agrees(f"{op}{rank}d", x, w, b, **args, family="conv", length=length)
    (gy,) = drawn(tuple(y.shape))
    agrees(f"{op}{rank}d_grad_input", gy, w, x_shape, **args, family="conv", length=length)
    agrees(f"{op}{rank}d_grad_weight", gy, x, w_shape, **args, family="conv", length=gy.size)
    agrees(f"{op}{rank}d_grad_bias", gy, family="sum", length=gy.size)


@named("name", CASES)
def test_conv_and_its_gradients(name):
    rank, x, w, args = CASES[name]
    check("conv", rank, x, w, w[0], args)


@named("name", TRANSPOSED)
def test_transposed_conv_and_its_gradients(name):
    rank, x, w, args = TRANSPOSED[name]
    check("conv_transpose", rank, x, w, w[1] * args.get("groups", 1), args)


@named("activation", ["relu", "silu", ("clip", -0.5, 0.5), ("leaky_relu", 0.1)])
def test_fused_activation(activation):
    x, w, b = drawn((1, 2, 4, 3), (3, 2, 3, 3), (3,))
    agrees("conv2d", x, w, b, padding=1, activation=activation, family="conv", length=18)


@named("dtype", [np.float64])
def test_other_dtypes(dtype):
    x, w = drawn((1, 2, 4, 3), (3, 2, 3, 3))
    agrees("conv2d", x, w, family="conv", length=18, dtype=dtype)


def test_empty_batch():
    x, w = drawn((0, 2, 4, 3), (3, 2, 3, 3))
    assert tuple(agrees("conv2d", x, w).shape) == (0, 3, 2, 1)


@named("args", [{"kernel_size": (2, 3), "stride": (1, 2), "padding": 1}, {"kernel_size": 2, "dilation": (2, 1)}])
def test_im2col_and_back(args):
    (x,) = drawn((2, 2, 4, 5))
    cols = agrees("im2col", x, **args)
    agrees("col2im", drawn(tuple(cols.shape))[0], (4, 5), **args, family="sum", length=6)
