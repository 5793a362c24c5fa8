"""Every `algorithm` of conv2d: the contract on shapes that probe tiles, fused work, packed weights, strict sums."""

import dataclasses
import functools
import math
import threading

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops

ALGORITHMS = ("auto", "direct", "im2col", "winograd2", "winograd4")
WINOGRAD = ("winograd2", "winograd4")


@dataclasses.dataclass(frozen=True)
class Forced(cases.Conv):
    algorithm: str = "auto"

    def family(self, dtype):
        if self.algorithm == "auto":
            return "winograd4" if dtype == np.float32 else "conv"
        return self.algorithm if self.algorithm in WINOGRAD else "conv"

    @property
    def length(self):
        return math.prod(self.weight[1:]) + 1


def forced(case, algorithm):
    return Forced(**vars(case), algorithm=algorithm)


CASES = {f"{a}_{name}": forced(case, a) for a in ALGORITHMS for name, case in cases.CONV_3X3.items()}
DEPTHWISE = ("depthwise", "depthwise_strided")
CASES |= {f"forced_{name}": forced(cases.CONV[name], "depthwise") for name in DEPTHWISE}
CASES |= {f"im2col_{name}": forced(case, "im2col") for name, case in cases.CONV.items() if not case.is_depthwise}
BULK = [forced(case, a) for a in ("direct", "im2col", *WINOGRAD) for case in cases.CONV_3X3_BULK]


def normal(rng, case, *names):
    shapes = {"x": case.x, "weight": case.weight, "bias": case.weight[:1], "gy": case.y}
    return {name: rng.standard_normal(shapes[name]) for name in names}


class TestConv2d(contract.ImageOut):
    op, cases, bulk = "conv2d", CASES, BULK
    probes = ("winograd4_tile_plus_1", "winograd2_groups", "winograd4_groups_of_lanes_in_only", "forced_depthwise")
    ranks = (("weight", 4), ("bias", 1))

    def inputs(self, case, rng):
        return normal(rng, case, "x", "weight", *(["bias"] if case.bias else []))

    def call(self, case, a, **extra):
        return ops.conv2d(a["x"], a["weight"], a.get("bias"), **case.args, algorithm=case.algorithm, **extra)

    def expected(self, case, a):
        return naive.conv2d(a["x"], a["weight"], a.get("bias"), **case.args)

    def check(self, name, result):
        case = self.cases[name]
        tolerance.assert_close(result, self.oracle(name), case.family(result.dtype), case.length)

    def test_packed_weights_give_the_same_bits(self, name, isa, dtype):
        case, a = self.cases[name], self.arrays(name, dtype)
        packed = ops.pack_conv2d(a["weight"], a.get("bias"), **case.args, algorithm=case.algorithm)
        for kind in (np.asarray, fastnn.blocked):
            result = packed(kind(a["x"]))
            self.check(name, result)
            # "auto" may transform filters that are packed ahead and not others; direct sums follow the layout's order.
            if case.algorithm.startswith("winograd") or (case.algorithm != "auto" and kind is np.asarray):
                tolerance.assert_same(result, self.run(name, a))


class TestConv2dGradInput(contract.Image):
    op, batch, images, family = "conv2d_grad_input", ("gy",), ("gy",), "winograd4"
    cases, bulk = cases.CONV_3X3_GRAD, [cases.CONV_3X3_BULK[0]]
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

    def test_it_is_winograd_that_is_tested(self, name, precision):
        first = self.run(name, self.arrays(name, np.float32))
        precision("strict")
        assert (self.run(name, self.arrays(name, np.float32)) != first).any()


def turned(weight):
    """The filters whose convolution is the input gradient, padded by 2 less the padding."""
    return np.ascontiguousarray(np.swapaxes(weight, 0, 1)[:, :, ::-1, ::-1])


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("name, algorithm", [("tiles_of_2", "winograd2"), ("tiles_of_4", "winograd4")])
def test_the_input_gradient_has_the_bits_of_the_turned_convolution(name, algorithm, isa):
    case = cases.CONV_3X3_GRAD[name]
    a = {k: v.astype(np.float32) for k, v in normal(np.random.default_rng(3), case, "gy", "weight").items()}
    padding = tuple((2 - before, 2 - after) for before, after in naive.sides(case.args["padding"]))
    result = ops.conv2d_grad_input(a["gy"], a["weight"], case.x, **case.args)
    tolerance.assert_same(result, ops.conv2d(a["gy"], turned(a["weight"]), padding=padding, algorithm=algorithm))


