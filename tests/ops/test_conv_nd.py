"""conv1d and conv3d with their gradients: the contract, then what is special about a sequence."""

import math

import cases_nd
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops


def normal(rng, case, *names):
    shapes = {"x": case.x, "weight": case.weight, "bias": case.weight[:1], "gy": case.y}
    return {name: rng.standard_normal(shapes[name]) for name in names}


class Forward(contract.Out, contract.Differentiable):
    family, rank = "conv", 0

    def inputs(self, case, rng):
        return normal(rng, case, "x", "weight", *(["bias"] if case.bias else []))

    def length(self, case):
        return math.prod(case.weight[1:]) + 1

    def call(self, case, a, **extra):
        return getattr(ops, self.op)(a["x"], a["weight"], a.get("bias"), **case.args, **extra)

    def expected(self, case, a):
        return naive.conv(a["x"], a["weight"], a.get("bias"), **case.args)

    def gradients(self, case, a, gy, y):
        gradients = {
            "x": getattr(ops, f"{self.op}_grad_input")(gy, a["weight"], case.x, **case.args),
            "weight": getattr(ops, f"{self.op}_grad_weight")(gy, a["x"], case.weight, **case.args),
        }
        return gradients | ({"bias": getattr(ops, f"{self.op}_grad_bias")(gy)} if case.bias else {})


class Packed(Forward):
    """The contract's inputs meet both the packing and the packed call."""

    copied = ("weight", "bias")

    def call(self, case, a, **extra):
        packed = getattr(ops, self.op[0])(a["weight"], a.get("bias"), **case.args)
        return packed(a["x"], **extra)

    test_gradients = None


class GradInput(contract.Contract):
    family, batch = "conv", ("gy",)

    def inputs(self, case, rng):
        return normal(rng, case, "gy", "weight")

    def call(self, case, a):
        shape = (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])
        return getattr(ops, self.op)(a["gy"], a["weight"], shape, **case.args)

    def expected(self, case, a):
        return naive.conv_grad_input(a["gy"], a["weight"], (len(a["gy"]), *case.x[1:]), **case.args)

    def length(self, case):
        return case.weight[0] * math.prod(case.weight[2:])


class GradWeight(contract.Contract):
    family, batch = "conv", ("gy", "x")

    def inputs(self, case, rng):
        return normal(rng, case, "gy", "x")

    def call(self, case, a):
        return getattr(ops, self.op)(a["gy"], a["x"], case.weight, **case.args)

    def expected(self, case, a):
        return naive.conv_grad_weight(a["gy"], a["x"], case.weight, **case.args)

    def length(self, case):
        return case.y[0] * math.prod(case.y[2:])


class Sequences:
    cases, bulk = cases_nd.CONV1D, cases_nd.CONV1D_BULK
    probes = ("lanes_plus_1", "causal_dilated", "encoder", "depthwise")


class Volumes:
    cases, bulk = cases_nd.CONV3D, cases_nd.CONV3D_BULK
    probes = ("lanes_plus_1", "strided", "first_layer", "depthwise")


class TestConv1d(Sequences, Forward):
    op, ranks = "conv1d", (("x", 3), ("weight", 3), ("bias", 1))


class TestConv1dGradInput(Sequences, GradInput):
    op, ranks = "conv1d_grad_input", (("gy", 3), ("weight", 3))


class TestConv1dGradWeight(Sequences, GradWeight):
    op, ranks = "conv1d_grad_weight", (("gy", 3), ("x", 3))


class TestPackedConv1d(Sequences, Packed):
    op, ranks = ("pack_conv1d", "packed conv1d"), (("weight", 3), ("bias", 1))


class TestConv3d(Volumes, Forward):
    op, ranks = "conv3d", (("x", 5), ("weight", 5), ("bias", 1))


class TestConv3dGradInput(Volumes, GradInput):
    op, ranks = "conv3d_grad_input", (("gy", 5), ("weight", 5))


class TestConv3dGradWeight(Volumes, GradWeight):
    op, ranks = "conv3d_grad_weight", (("gy", 5), ("x", 5))


class TestPackedConv3d(Volumes, Packed):
    op, ranks = ("pack_conv3d", "packed conv3d"), (("weight", 5), ("bias", 1))


