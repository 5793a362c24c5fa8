"""Packed convolution: weights in the order the kernel wants them, ready for any number of calls."""

import copy
import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import ops

NAMES = ("pack_conv2d", "packed conv2d")
X, WEIGHT, BIAS = (np.ones(shape, np.float32) for shape in [(2, 6, 5, 7), (8, 6, 3, 2), (8,)])


class TestPackedConv2d(contract.ImageOut):
    """The weights are packed once; the contract's inputs meet both the packing and the packed call."""

    op, family, copied = NAMES, "conv", ("weight", "bias")
    cases, bulk = cases.CONV, cases.CONV_BULK
    probes = (
        "lanes_plus_1",
        "prime_everything",
        "groups",
        "resnet_stem",
        "depthwise_multiplier",
        "pointwise_stride_2",
    )
    ranks = (("weight", 4), ("bias", 1))

    def inputs(self, case, rng):
        shapes = {"x": case.x, "weight": case.weight} | ({"bias": case.weight[:1]} if case.bias else {})
        return {name: rng.standard_normal(shape) for name, shape in shapes.items()}

    def expected(self, case, a):
        return naive.conv2d(a["x"], a["weight"], a.get("bias"), **case.args)

    def length(self, case):
        return math.prod(case.weight[1:]) + 1

    def call(self, case, a, **extra):
        packed = ops.pack_conv2d(a["weight"], a.get("bias"), **case.args)
        return packed(a["x"], **extra)


def test_packed_weights_do_not_follow_the_array_they_were_made_from():
    weight = WEIGHT.copy()
    packed = ops.pack_conv2d(weight, BIAS)
    before = packed(X)
    weight[...] = np.nan
    tolerance.assert_same(packed(X), before)


def test_packed_convolution_serves_any_size_of_image():
    packed = ops.pack_conv2d(WEIGHT, BIAS, padding=1)
    for h, w in [(1, 1), (4, 9), (17, 3)]:
        x = np.random.default_rng(h).standard_normal((2, 6, h, w)).astype(np.float32)
        tolerance.assert_close(packed(x), naive.conv2d(x, WEIGHT, BIAS, padding=1), "conv", WEIGHT[0].size + 1)


@pytest.mark.parametrize(
    "x, words",
    [
        (np.ones((2, 5, 5, 7), np.float32), [5, 6]),
        (np.ones((2, 6, 5, 7)), ["float64", "float32"]),
        (np.ones((2, 6, 2, 7), np.float32), [2, 3]),
        (np.ones((6, 7), np.float32), ["x", "(6, 7)"]),
    ],
)
def test_packed_convolution_refuses_what_it_was_not_packed_for(x, words):
    packed = ops.pack_conv2d(WEIGHT, BIAS)
    for image in [x] + ([fastnn.blocked(x)] if x.ndim == 4 else []):
        with rejects(NAMES, *words):
            packed(image)


# ---- copies and what they say of themselves ------------------------------------------------------------
OPTIONS = {
    "plain": {},
    "everything": {"stride": (2, 1), "padding": ((1, 0), (0, 1)), "dilation": (1, 2), "activation": ("clip", -1, 2)},
    "winograd4": {"padding": 1, "algorithm": "winograd4"},
    "winograd by auto": {"padding": "same", "activation": "relu"},
}


def packed_like(options, bias=True):
    rng = np.random.default_rng(0)
    x, weight = (rng.standard_normal(s).astype(np.float32) for s in ((1, 32, 10, 9), (40, 32, 3, 3)))
    return ops.pack_conv2d(weight, weight[:, 0, 0, 0] if bias else None, **options), x


