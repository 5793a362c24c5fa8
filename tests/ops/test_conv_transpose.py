"""Transposed convolutions and their gradients: the contract, then what only they can get wrong."""

import copy
import math
import pickle

import cases
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
    shapes = {"x": case.x, "weight": case.weight, "bias": (case.oc,), "gy": case.y}
    return {name: rng.standard_normal(shapes[name]) for name in names}


def terms(case):
    """Of the longest sum of the forward direction."""
    return case.weight[0] * math.prod(case.weight[2:]) + 1


class Forward(contract.Out, contract.Differentiable):
    family = "conv"

    def inputs(self, case, rng):
        return normal(rng, case, "x", "weight", *(["bias"] if case.bias else []))

    def length(self, case):
        return terms(case)

    def call(self, case, a, **extra):
        return getattr(ops, self.op)(a["x"], a["weight"], a.get("bias"), **case.args, **extra)

    def expected(self, case, a):
        return naive.conv_transpose(a["x"], a["weight"], a.get("bias"), **case.args)

    def gradients(self, case, a, gy, y):
        gradients = {
            "x": getattr(ops, f"{self.op}_grad_input")(gy, a["weight"], case.x, **case.args),
            "weight": getattr(ops, f"{self.op}_grad_weight")(gy, a["x"], case.weight, **case.args),
        }
        return gradients | ({"bias": getattr(ops, f"{self.op}_grad_bias")(gy)} if case.bias else {})


class GradInput(contract.Contract):
    family, batch = "conv", ("gy",)

    def inputs(self, case, rng):
        return normal(rng, case, "gy", "weight")

    def call(self, case, a):
        shape = (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])
        return getattr(ops, self.op)(a["gy"], a["weight"], shape, **case.args)

    def expected(self, case, a):
        return naive.conv_transpose_grad_input(a["gy"], a["weight"], (len(a["gy"]), *case.x[1:]), **case.args)

    def length(self, case):
        return math.prod(case.weight[1:])


class GradWeight(contract.Contract):
    family, batch = "conv", ("gy", "x")

    def inputs(self, case, rng):
        return normal(rng, case, "gy", "x")

    def call(self, case, a):
        return getattr(ops, self.op)(a["gy"], a["x"], case.weight, **case.args)

    def expected(self, case, a):
        return naive.conv_transpose_grad_weight(a["gy"], a["x"], case.weight, **case.args)

    def length(self, case):
        return case.x[0] * math.prod(case.x[2:])


class Images:
    cases, bulk = cases_nd.TRANSPOSED2D, cases_nd.TRANSPOSED2D_BULK
    probes = ("lanes_plus_1", "dcgan_last", "output_padding", "groups_narrow", "depthwise")


class Sequences:
    cases, bulk = cases_nd.TRANSPOSED1D, cases_nd.TRANSPOSED1D_BULK
    probes = ("lanes_plus_1", "last", "dilated")


class Volumes:
    cases, bulk = cases_nd.TRANSPOSED3D, cases_nd.TRANSPOSED3D_BULK
    probes = ("strided", "last", "output_padding")


class TestConvTranspose2d(Images, contract.ImageOut, Forward):
    op, ranks = "conv_transpose2d", (("x", 4), ("weight", 4), ("bias", 1))


class TestConvTranspose2dGradInput(Images, contract.Image, GradInput):
    op, ranks, images = "conv_transpose2d_grad_input", (("gy", 4), ("weight", 4)), ("gy",)


class TestConvTranspose2dGradWeight(Images, contract.Image, GradWeight):
    op, ranks = "conv_transpose2d_grad_weight", (("gy", 4), ("x", 4))
    images, blocked_result = ("gy", "x"), False


class TestPackedConvTranspose2d(Images, contract.ImageOut, Forward):
    """The contract's inputs meet both the packing and the packed call."""

    op, copied = ("pack_conv_transpose2d", "packed conv_transpose2d"), ("weight", "bias")
    ranks = (("weight", 4), ("bias", 1))
    test_gradients = None

    def call(self, case, a, **extra):
        return ops.pack_conv_transpose2d(a["weight"], a.get("bias"), **case.args)(a["x"], **extra)


class TestConvTranspose1d(Sequences, Forward):
    op, ranks = "conv_transpose1d", (("x", 3), ("weight", 3), ("bias", 1))


class TestConvTranspose1dGradInput(Sequences, GradInput):
    op, ranks = "conv_transpose1d_grad_input", (("gy", 3), ("weight", 3))


