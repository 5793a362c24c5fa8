"""Padding modes and NHWC: conv2d and its gradients by the contract, then packed, recorded, in layers, other ranks."""

import math
from dataclasses import dataclass

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import nn, ops
from fastnn.autograd import Tensor, conv2d

MODES = ("reflect", "replicate", "circular")


@dataclass(frozen=True)
class Mode:
    """A convolution whose image goes on outside its bounds."""

    conv: cases.Conv
    mode: str

    @property
    def pads(self):
        """What `pad` takes: (before, after), the last axis first."""
        axes = naive.sides(self.conv.args.get("padding", 0), self.conv.weight[2:], self.conv.args.get("dilation", 1))
        return tuple(side for axis in reversed(axes) for side in axis)

    @property
    def args(self):
        return self.conv.args | {"padding_mode": self.mode}

    @property
    def unpadded(self):
        return self.conv.args | {"padding": 0}


def modes(names):
    """The cases whose padding each mode allows."""
    for name in names:
        for mode in MODES:
            case = Mode(cases.CONV[name], mode)
            before = max(max(case.pads[:2]) - case.conv.x[3], max(case.pads[2:]) - case.conv.x[2])
            if before < (0 if mode == "reflect" else 1) or mode == "replicate":
                yield f"{name}_{mode}", case


NAMES = (
    "lanes_plus_1", "prime_everything", "dilated", "dilated_strided", "groups", "depthwise", "depthwise_strided",
    "depthwise_multiplier", "resnet_stem", "gray_first_layer", "asymmetric_padding", "same_padding", "valid_padding",
    "padding_gt_kernel", "kernel_eq_padded_input", "wide", "tall", "deep_sum", "pointwise_padded", "several_bands",
)  # fmt: skip
PROBES = ("lanes_plus_1_reflect", "depthwise_circular", "resnet_stem_replicate", "groups_circular")