@pytest.mark.parametrize("op, shape", [("conv1d", (3, 18, 40)), ("conv3d", (2, 19, 3, 4, 5))])
def test_bias_gradients(op, shape):
    gy = np.random.default_rng(0).standard_normal(shape)
    gradient = getattr(ops, f"{op}_grad_bias")
    tolerance.assert_close(gradient(gy), naive.conv_grad_bias(gy), "conv", gy.size // shape[1])
    with rejects(f"{op}_grad_bias", "gy", shape[1:]):
        gradient(gy[0])


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("op, table", [("conv1d", cases_nd.CONV1D), ("conv3d", cases_nd.CONV3D)])
def test_activation_and_residual_are_fused_in_order(op, table, isa):
    for name in ("lanes_plus_1", "depthwise"):
        case, rng = table[name], np.random.default_rng(5)
        a = {k: v.astype(np.float32) for k, v in normal(rng, case, "x", "weight", "bias").items()}
        residual = rng.standard_normal(case.y).astype(np.float32)
        expected = naive.activation(naive.conv(**a, **case.args) + residual, ("leaky_relu", 0.2))
        result = getattr(ops, op)(**a, **case.args, activation=("leaky_relu", 0.2), residual=residual)
        tolerance.assert_close(result, expected, "activation", math.prod(case.weight[1:]) + 2)
        packed = getattr(ops, f"pack_{op}")(a["weight"], a["bias"], **case.args, activation=("leaky_relu", 0.2))
        tolerance.assert_same(packed(a["x"], residual=residual), result)


def test_a_causal_convolution_sees_nothing_of_the_future():
    """Infinity from sample 20 on leaves everything before finite, and reaches everything after."""
    x, weight = np.ones((1, 3, 50), np.float32), np.ones((4, 3, 3), np.float32)
    x[:, :, 20:] = np.inf
    y = ops.conv1d(x, weight, padding=((8, 0),), dilation=4)
    assert y.shape == (1, 4, 50) and np.isfinite(y[:, :, :20]).all() and np.isinf(y[:, :, 20:]).all()


def test_a_sequence_is_an_image_of_one_row_and_of_one_slice():
    rng = np.random.default_rng(3)
    x, weight = rng.standard_normal((2, 18, 31)), rng.standard_normal((7, 18, 4))
    y = ops.conv1d(x, weight, stride=2, padding=3)
    image = ops.conv2d(x[:, :, None], weight[:, :, None], stride=(1, 2), padding=(0, 3))
    tolerance.assert_same(image[:, :, 0], y)
    volume = ops.conv3d(x[:, :, None, None], weight[:, :, None, None], stride=(1, 1, 2), padding=(0, 0, 3))
    tolerance.assert_same(volume[:, :, 0, 0], y)


def test_sequences_and_volumes_are_never_blocked():
    x = fastnn.blocked(np.ones((1, 3, 4, 5), np.float32))
    for rank in (1, 3):
        with rejects(f"conv{rank}d", "x", (1, 3, 4, 5)):
            getattr(ops, f"conv{rank}d")(x, np.ones((2, 3) + (1,) * rank, np.float32))


X1, W1 = np.ones((2, 6, 9), np.float32), np.ones((8, 6, 3), np.float32)
X3, W3 = np.ones((2, 6, 3, 4, 5), np.float32), np.ones((8, 6, 1, 2, 3), np.float32)


@pytest.mark.parametrize(
    "op, bad, words",
    [
        ("conv1d", {"padding": (1, 2)}, ["padding", "one integer", (1, 2)]),
        ("conv1d", {"padding": ((1, 2), (3, 4))}, ["padding", "(before, after)"]),
        ("conv1d", {"stride": (1, 2)}, ["stride", (1, 2)]),
        ("conv1d", {"dilation": 5}, [11, 9]),
        ("conv1d", {"padding": "same", "stride": 2}, ["same", "stride"]),
        ("conv1d", {"weight": W3}, ["weight", "OC, C/groups, K]", W3.shape]),
        ("conv1d", {"groups": 4}, ["groups=4"]),
        ("conv3d", {"padding": (1, 2)}, ["padding", "three", (1, 2)]),
        ("conv3d", {"stride": (1, 0, 2)}, ["stride", 0]),
        ("conv3d", {"x": X3[:, :, :0]}, ["x", 0]),
        ("conv3d", {"dilation": (1, 1, 3)}, [(1, 2, 7), (3, 4, 5)]),
    ],
)
def test_bad_arguments_are_refused(op, bad, words):
    right = {"x": X1, "weight": W1} if op == "conv1d" else {"x": X3, "weight": W3}
    with rejects(op, *words):
        getattr(ops, op)(**(right | bad))
