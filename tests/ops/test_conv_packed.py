"""Packed convolution: weights in the order the kernel wants them, ready for any number of calls."""

import math
import pickle

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


def test_packed_convolution_can_be_pickled():
    packed = ops.pack_conv2d(WEIGHT, BIAS, stride=(2, 1), padding=((1, 0), (0, 1)), activation="relu")
    copy = pickle.loads(pickle.dumps(packed))
    tolerance.assert_same(copy(X), packed(X))


def test_explain_names_the_algorithm():
    text = fastnn.explain(ops.pack_conv2d(WEIGHT, BIAS), X.shape)
    assert isinstance(text, str) and "direct" in text


@pytest.mark.parametrize("shape", [(2, 5, 5, 7), (2, 6, 2, 7), (6, 7), None])
def test_explain_refuses_an_input_that_does_not_fit(shape):
    with rejects(("explain", "packed conv2d")):
        fastnn.explain(ops.pack_conv2d(WEIGHT, BIAS), shape)