# ---- fused work ----------------------------------------------------------------------------------------
ACTIVATIONS = ("relu", "relu6", ("clip", -0.5, 1.5), ("leaky_relu", 0.2), "silu", "hardswish", "sigmoid", "tanh")


@functools.cache
def summed(name):
    """Inputs, a residual, and what the activation is applied to."""
    case, rng = cases.CONV_3X3[name], np.random.default_rng(5)
    a = {k: v.astype(np.float32) for k, v in normal(rng, case, "x", "weight", "bias").items()}
    a["weight"] /= np.float32(math.sqrt(a["weight"][0].size))  # sums of size 1, where activations bend
    residual = rng.standard_normal(case.y).astype(np.float32)
    return a, residual, naive.conv2d(**a, **case.args) + residual


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("algorithm", WINOGRAD)
@pytest.mark.parametrize("name", ["tile_plus_1", "groups", "groups_of_lanes", "one_output"])
def test_activation_and_residual_are_fused_in_order(name, algorithm, dtype, isa):
    case = cases.CONV_3X3[name]
    a, residual, total = summed(name)
    a, residual = {k: v.astype(dtype) for k, v in a.items()}, residual.astype(dtype)
    for kind in ACTIVATIONS:
        expected = naive.activation(total, kind)
        options = {**case.args, "activation": kind, "algorithm": algorithm}
        packed = ops.pack_conv2d(a["weight"], a["bias"], **options)
        blocked = packed(fastnn.blocked(a["x"]), residual=fastnn.blocked(residual))
        contract.buffers.assert_blocked(blocked, case.y, dtype)
        for result in (ops.conv2d(**a, **options, residual=residual), packed(a["x"], residual=residual), blocked):
            tolerance.assert_close(result, expected, algorithm, a["weight"][0].size + 2, tolerance.rms(total))


def test_a_plain_image_can_be_written_blocked_and_a_blocked_one_plain():
    case = cases.CONV_3X3["groups"]
    a, residual, total = summed("groups")
    out = ops.Blocked.empty(case.y, np.float32)
    assert ops.conv2d(**a, **case.args, residual=residual, algorithm="winograd4", out=out) is out
    contract.buffers.assert_blocked(out, case.y, np.float32)
    tolerance.assert_close(out, total, "winograd4", a["weight"][0].size + 2)
    plain = np.empty(case.y, np.float32)
    a["x"] = fastnn.blocked(a["x"])
    ops.conv2d(**a, **case.args, residual=fastnn.blocked(residual), algorithm="winograd4", out=plain)
    tolerance.assert_same(plain, out.numpy())


# ---- strict sums ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def layer():
    """(x, weight) for which "auto" takes Winograd's method, packed or not."""
    rng = np.random.default_rng(1)
    return [rng.standard_normal(shape).astype(np.float32) for shape in ((1, 32, 30, 28), (48, 32, 3, 3))]


def test_strict_is_direct_at_once_and_default_comes_back(layer, precision):
    x, weight = layer
    packed, direct = ops.pack_conv2d(weight, padding=1), ops.pack_conv2d(weight, padding=1, algorithm="direct")
    gy = direct(x)
    calls = [
        lambda: packed(x),
        lambda: packed(fastnn.blocked(x)).numpy(),
        lambda: ops.conv2d(x, weight, padding=1),
        lambda: ops.conv2d_grad_input(gy, weight, x.shape, padding=1),
    ]
    fast = [call() for call in calls]
    precision("strict")
    exact = [call() for call in calls]
    assert all((a != b).any() for a, b in zip(fast, exact, strict=True))
    for result in exact[:3]:
        tolerance.assert_same(result, direct(x))
    tolerance.assert_close(exact[3], naive.conv2d_grad_input(gy, weight, x.shape, padding=1), "conv", 9 * 48)
    assert "direct" in fastnn.explain(packed, x.shape) and "strict" in fastnn.explain(packed, x.shape)
    precision("default")
    for call, result in zip(calls, fast, strict=True):
        tolerance.assert_same(call(), result)
    assert "Winograd" in fastnn.explain(packed, x.shape)