class TestConvTranspose1dGradWeight(Sequences, GradWeight):
    op, ranks = "conv_transpose1d_grad_weight", (("gy", 3), ("x", 3))


class TestConvTranspose3d(Volumes, Forward):
    op, ranks = "conv_transpose3d", (("x", 5), ("weight", 5), ("bias", 1))


class TestConvTranspose3dGradInput(Volumes, GradInput):
    op, ranks = "conv_transpose3d_grad_input", (("gy", 5), ("weight", 5))


class TestConvTranspose3dGradWeight(Volumes, GradWeight):
    op, ranks = "conv_transpose3d_grad_weight", (("gy", 5), ("x", 5))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_bias_gradients(rank):
    gy = np.random.default_rng(0).standard_normal((2, 19, 3, 4, 5)[: rank + 2])
    gradient = getattr(ops, f"conv_transpose{rank}d_grad_bias")
    tolerance.assert_close(gradient(gy), naive.conv_grad_bias(gy), "conv", gy.size // 19)
    with rejects(f"conv_transpose{rank}d_grad_bias", "gy", gy[0].shape):
        gradient(gy[0])


@pytest.mark.parametrize("rank, table", [(1, cases_nd.TRANSPOSED1D), (3, cases_nd.TRANSPOSED3D)])
def test_packed_sequences_and_volumes(rank, table):
    for case in table.values():
        a = normal(np.random.default_rng(1), case, "x", "weight", "bias")
        packed = getattr(ops, f"pack_conv_transpose{rank}d")(a["weight"], a["bias"], **case.args)
        plain = getattr(ops, f"conv_transpose{rank}d")(**a, **case.args)
        tolerance.assert_same(packed(a["x"]), plain)


# ---- fused residual and activation ---------------------------------------------------------------------
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("kind", ["relu", "tanh", ("clip", 0.5, 1.5), ("leaky_relu", 0.2)], ids=str)
@pytest.mark.parametrize("name", ["lanes_plus_1", "dcgan_last", "fcn", "groups_narrow", "depthwise", "crop_gt_kernel"])
def test_activation_and_residual_are_fused_in_order(name, kind, isa):
    case, rng = cases_nd.TRANSPOSED2D[name], np.random.default_rng(5)
    a = {k: v.astype(np.float32) for k, v in normal(rng, case, "x", "weight", "bias").items()}
    residual = rng.standard_normal(case.y).astype(np.float32)
    expected = naive.activation(naive.conv_transpose(**a, **case.args) + residual, kind)
    packed = ops.pack_conv_transpose2d(a["weight"], a["bias"], **case.args, activation=kind)
    for result in [
        ops.conv_transpose2d(**a, **case.args, activation=kind, residual=residual),
        packed(a["x"], residual=residual),
        packed(fastnn.blocked(a["x"]), residual=fastnn.blocked(residual)),
    ]:
        tolerance.assert_close(result, expected, "activation", terms(case) + 1)
    contract.buffers.assert_blocked(result, case.y, np.float32)


# ---- what it is the transpose of -----------------------------------------------------------------------
@pytest.mark.parametrize("name", ["dcgan", "dcgan_last", "dilated", "groups", "asymmetric_crop", "output_padding"])
def test_it_is_the_transpose_of_the_convolution(name):
    """<gy, transposed(x)> = <conv(gy), x> for every gy and x."""
    case, args = cases_nd.TRANSPOSED2D[name], dict(cases_nd.TRANSPOSED2D[name].args)
    a = normal(np.random.default_rng(2), case, "x", "weight", "gy")
    y = ops.conv_transpose2d(a["x"], a["weight"], **args)
    args.pop("output_padding", None)
    back = ops.conv2d(a["gy"], a["weight"], **args)
    np.testing.assert_allclose(np.vdot(a["gy"], y), np.vdot(back, a["x"]), rtol=1e-10)


@pytest.mark.parametrize("name", ["prime_everything", "dilated_strided", "groups", "depthwise_strided", "resnet_stem"])
def test_it_is_the_input_gradient_of_the_convolution(name):
    """With the output padding that the convolution's rounding lost."""
    case = cases.CONV[name]
    rng = np.random.default_rng(4)
    gy, weight = rng.standard_normal(case.y), rng.standard_normal(case.weight)
    gx = ops.conv2d_grad_input(gy, weight, case.x, **case.args)
    plain = {"stride": 1, "padding": 0, "dilation": 1} | {k: v for k, v in case.args.items() if k != "groups"}
    stride, padding, dilation = map(naive.pair, plain.values())
    axes = zip(case.x[2:], case.y[2:], case.weight[2:], stride, padding, dilation, strict=True)
    extra = tuple(i - ((o - 1) * s - 2 * p + d * (k - 1) + 1) for i, o, k, s, p, d in axes)
    y = ops.conv_transpose2d(gy, weight, output_padding=extra, **case.args)
    tolerance.assert_same(y, gx)


# ---- which algorithm, NaN and infinity -----------------------------------------------------------------
@pytest.mark.parametrize(
    "name, word",
    [("dcgan_last", "sub-pixel"), ("fcn", "sub-pixel"), ("espcn", "sub-pixel"), ("groups_narrow", "sub-pixel"),
     ("lanes_plus_1", "direct"), ("stride_gt_kernel", "direct"), ("depthwise", "depthwise")],
)  # fmt: skip
def test_explain_names_the_algorithm(name, word):
    case = cases_nd.TRANSPOSED2D[name]
    packed = ops.pack_conv_transpose2d(np.ones(case.weight, np.float32), **case.args)
    text = fastnn.explain(packed, case.x)
    assert word in text and "conv_transpose2d" in text and str(list(case.y)) in text
    assert repr(packed).startswith("PackedConv(conv_transpose2d, ") and "output_padding=" in repr(packed)


def test_an_algorithm_can_be_forced_and_refused():
    rng = np.random.default_rng(4)
    x, weight = rng.standard_normal((1, 20, 9, 10)), rng.standard_normal((20, 18, 3, 3))
    expected = naive.conv_transpose(x, weight, padding=1)
    for algorithm, family in [("direct", "conv"), ("winograd2", "winograd2"), ("winograd4", "winograd4")]:
        y = ops.conv_transpose2d(x.astype(np.float32), weight.astype(np.float32), padding=1, algorithm=algorithm)
        tolerance.assert_close(y, expected, family, 20 * 9)
        packed = ops.pack_conv_transpose2d(weight.astype(np.float32), padding=1, algorithm=algorithm)
        tolerance.assert_same(packed(x.astype(np.float32)), y)
    for refused in (ops.conv_transpose2d, lambda x, *a, **k: ops.pack_conv_transpose2d(*a, **k)):
        with rejects(("conv_transpose2d", "pack_conv_transpose2d"), "winograd4", "stride"):
            refused(x, weight, stride=2, algorithm="winograd4")


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["lanes_plus_1", "dcgan_last", "fcn", "dilated", "groups_narrow", "stride_gt_kernel"])
def test_nan_and_infinity_stay_where_the_kernel_puts_them(name, poison, isa):
    case = cases_nd.TRANSPOSED2D[name]
    a = {k: v.astype(np.float32) for k, v in normal(np.random.default_rng(8), case, "x", "weight").items()}
    a["x"][0, -1, case.x[2] // 2, case.x[3] // 3] = poison
    expected = naive.conv_transpose(**a, **case.args)
    assert not np.isfinite(expected).all() and np.isfinite(expected).any()
    tolerance.assert_close(ops.conv_transpose2d(**a, **case.args), expected, "conv", terms(case))
    blocked = ops.conv_transpose2d(fastnn.blocked(a["x"]), a["weight"], **case.args)
    tolerance.assert_close(blocked, expected, "conv", terms(case))


# ---- packed objects, errors ----------------------------------------------------------------------------
X, WEIGHT, BIAS = (np.ones(shape, np.float32) for shape in [(2, 6, 4, 5), (6, 8, 3, 2), (8,)])


def test_packed_objects_can_be_pickled_and_copied():
    packed = ops.pack_conv_transpose2d(WEIGHT, BIAS, 2, ((1, 0), (0, 1)), (1, 0), activation="relu")
    for copied in (pickle.loads(pickle.dumps(packed)), copy.deepcopy(packed)):
        tolerance.assert_same(copied(X), packed(X))
        assert copied.output_padding == (1, 0) and copied.transposed and copied.nbytes == packed.nbytes


def test_packed_weights_serve_any_size_and_refuse_what_does_not_fit():
    packed = ops.pack_conv_transpose2d(WEIGHT, BIAS, padding=1)
    for h, w in [(1, 2), (4, 9), (17, 3)]:
        x = np.random.default_rng(h).standard_normal((2, 6, h, w)).astype(np.float32)
        tolerance.assert_close(packed(x), naive.conv_transpose(x, WEIGHT, BIAS, padding=1), "conv", terms_of(WEIGHT))
    op = ("pack_conv_transpose2d", "packed conv_transpose2d")
    for x, words in [(X[:, :5], [5, 6]), (X.astype(np.float64), ["float64", "float32"]), (X[0], ["x", X[0].shape])]:
        with rejects(op, *words):
            packed(x)
    with rejects(op, "input", 5, 6):
        ops.pack_conv_transpose2d(WEIGHT, input_shape=(1, 5, 4, 4))


def terms_of(weight):
    return weight.shape[0] * math.prod(weight.shape[2:]) + 1


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"output_padding": 1}, ["output_padding", (1, 1), "stride", "dilation"]),
        ({"output_padding": (1, 2), "stride": 2}, ["output_padding", (1, 2), (2, 2)]),
        ({"output_padding": -1}, ["output_padding", -1]),
        ({"output_padding": 0.5}, ["output_padding", 0.5]),
        ({"padding": 3}, ["padding", "size"]),
        ({"padding": ((0, 6), (0, 0))}, ["padding", "size", (0, 6)]),
        ({"padding": "same"}, ["padding", "same"]),
        ({"padding": -1}, ["padding", -1]),
        ({"padding": (1, 2, 3)}, ["padding", 3]),
        ({"stride": 0}, ["stride", 0]),
        ({"stride": 2**40}, ["output", 3 * 2**40 + 3]),
        ({"dilation": 0}, ["dilation", 0]),
        ({"groups": 4}, ["groups=4", 6]),
        ({"groups": 0}, ["groups", 0]),
        ({"weight": np.ones((5, 8, 3, 2), np.float32)}, ["weight", 5, 6]),
        ({"weight": np.ones((6, 0, 3, 2), np.float32)}, ["weight", (6, 0, 3, 2)]),
        ({"weight": np.ones((6, 8, 0, 2), np.float32)}, ["weight", (6, 8, 0, 2)]),
        ({"weight": np.ones((6, 8, 3), np.float32)}, ["weight", "C, OC/groups", (6, 8, 3)]),
        ({"bias": np.ones(6, np.float32)}, ["bias", 6, 8]),
        ({"x": X[:, :, :0]}, ["x", 0]),
        ({"x": X[0]}, ["x", "[N, C, H, W]"]),
        ({"activation": "swish"}, ["activation", "swish"]),
        ({"residual": np.ones((2, 8, 5, 6), np.float32)}, ["residual", (2, 8, 6, 6)]),
    ],
    ids=lambda v: str(v)[:40] if isinstance(v, list) else None,
)
def test_bad_arguments_are_refused_before_anything_is_written(bad, words):
    out = np.full((2, 8, 6, 6), 7, np.float32)
    with rejects("conv_transpose2d", *words):
        ops.conv_transpose2d(**({"x": X, "weight": WEIGHT, "bias": BIAS, "out": out} | bad))
    assert (out == 7).all()