@pytest.mark.parametrize("used", [False, True], ids=["new", "used"])
@pytest.mark.parametrize("bias", [False, True], ids=["no_bias", "bias"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("through", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_copies_compute_the_same(through, options, bias, used):
    packed, x = packed_like(options, bias)
    if used:
        packed(x)
    again = through(packed)
    assert repr(again) == repr(packed if again is packed else packed_like(options, bias)[0])
    tolerance.assert_same(again(x), packed(x))
    assert fastnn.explain(again, x.shape) == fastnn.explain(packed, x.shape)


def test_every_protocol_of_pickle_serves():
    packed, x = packed_like(OPTIONS["everything"])
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        tolerance.assert_same(pickle.loads(pickle.dumps(packed, protocol))(x), packed(x))


def test_transformed_filters_are_not_pickled():
    """They are made again where they are needed: four times the size of the direct ones."""
    packed, x = packed_like(OPTIONS["winograd4"])
    new, size = pickle.dumps(packed), packed.nbytes
    packed(x)
    assert packed.nbytes == size + 36 * 32 * 48 * 4  # points, in-channels, out-channels up to whole blocks, bytes
    assert pickle.dumps(packed) == new and pickle.loads(new).nbytes == size


def test_nbytes_counts_each_set_of_filters_once():
    packed, _ = packed_like({"padding": 1})
    direct = 9 * 32 * 48 * 4 + 40 * 4  # taps, in-channels, out-channels up to whole blocks, and the bias
    assert packed.nbytes == direct and f"nbytes={direct}" in repr(packed)
    for _ in range(3):
        for side in (6, 40, 41):  # tiles of 2x2, of 4x4
            packed(np.ones((1, 32, side, side), np.float32))
        assert packed.nbytes == direct + (16 + 36) * 32 * 48 * 4
    assert ops.pack_conv2d(WEIGHT, input_shape=X.shape).nbytes == ops.pack_conv2d(WEIGHT).nbytes


def test_an_input_shape_makes_the_filters_that_it_needs_at_once():
    ready, x = packed_like({"padding": 1, "input_shape": (1, 32, 10, 9)})
    size = ready.nbytes
    assert size > packed_like({"padding": 1})[0].nbytes
    ready(x)
    assert ready.nbytes == size


def test_the_repr_shows_what_was_asked_for():
    packed, _ = packed_like(OPTIONS["everything"] | {"algorithm": "direct"})
    words = "(40, 32, 3, 3)", "stride=(2, 1)", "padding=((1, 0), (0, 1))", "dilation=(1, 2)", "groups=1", "float32"
    assert all(word in repr(packed) for word in words)
    assert "algorithm='direct'" in repr(packed) and repr(packed).startswith("PackedConv(conv2d")


def test_eight_threads_that_are_all_the_first():
    """Filters are transformed once or several times, kept once, and never seen unfinished."""
    x = np.random.default_rng(0).standard_normal((1, 64, 12, 12)).astype(np.float32)
    weight = np.random.default_rng(1).standard_normal((128, 64, 3, 3)).astype(np.float32)
    expected = {side: ops.pack_conv2d(weight)(x[:, :, :side, :side]).tobytes() for side in (12, 7, 4)}
    for _ in range(5):
        packed, start = ops.pack_conv2d(weight), threading.Barrier(8)

        def work(i, packed=packed, start=start):
            start.wait()
            sides = [(12, 7, 4)[(i + k) % 3] for k in range(3)]
            return all(packed(x[:, :, :side, :side]).tobytes() == expected[side] for side in sides)

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(work, range(8)))
        assert packed.nbytes <= 4 * 64 * 128 * (9 + 16 + 36)


def test_weights_packed_on_one_instruction_set_serve_another():
    packed, x = packed_like(OPTIONS["winograd4"])
    expected, before = packed(x), fastnn.cpu.active()
    try:
        for isa in contract.isas():
            fastnn.cpu.use(isa)
            tolerance.assert_close(packed(x), expected.astype(np.float64), "winograd4", 9 * 32 + 1)
    finally:
        fastnn.cpu.use(before)


def test_more_shapes_than_are_remembered():
    packed = ops.pack_conv2d(WEIGHT, BIAS)
    for width in [*range(2, 80), 2, 3]:
        x = np.ones((1, 6, 3, width), np.float32)
        assert (packed(x) == WEIGHT[0].size + 1).all()


# ---- explain -------------------------------------------------------------------------------------------
THREE, ONE, DEPTH = (40, 32, 3, 3), (40, 32, 1, 1), (32, 1, 3, 3)
EXPLAINED = {
    "winograd4": (THREE, np.float32, {}, (1, 32, 40, 40), ["Winograd F(4x4, 3x3)", "least cost"]),
    "winograd2": (THREE, np.float32, {"padding": 1}, (1, 32, 6, 6), ["Winograd F(2x2, 3x3)", "least cost"]),
    "direct is cheaper": (THREE, np.float32, {}, (1, 32, 3, 3), ["direct", "least cost"]),
    "forced": (THREE, np.float32, {"algorithm": "winograd2"}, (1, 32, 40, 40), ["F(2x2", "algorithm='winograd2'"]),
    "forced direct": (THREE, np.float32, {"algorithm": "direct"}, (1, 32, 9, 9), ["direct", "algorithm='direct'"]),
    "float64": (THREE, np.float64, {}, (1, 32, 40, 40), ["direct", "float64"]),
    "pointwise": (ONE, np.float32, {}, (1, 32, 8, 8), ["direct", "not 3x3"]),
    "stride": (THREE, np.float32, {"stride": 2}, (1, 32, 8, 8), ["direct", "stride is not 1"]),
    "dilation": (THREE, np.float32, {"dilation": 2}, (1, 32, 8, 8), ["direct", "dilation is not 1"]),
    "first layer": ((64, 3, 3, 3), np.float32, {}, (1, 3, 8, 8), ["few channels", "8 input channels or fewer"]),
    "depthwise": (DEPTH, np.float32, {"groups": 32}, (1, 32, 8, 8), ["depthwise", "1 input channel a group"]),
    "forced depthwise": (
        DEPTH,
        np.float32,
        {"groups": 32, "algorithm": "depthwise"},
        (1, 32, 8, 8),
        ["depthwise, as algorithm='depthwise' asks"],
    ),
}


@pytest.mark.parametrize("weight, dtype, options, shape, words", EXPLAINED.values(), ids=EXPLAINED)
def test_explain_names_algorithm_and_reason(weight, dtype, options, shape, words):
    text = fastnn.explain(ops.pack_conv2d(np.zeros(weight, dtype), **options), shape)
    first, second = text.splitlines()
    assert first.startswith(f"conv2d {list(shape)} -> ") and np.dtype(dtype).name in first
    assert second.startswith("algorithm: ")
    for word in words:
        assert word in second


@pytest.mark.parametrize("other", [None, WEIGHT, "packed", ops.pack_linear(np.zeros((2, 3), np.float32))])
def test_explain_wants_a_packed_convolution(other):
    with rejects("explain", "pack_conv2d", type(other).__name__):
        fastnn.explain(other, X.shape)


@pytest.mark.parametrize("shape", [(2, 5, 5, 7), (2, 6, 2, 7), (6, 7), None])
def test_explain_refuses_an_input_that_does_not_fit(shape):
    with rejects(("explain", "packed conv2d")):
        fastnn.explain(ops.pack_conv2d(WEIGHT, BIAS), shape)