@pytest.mark.parametrize("algorithm", WINOGRAD)
def test_strict_refuses_what_is_forced(layer, algorithm, precision):
    x, weight = layer
    packed = ops.pack_conv2d(weight, algorithm=algorithm)
    before = packed(x)
    precision("strict")
    for op, call in {
        "conv2d": lambda: ops.conv2d(x, weight, algorithm=algorithm),
        "pack_conv2d": lambda: ops.pack_conv2d(weight, algorithm=algorithm),
        "packed conv2d": lambda: packed(x),
    }.items():
        with rejects(op, algorithm, "set_precision", "strict"):
            call()
    precision("default")
    tolerance.assert_same(packed(x), before)


def test_strict_holds_for_calls_that_begin_after_it_was_set(layer, precision):
    """Also where another thread was choosing an algorithm meanwhile: transforming filters lets other threads run."""
    x, weight = layer
    direct = ops.conv2d(x, weight, algorithm="direct")
    for _ in range(100):
        packed = ops.pack_conv2d(weight)
        planner = threading.Thread(target=packed, args=(x,))
        planner.start()
        precision("strict")
        planner.join()
        tolerance.assert_same(packed(x), direct)
        precision("default")


# ---- errors --------------------------------------------------------------------------------------------
REFUSED = {
    "kernel": ({"weight": (20, 18, 3, 2)}, {}, WINOGRAD, "kernel is not 3x3"),
    "stride": ({}, {"stride": (1, 2)}, WINOGRAD, "stride is not 1"),
    "dilation": ({}, {"dilation": (2, 1)}, WINOGRAD, "dilation is not 1"),
    "few channels": ({"x": (2, 8, 7, 9), "weight": (20, 8, 3, 3)}, {}, WINOGRAD, "8 input channels or fewer"),
    "narrow groups": ({"weight": (21, 6, 3, 3)}, {"groups": 3}, ("depthwise", "winograd2"), "cannot serve"),
    "one group": ({}, {}, ("depthwise",), "as many groups as input channels"),
    "multiplier": ({"weight": (36, 1, 3, 3)}, {"groups": 18}, ("depthwise", "winograd4"), "cannot serve"),
    "matrix of one channel": ({"weight": (18, 1, 3, 3)}, {"groups": 18}, ("im2col",), "one input and one output"),
    "matrix of a mirror": ({}, {"padding": 1, "padding_mode": "reflect"}, ("im2col",), "padding is not of zeros"),
    "channels last": ({"x": (2, 7, 9, 18)}, {"layout": "NHWC"}, ("im2col",), "image is NHWC"),
    "unknown": ({}, {}, ("Winograd4", "winograd", "fft", ""), "auto, direct, im2col, winograd2, winograd4, depthwise"),
    "no string": ({}, {}, (None, 2, b"direct", ["direct"], np.array(["direct", "auto"]), True), "must be a string"),
}


@pytest.mark.parametrize("shapes, args, algorithms, reason", REFUSED.values(), ids=REFUSED)
def test_an_algorithm_that_cannot_serve_says_why(shapes, args, algorithms, reason):
    x, weight = (np.ones(shapes.get(k, s), np.float32) for k, s in (("x", (2, 18, 7, 9)), ("weight", (20, 18, 3, 3))))
    for algorithm in algorithms:
        with rejects("conv2d", reason, "algorithm", algorithm if isinstance(algorithm, str) else ""):
            ops.conv2d(x, weight, **args, algorithm=algorithm)
        with rejects("pack_conv2d", reason, "algorithm"):
            ops.pack_conv2d(weight, **args, algorithm=algorithm)


def test_im2col_serves_images_and_sequences_only():
    x, weight = (np.ones(s, np.float32) for s in ((1, 3, 4, 5, 6), (2, 3, 2, 2, 2)))
    with rejects("conv3d", "im2col", "three-dimensional"):
        ops.conv3d(x, weight, algorithm="im2col")
    with rejects("conv_transpose2d", "im2col", "transposed"):
        ops.conv_transpose2d(x[:, :, 0], weight[:, :, 0].transpose(1, 0, 2, 3), algorithm="im2col")
    sequence, kernel = x[:, :, 0, 0], weight[:, :, 0, 0]
    tolerance.assert_same(ops.conv1d(sequence, kernel, algorithm="im2col"), np.full((1, 2, 5), 6, np.float32))


def test_names_may_be_numpy_strings():
    x, weight = (np.ones(s, np.float32) for s in ((1, 16, 4, 4), (3, 16, 3, 3)))
    packed = ops.pack_conv2d(weight, algorithm=np.str_("winograd2"))
    tolerance.assert_same(ops.conv2d(x, weight, algorithm=np.str_("winograd2")), packed(x))
