"""conv2d and its three gradients: the contract, then what only a convolution can get wrong."""

import functools
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

PROBES = (
    "depthwise_5x5_stride_2",
    "few_channels_flat",
    "lanes_plus_1",
    "prime_everything",
    "groups",
    "resnet_stem",
    "depthwise_multiplier",
    "pointwise_stride_2",
)


def normal(rng, case, *names):
    shapes = {"x": case.x, "weight": case.weight, "bias": case.weight[:1], "gy": case.y}
    return {name: rng.standard_normal(shapes[name]) for name in names}


class Conv(contract.Image):
    cases, bulk, family, probes = cases.CONV, cases.CONV_BULK, "conv", PROBES

    def length(self, case):
        return math.prod(case.weight[1:]) + 1


class TestConv2d(contract.ImageOut, contract.Differentiable, Conv):
    op = "conv2d"
    ranks = (("weight", 4), ("bias", 1))

    def inputs(self, case, rng):
        return normal(rng, case, "x", "weight", *(["bias"] if case.bias else []))

    def call(self, case, a, **extra):
        return ops.conv2d(a["x"], a["weight"], a.get("bias"), **case.args, **extra)

    def expected(self, case, a):
        return naive.conv2d(a["x"], a["weight"], a.get("bias"), **case.args)

    def gradients(self, case, a, gy, y):
        gradients = {
            "x": ops.conv2d_grad_input(gy, a["weight"], case.x, **case.args),
            "weight": ops.conv2d_grad_weight(gy, a["x"], case.weight, **case.args),
        }
        return gradients | ({"bias": ops.conv2d_grad_bias(gy)} if case.bias else {})


class TestConv2dGradInput(Conv):
    op, batch, images = "conv2d_grad_input", ("gy",), ("gy",)
    ranks = (("gy", 4), ("weight", 4))

    def inputs(self, case, rng):
        return normal(rng, case, "gy", "weight")

    def call(self, case, a):
        shape = (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])
        return ops.conv2d_grad_input(a["gy"], a["weight"], shape, **case.args)

    def expected(self, case, a):
        return naive.conv2d_grad_input(a["gy"], a["weight"], (len(a["gy"]), *case.x[1:]), **case.args)

    def length(self, case):
        return case.weight[0] * math.prod(case.weight[2:])


class TestConv2dGradWeight(Conv):
    op, batch, images, blocked_result = "conv2d_grad_weight", ("gy", "x"), ("gy", "x"), False
    ranks = (("gy", 4), ("x", 4))

    def inputs(self, case, rng):
        return normal(rng, case, "gy", "x")

    def call(self, case, a):
        return ops.conv2d_grad_weight(a["gy"], a["x"], case.weight, **case.args)

    def expected(self, case, a):
        return naive.conv2d_grad_weight(a["gy"], a["x"], case.weight, **case.args)

    def length(self, case):
        return case.y[0] * math.prod(case.y[2:])


class TestConv2dGradBias(Conv):
    op, batch, images, blocked_result = "conv2d_grad_bias", ("gy",), ("gy",), False
    ranks = (("gy", 4),)

    def inputs(self, case, rng):
        return normal(rng, case, "gy")

    def call(self, case, a):
        return ops.conv2d_grad_bias(a["gy"])

    def expected(self, case, a):
        return naive.conv2d_grad_bias(a["gy"])

    def length(self, case):
        return case.y[0] * math.prod(case.y[2:])


# ---- fused residual and activation ---------------------------------------------------------------------
ACTIVATIONS = [
    "relu",
    "relu6",
    ("clip", -0.5, 1.5),
    ("leaky_relu", 0.2),
    "silu",
    "hardswish",
    "sigmoid",
    "tanh",
]


@functools.cache
def summed(name):
    """Inputs, a residual, and what the activation is applied to."""
    case, rng = cases.CONV[name], np.random.default_rng(5)
    a = {k: v.astype(np.float32) for k, v in normal(rng, case, "x", "weight", "bias").items()}
    residual = rng.standard_normal(case.y).astype(np.float32)
    return a, residual, naive.conv2d(**a, **case.args) + residual


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("kind", ACTIVATIONS, ids=str)
@pytest.mark.parametrize(
    "name",
    [
        *("lanes_plus_1", "depthwise", "depthwise_3x3_stride_2", "depthwise_7x7"),
        *("few_channels_flat", "few_channels_rows", "resnet_stem", "pointwise_planes", "one_pixel"),
    ],
)
def test_activation_and_residual_are_fused_in_order(name, kind, dtype, isa):
    case = cases.CONV[name]
    a, residual, total = summed(name)
    a, residual = {k: v.astype(dtype) for k, v in a.items()}, residual.astype(dtype)
    expected = naive.activation(total, kind)
    packed = ops.pack_conv2d(a["weight"], a["bias"], **case.args, activation=kind)
    results = [
        ops.conv2d(**a, **case.args, activation=kind, residual=residual),
        packed(a["x"], residual=residual),
        packed(fastnn.blocked(a["x"]), residual=fastnn.blocked(residual)),
    ]
    for result in results:
        tolerance.assert_close(result, expected, "activation", math.prod(case.weight[1:]) + 2)