@pytest.mark.parametrize("stride", [7, 2**40])
def test_a_stride_beyond_the_output_costs_nothing(stride):
    """One source pixel: the output is the kernel, whatever the stride; and the convolution's gradient likewise."""
    x, gy = np.full((1, 6, 1, 1), 2, np.float32), np.full((1, 6, 1, 1), 2, np.float32)
    y = ops.conv_transpose2d(x, WEIGHT, stride=stride)
    tolerance.assert_same(y, np.full((1, 8, 3, 2), 12, np.float32))
    gx = ops.conv2d_grad_input(gy, WEIGHT, (1, 8, 6, 7), stride=stride)
    tolerance.assert_same(gx[:, :, :3, :2], y)
    assert not gx[:, :, 3:].any() and not gx[..., 2:].any()


def test_gradients_refuse_shapes_that_do_not_fit():
    gy = np.ones((2, 8, 6, 6), np.float32)
    assert ops.conv_transpose2d_grad_input(gy, WEIGHT, X.shape).shape == X.shape
    with rejects("conv_transpose2d_grad_input", "gy", (2, 8, 7, 6)):
        ops.conv_transpose2d_grad_input(gy, WEIGHT, (2, 6, 5, 5))
    with rejects("conv_transpose2d_grad_input", "input_shape"):
        ops.conv_transpose2d_grad_input(gy, WEIGHT, (2, 6, 5))
    with rejects("conv_transpose2d_grad_weight", "gy", (2, 8, 6, 7)):
        ops.conv_transpose2d_grad_weight(gy, X, (6, 8, 3, 3))