def last(array):
    """NCHW to NHWC."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def first(array):
    """NHWC to NCHW."""
    return np.moveaxis(np.asarray(array), -1, 1)


CASES = dict(modes(NAMES))
BULK = [Mode(case, mode) for case in cases.CONV_BULK[:1] + cases.CONV_BULK[2:] for mode in MODES]


class Modes(contract.Image):
    cases, bulk, probes, family = CASES, BULK, PROBES, "conv"

    def length(self, case):
        return math.prod(case.conv.weight[1:]) + 1


class TestConv2d(contract.ImageOut, contract.Differentiable, Modes):
    op, ranks = "conv2d", (("x", 4), ("weight", 4), ("bias", 1))

    def inputs(self, case, rng):
        shapes = {"x": case.conv.x, "weight": case.conv.weight, "bias": case.conv.weight[:1]}
        return {name: rng.standard_normal(shape) for name, shape in shapes.items()}

    def call(self, case, a, **extra):
        return ops.conv2d(a["x"], a["weight"], a["bias"], **case.args, **extra)

    def expected(self, case, a):
        return naive.conv2d(naive.pad(a["x"], case.pads, case.mode), a["weight"], a["bias"], **case.unpadded)

    def gradients(self, case, a, gy, y):
        return {
            "x": ops.conv2d_grad_input(gy, a["weight"], case.conv.x, **case.args),
            "weight": ops.conv2d_grad_weight(gy, a["x"], case.conv.weight, **case.args),
        }


class TestConv2dGradInput(Modes):
    op, batch, images, ranks = "conv2d_grad_input", ("gy",), ("gy",), (("gy", 4), ("weight", 4))

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.conv.y), "weight": rng.standard_normal(case.conv.weight)}

    def shape(self, a, case):
        return (a["gy"].shape[0] if a["gy"].ndim else 0, *case.conv.x[1:])

    def call(self, case, a):
        return ops.conv2d_grad_input(a["gy"], a["weight"], self.shape(a, case), **case.args)

    def expected(self, case, a):
        shape = self.shape(a, case)
        padded = naive.pad(np.zeros(shape), case.pads, case.mode).shape
        gradient = naive.conv2d_grad_input(a["gy"], a["weight"], padded, **case.unpadded)
        return naive.pad_grad_input(gradient, shape, case.pads, case.mode)

    def length(self, case):
        folded = (1 + sum(case.pads)) ** 2 if case.mode == "replicate" else 4
        return case.conv.weight[0] * math.prod(case.conv.weight[2:]) * folded


class TestConv2dGradWeight(Modes):
    op, batch, images, blocked_result = "conv2d_grad_weight", ("gy", "x"), ("gy", "x"), False
    ranks = (("gy", 4), ("x", 4))

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.conv.y), "x": rng.standard_normal(case.conv.x)}

    def call(self, case, a):
        return ops.conv2d_grad_weight(a["gy"], a["x"], case.conv.weight, **case.args)

    def expected(self, case, a):
        x = naive.pad(a["x"], case.pads, case.mode)
        return naive.conv2d_grad_weight(a["gy"], x, case.conv.weight, **case.unpadded)

    def length(self, case):
        return case.conv.y[0] * math.prod(case.conv.y[2:])


# ---- NHWC ----------------------------------------------------------------------------------------------
class Nhwc(contract.Contract):
    cases, bulk, family = cases.CONV, cases.CONV_BULK, "conv"
    probes = ("lanes_plus_1", "groups", "resnet_stem", "depthwise_multiplier", "pointwise_stride_2")

    def length(self, case):
        return math.prod(case.weight[1:]) + 1


class TestNhwcConv2d(contract.Out, contract.Differentiable, Nhwc):
    op, ranks = "conv2d", (("x", 4), ("weight", 4))

    def inputs(self, case, rng):
        bias = {"bias": rng.standard_normal(case.weight[0])} if case.bias else {}
        return {"x": last(rng.standard_normal(case.x)), "weight": rng.standard_normal(case.weight), **bias}

    def call(self, case, a, **extra):
        return ops.conv2d(a["x"], a["weight"], a.get("bias"), **case.args, layout="NHWC", **extra)

    def expected(self, case, a):
        return last(naive.conv2d(first(a["x"]), a["weight"], a.get("bias"), **case.args))

    def gradients(self, case, a, gy, y):
        bias = {"bias": ops.conv2d_grad_bias(gy, layout="NHWC")} if case.bias else {}
        return bias | {
            "x": ops.conv2d_grad_input(gy, a["weight"], a["x"].shape, **case.args, layout="NHWC"),
            "weight": ops.conv2d_grad_weight(gy, a["x"], case.weight, **case.args, layout="NHWC"),
        }


class TestNhwcGradInput(Nhwc):
    op, batch, ranks = "conv2d_grad_input", ("gy",), (("gy", 4),)

    def inputs(self, case, rng):
        return {"gy": last(rng.standard_normal(case.y)), "weight": rng.standard_normal(case.weight)}

    def call(self, case, a):
        _, c, h, w = case.x
        shape = (a["gy"].shape[0] if a["gy"].ndim else 0, h, w, c)
        return ops.conv2d_grad_input(a["gy"], a["weight"], shape, **case.args, layout="NHWC")

    def expected(self, case, a):
        shape = (len(a["gy"]), *case.x[1:])
        return last(naive.conv2d_grad_input(first(a["gy"]), a["weight"], shape, **case.args))

    def length(self, case):
        return case.weight[0] * math.prod(case.weight[2:])


class TestNhwcGradWeight(Nhwc):
    op, batch, ranks = "conv2d_grad_weight", ("gy", "x"), (("gy", 4), ("x", 4))

    def inputs(self, case, rng):
        return {"gy": last(rng.standard_normal(case.y)), "x": last(rng.standard_normal(case.x))}

    def call(self, case, a):
        return ops.conv2d_grad_weight(a["gy"], a["x"], case.weight, **case.args, layout="NHWC")

    def expected(self, case, a):
        return naive.conv2d_grad_weight(first(a["gy"]), first(a["x"]), case.weight, **case.args)

    def length(self, case):
        return case.y[0] * math.prod(case.y[2:])


class TestNhwcGradBias(Nhwc):
    op, batch, ranks = "conv2d_grad_bias", ("gy",), (("gy", 4),)

    def inputs(self, case, rng):
        return {"gy": last(rng.standard_normal(case.y))}

    def call(self, case, a):
        return ops.conv2d_grad_bias(a["gy"], layout="NHWC")

    def expected(self, case, a):
        return naive.conv2d_grad_bias(first(a["gy"]))

    def length(self, case):
        return case.y[0] * math.prod(case.y[2:])


# ---- packed, with everything fused, and the two together -------------------------------------------------
@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("mode", ["zeros", *MODES])
@pytest.mark.parametrize("name", ["lanes_plus_1", "groups", "depthwise", "resnet_stem", "same_padding"])
def test_packed_in_both_layouts_with_everything_fused(name, mode, dtype, isa):
    case, rng = cases.CONV[name], np.random.default_rng(8)
    arrays = (rng.standard_normal(shape).astype(dtype) for shape in (case.x, case.weight, case.weight[:1], case.y))
    x, weight, bias, residual = arrays
    padded = Mode(case, "constant" if mode == "zeros" else mode)
    total = naive.conv2d(naive.pad(x, padded.pads, padded.mode), weight, bias, **padded.unpadded) + residual
    expected = naive.activation(total, "silu")
    args = case.args | {"padding_mode": mode, "activation": "silu"}
    packed = ops.pack_conv2d(weight, bias, **args)
    packed_last = ops.pack_conv2d(weight, bias, **args, layout="NHWC", input_shape=last(x).shape)
    terms = math.prod(case.weight[1:]) + 2
    blocked = packed(fastnn.blocked(x), residual=fastnn.blocked(residual))
    for y in (packed(x, residual=residual), blocked, first(packed_last(last(x), residual=last(residual)))):
        tolerance.assert_close(y, expected, "activation", terms)
    out = np.zeros(last(expected).shape, dtype)
    assert packed_last(last(x), residual=last(residual), out=out) is out
    tolerance.assert_close(first(out), expected, "activation", terms)


def test_packed_objects_tell_and_keep_their_modes():
    import pickle

    packed = ops.pack_conv2d(np.ones((4, 3, 3, 3)), padding=1, padding_mode="circular", layout="NHWC")
    again = pickle.loads(pickle.dumps(packed))
    x = np.random.default_rng(0).standard_normal((1, 5, 6, 3))
    for p in (packed, again):
        assert p.padding_mode == "circular" and p.layout == "NHWC"
        assert "padding_mode='circular'" in repr(p) and "layout='NHWC'" in repr(p)
        assert "[1, 3, 5, 6]" in fastnn.explain(p, (1, 5, 6, 3))
    np.testing.assert_array_equal(packed(x), again(x))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rank", [1, 3])
def test_sequences_and_volumes(rank, mode, layout):
    rng = np.random.default_rng(9)
    size, kernel = (7, 9, 5)[:rank], (3, 2, 4)[:rank]
    x, weight = rng.standard_normal((2, 5, *size)), rng.standard_normal((6, 5, *kernel))
    padding, stride = (2, 1, 3)[:rank], (1, 2, 1)[:rank]
    flat = [side for p in reversed(padding) for side in (p, p)]
    parts = ("", "_grad_input", "_grad_weight")
    forward, grad_input, grad_weight = (getattr(ops, f"conv{rank}d{part}") for part in parts)
    padded = naive.pad(x, flat, mode)
    expected = forward(padded, weight, stride=stride)
    gy = rng.standard_normal(expected.shape)
    swap, back = (last, first) if layout == "NHWC" else (np.asarray, np.asarray)
    args = {"stride": stride, "padding": padding, "padding_mode": mode, "layout": layout}
    terms = 5 * math.prod(kernel)
    tolerance.assert_close(back(forward(swap(x), weight, **args)), expected, "conv", terms)
    gx = grad_input(swap(gy), weight, swap(x).shape, **args)
    folded = naive.pad_grad_input(grad_input(gy, weight, padded.shape, stride=stride), x.shape, flat, mode)
    tolerance.assert_close(back(gx), folded, "conv", 8 * terms)
    gw = grad_weight(swap(gy), swap(x), weight.shape, **args)
    tolerance.assert_close(gw, grad_weight(gy, padded, weight.shape, stride=stride), "conv", gy.size)


@pytest.mark.parametrize("mode", MODES)
def test_recorded_and_in_a_layer(mode):
    rng = np.random.default_rng(10)
    x = rng.standard_normal((2, 5, 6, 7)).astype(np.float32)
    layer = nn.Conv2d(5, 8, (3, 2), padding=(1, 2), padding_mode=mode)
    padded = naive.pad(x, (2, 2, 1, 1), mode).astype(np.float32)
    plain, through = Tensor(padded, requires_grad=True), Tensor(x, requires_grad=True)
    expected, y = conv2d(plain, layer.weight, layer.bias), layer(through)
    tolerance.assert_close(y.numpy(), expected.numpy().astype(np.float64), "conv", 31)
    gy = rng.standard_normal(y.shape).astype(np.float32)
    expected.backward(gy)
    by_hand = layer.weight.grad.numpy().copy()
    layer.zero_grad()
    y.backward(gy)
    folded = naive.pad_grad_input(plain.grad.numpy(), x.shape, (2, 2, 1, 1), mode)
    tolerance.assert_close(through.grad.numpy(), folded, "conv", 600)
    tolerance.assert_close(layer.weight.grad.numpy(), by_hand.astype(np.float64), "conv", 200)
    layer.eval()
    with fastnn.autograd.no_grad():
        tolerance.assert_close(layer(Tensor(x)).numpy(), expected.numpy().astype(np.float64), "conv", 31)
        layer.padding_mode = "zeros"  # the packed weights notice
        zeros = ops.conv2d(x, layer.weight.data, layer.bias.data, padding=(1, 2))
        tolerance.assert_close(layer(Tensor(x)).numpy(), zeros.astype(np.float64), "conv", 31)
    assert f"padding_mode={mode}" in repr(nn.Conv2d(5, 8, 3, padding_mode=mode))


@pytest.mark.parametrize("mode", MODES)
def test_layers_agree_with_pytorch(mode):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(11).standard_normal((2, 6, 7, 9)).astype(np.float32)
    theirs = torch.nn.Conv2d(6, 4, (3, 5), padding="same", dilation=(2, 1), padding_mode=mode, groups=2)
    ours = nn.Conv2d(6, 4, (3, 5), padding="same", dilation=(2, 1), padding_mode=mode, groups=2)
    ours.load_state_dict({name: value.detach().numpy() for name, value in theirs.state_dict().items()})
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    tolerance.assert_close(ours(x).numpy(), expected.astype(np.float64), "conv", 46)


# ---- bad input -----------------------------------------------------------------------------------------
X, WEIGHT = np.ones((2, 3, 5, 7), np.float32), np.ones((4, 3, 3, 3), np.float32)


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"padding_mode": "symmetric"}, ["padding_mode", "symmetric"]),
        ({"padding_mode": None}, ["padding_mode", "None"]),
        ({"layout": "NWHC"}, ["layout", "NWHC"]),
        ({"layout": 2}, ["layout", 2]),
        ({"padding_mode": "reflect", "padding": 5}, ["reflect", 5]),
        ({"padding_mode": "reflect", "padding": ((0, 0), (0, 7))}, ["reflect", 7]),
        ({"padding_mode": "circular", "padding": (6, 0)}, ["circular", 6, 5]),
        ({"layout": "NHWC"}, ["weight", 3, 7]),  # 7 channels
        ({"layout": "NHWC", "x": X[0]}, ["x", "(3, 5, 7)", "C]"]),
        ({"layout": "NHWC", "x": fastnn.blocked(X)}, ["x", "Blocked", "NHWC"]),
    ],
    ids=str,
)
def test_bad_modes_are_refused(bad, words):
    with rejects("conv2d", *words):
        ops.conv2d(**({"x": X, "weight": WEIGHT, "padding": 1} | bad))


def test_padding_as_wide_as_each_mode_allows():
    for mode, padding in (("reflect", (4, 6)), ("circular", (5, 7)), ("replicate", (9, 9))):
        sides = (padding[1], padding[1], padding[0], padding[0])
        expected = naive.conv2d(naive.pad(X, sides, mode), WEIGHT)
        tolerance.assert_close(ops.conv2d(X, WEIGHT, padding=padding, padding_mode=mode), expected, "conv", 27)


def test_nhwc_results_and_residuals_are_nhwc():
    x, weight = last(X), WEIGHT
    with rejects("conv2d", "out", "(2, 3, 5, 4)"):
        ops.conv2d(x, weight, layout="NHWC", out=np.zeros((2, 4, 3, 5), np.float32))
    with rejects("conv2d", "out"):
        ops.conv2d(x, weight, layout="NHWC", out=ops.Blocked.zeros((2, 4, 3, 5), np.float32))
    with rejects("conv2d", "residual", "(2, 3, 5, 4)"):
        ops.conv2d(x, weight, layout="NHWC", residual=np.zeros((2, 4, 3, 5), np.float32))
    with rejects("conv2d_grad_input", "gy", "(2, 3, 5, 4)"):
        ops.conv2d_grad_input(np.zeros((2, 4, 3, 5), np.float32), weight, x.shape, layout="NHWC")


def test_transposed_layers_know_zeros_only():
    with pytest.raises(ValueError, match="ConvTranspose2d: unknown padding_mode='reflect'; known are zeros"):
        nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect")