@pytest.mark.parametrize("kind", ["swish", ("clip", 1), ("clip", 2.0, 1.0), ("leaky_relu",), 3, ("relu", 1)], ids=str)
def test_unknown_activation_is_refused(kind):
    x, weight = np.zeros((1, 2, 3, 4), np.float32), np.zeros((5, 2, 1, 1), np.float32)
    with rejects("conv2d", "activation"):
        ops.conv2d(x, weight, activation=kind)


def test_blocked_lanes_stay_zero_under_activations_that_move_zero():
    """sigmoid(0) is 1/2: the empty lanes must not get it."""
    case = cases.CONV["lanes_plus_1"]
    a = {k: v.astype(np.float32) for k, v in normal(np.random.default_rng(6), case, "x", "weight").items()}
    for kind in ("sigmoid", ("clip", 1.0, 2.0)):
        result = ops.conv2d(fastnn.blocked(a["x"]), a["weight"], **case.args, activation=kind)
        contract.buffers.assert_blocked(result, case.y, np.float32)


def test_a_plain_image_can_be_written_blocked():
    case = cases.CONV["resnet_stem"]
    a = {k: v.astype(np.float32) for k, v in normal(np.random.default_rng(6), case, "x", "weight").items()}
    out = ops.Blocked.empty(case.y, np.float32)
    assert ops.conv2d(a["x"], a["weight"], **case.args, out=out) is out
    contract.buffers.assert_blocked(out, case.y, np.float32)
    tolerance.assert_close(out, naive.conv2d(**a, **case.args), "conv", math.prod(case.weight[1:]))


# ---- NaN, infinity, zero sizes -------------------------------------------------------------------------
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name",
    [
        *("lanes_plus_1", "prime_everything", "groups", "depthwise", "depthwise_5x5_stride_2", "depthwise_dilated"),
        *("few_channels_flat", "few_channels_stride_2", "resnet_stem", "pointwise", "pointwise_planes"),
    ],
)
def test_nan_and_infinity_stay_in_their_receptive_field(name, poison, isa):
    case = cases.CONV[name]
    a = {k: v.astype(np.float32) for k, v in normal(np.random.default_rng(8), case, "x", "weight").items()}
    a["x"][0, case.x[1] - 1, case.x[2] // 2, case.x[3] // 3] = poison
    expected = naive.conv2d(**a, **case.args)
    assert not np.isfinite(expected).all() and np.isfinite(expected).any()
    tolerance.assert_close(ops.conv2d(**a, **case.args), expected, "conv", math.prod(case.weight[1:]))
    blocked = ops.conv2d(fastnn.blocked(a["x"]), a["weight"], **case.args)
    tolerance.assert_close(blocked, expected, "conv", math.prod(case.weight[1:]))


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("kind", [np.asarray, fastnn.blocked], ids=["plain", "blocked"])
@pytest.mark.parametrize("name", ["lanes_plus_1", "prime_everything", "groups", "depthwise", "resnet_stem"])
def test_nan_stays_in_its_channel_and_window_in_gradients(name, kind, isa):
    case = cases.CONV[name]
    a = {k: v.astype(np.float32) for k, v in normal(np.random.default_rng(8), case, "x", "weight", "gy").items()}
    a["gy"][0, -1, case.y[2] // 2, case.y[3] // 3] = np.nan
    gx = ops.conv2d_grad_input(kind(a["gy"]), a["weight"], case.x, **case.args)
    expected = naive.conv2d_grad_input(a["gy"], a["weight"], case.x, **case.args)
    tolerance.assert_close(gx, expected, "conv", TestConv2dGradInput().length(case))
    a["x"][0, -1, case.x[2] // 2, case.x[3] // 3] = np.nan
    gw = ops.conv2d_grad_weight(kind(a["gy"]), kind(a["x"]), case.weight, **case.args)
    expected = naive.conv2d_grad_weight(a["gy"], a["x"], case.weight, **case.args)
    assert np.isnan(expected).any() and np.isfinite(expected).any()
    tolerance.assert_close(gw, expected, "conv", TestConv2dGradWeight().length(case))


@pytest.mark.parametrize("dtype", contract.DTYPES)
def test_zero_channels_behave_as_in_pytorch(dtype):
    """PyTorch 2.13 gives an image without channels for one without channels, whatever weight and bias are."""
    y = ops.conv2d(np.zeros((2, 0, 4, 5), dtype), np.zeros((3, 0, 3, 2), dtype), np.ones(3, dtype))
    assert y.shape == (2, 0, 2, 4) and y.dtype == dtype
    with rejects("conv2d", "weight", 0):
        ops.conv2d(np.zeros((2, 4, 4, 5), dtype), np.zeros((0, 4, 3, 2), dtype))
