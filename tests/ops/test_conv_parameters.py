"""Hypothesis drives conv2d through its whole parameter space, right and wrong, beside PyTorch or the oracle."""

import math
from dataclasses import dataclass
from typing import Any

import naive
import numpy as np
import pytest
import tolerance
from contract import named
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import ops

try:
    import torch
except ImportError:  # then the oracle alone decides
    torch = None

WORK = 500_000  # multiplications that one example may cost
RARELY = 12  # one in so many draws of an argument is a wrong one
ACTIVATIONS = [None, "relu", "relu6", ("clip", -1, 2), ("leaky_relu", 0.1), "silu", "hardswish", "sigmoid", "tanh"]


@dataclass
class Call:
    x: tuple
    weight: tuple
    stride: Any
    padding: Any
    dilation: Any
    groups: Any
    algorithm: str
    bias: bool
    activation: Any
    dtype: type
    kind: Any
    seed: int

    @property
    def geometry(self):
        return {k: getattr(self, k) for k in ("stride", "padding", "dilation", "groups")}


def mostly(right, wrong):
    """Values of `right`, now and then one of `wrong`."""
    return st.integers(0, RARELY).flatmap(lambda i: st.sampled_from(wrong) if i == RARELY else right)


def one_or_two(numbers):
    """The ways to say one number or two."""
    pairs = st.tuples(numbers, numbers)
    return st.one_of(numbers, numbers.map(lambda v: (v,)), pairs, pairs.map(list), pairs.map(np.array))


pads = st.integers(0, 3)
sides = st.tuples(st.tuples(pads, pads), st.tuples(pads, pads))
strides = mostly(one_or_two(st.sampled_from([1, 1, 1, 2, 3])), [0, -1, (1, 0), 1.5, "2", (1, 2, 3), None, True])
dilations = mostly(one_or_two(st.sampled_from([1, 1, 1, 2, 3])), [0, (2, -1), 2.0, "same", None])
paddings = mostly(
    st.one_of(one_or_two(pads), sides, sides.map(list), st.sampled_from(["same", "valid"])),
    [-1, (0, -2), ((1, -1), (0, 0)), "full", 0.5, (1, 2, 3), None],
)
channels = st.sampled_from([1, 2, 3, 8, 9, 15, 16, 17, 33])


@st.composite
def calls(draw):
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 16]))
    cg, ocg = (1, draw(st.integers(1, 2))) if groups == 16 else (draw(channels), draw(channels))
    kernel = draw(st.one_of(st.just((3, 3)), st.just((1, 1)), st.tuples(st.integers(1, 5), st.integers(1, 5))))
    size = draw(st.integers(1, 9)), draw(st.one_of(st.integers(1, 9), st.sampled_from([13, 16, 17])))
    x = draw(st.integers(0, 3)), groups * cg + draw(mostly(st.just(0), [1, -1])), *size
    weight = groups * ocg + draw(mostly(st.just(0), [1])), cg, *kernel
    assume(x[1] > 0 and math.prod(x) * math.prod(weight) / groups < WORK)
    return Call(
        *(x, weight, draw(strides), draw(paddings), draw(dilations), draw(mostly(st.just(groups), [0, -1, 1.0, None]))),
        algorithm=draw(st.sampled_from(["auto", "auto", "direct", "winograd2", "winograd4", "depthwise"])),
        bias=draw(st.booleans()),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        dtype=draw(st.sampled_from([np.float32, np.float64])),
        kind=draw(st.sampled_from([np.asarray, fastnn.blocked])),
        seed=draw(st.integers(0, 2**16)),
    )


def integers(value, least):
    """`value` as (height, width), None where it is not one or two integers from `least` on."""
    values = tuple(value) if isinstance(value, (tuple, list, np.ndarray)) else (value,)
    if len(values) > 2 or any(isinstance(v, bool) or not isinstance(v, (int, np.integer)) or v < least for v in values):
        return None
    return tuple(int(v) for v in (values * 2)[:2])


def explicit(call):
    """(stride, ((top, bottom), (left, right)), dilation), None where the call makes no sense."""
    stride, dilation = integers(call.stride, 1), integers(call.dilation, 1)
    if not stride or not dilation or not integers(call.groups, 1):
        return None
    if isinstance(call.padding, str):
        known = call.padding == "valid" or (call.padding == "same" and stride == (1, 1))
        return (stride, naive.sides(call.padding, call.weight[2:], dilation), dilation) if known else None
    if isinstance(call.padding, (tuple, list)) and all(isinstance(p, (tuple, list)) for p in call.padding):
        padding = tuple(integers(p, 0) for p in call.padding)
    else:
        both = integers(call.padding, 0)
        padding = both and tuple((p, p) for p in both)
    return (stride, padding, dilation) if padding and all(padding) else None


def possible(call):
    """Does the call have a result by the definition of a convolution?"""
    found = explicit(call)
    if not found or call.x[1] != call.weight[1] * call.groups or call.weight[0] % call.groups:
        return False
    spans = zip(call.x[2:], call.weight[2:], found[1], found[2], strict=True)
    return all(d * (k - 1) < size + sum(p) for size, k, p, d in spans)


def served(call):
    """Can the algorithm that was asked for compute a possible call?"""
    stride, _, dilation = explicit(call)
    if call.algorithm == "depthwise":
        return 1 < call.groups == call.x[1] == call.weight[0]
    plain = call.weight[2:] == (3, 3) and stride == dilation == (1, 1)
    return not call.algorithm.startswith("winograd") or (plain and call.weight[1] > 8)


def arrays_of(call):
    rng = np.random.default_rng(call.seed)
    shapes = {"x": call.x, "weight": call.weight} | ({"bias": call.weight[:1]} if call.bias else {})
    return {k: rng.standard_normal(s).astype(np.float32).astype(call.dtype) for k, s in shapes.items()}


def by_oracle(call, a, gy):
    """(sums before the activation, their gradients with respect to x, weight and bias)."""
    stride, padding, dilation = explicit(call)
    args = {"stride": stride, "padding": padding, "dilation": dilation, "groups": call.groups}
    gx = naive.conv2d_grad_input(gy, a["weight"], call.x, **args)
    gw = naive.conv2d_grad_weight(gy, a["x"], call.weight, **args)
    return naive.conv2d(**a, **args), gx, gw, naive.conv2d_grad_bias(gy)


def by_torch(call, a, gy=None):
    """As `by_oracle`, with the arguments in the words of the call, or the error that PyTorch raises for them."""
    x, weight = (torch.tensor(a[k].astype(np.float64), requires_grad=True) for k in ("x", "weight"))
    bias = torch.tensor(a.get("bias", np.zeros(len(a["weight"]))).astype(np.float64), requires_grad=True)
    args, image = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in call.geometry.items()}, x
    if explicit(call) and not isinstance(args["padding"], str):  # per side: another operation in PyTorch
        (top, bottom), (left, right) = explicit(call)[1]
        image, args["padding"] = torch.nn.functional.pad(x, (left, right, top, bottom)), 0
    y = torch.nn.functional.conv2d(image, weight, bias, **args)
    gradients = torch.autograd.grad(y, (x, weight, bias), torch.tensor(gy.astype(np.float64))) if gy is not None else ()
    return tuple(t.detach().numpy() for t in (y, *gradients))


def check_refusal(call, a):
    """An impossible call raises, and where it is its shapes that do not fit, so it does in PyTorch."""
    forms = [lambda: ops.conv2d(call.kind(a["x"]), a["weight"], a.get("bias"), **call.geometry)]
    forms += [lambda: ops.pack_conv2d(a["weight"], a.get("bias"), **call.geometry)(call.kind(a["x"]))]
    for form in forms:
        with pytest.raises((ValueError, TypeError)) as info:
            form()
        assert named(str(info.value), ("conv2d", "pack_conv2d", "packed conv2d")), info.value
    if torch and explicit(call):  # of numbers that make no sense PyTorch takes some
        with pytest.raises(RuntimeError):
            by_torch(call, a)


def check_values(call, a):
    stride, padding, dilation = explicit(call)
    size, _ = naive.conv_triples(call.x[2:], call.weight[2:], stride, padding, dilation)
    rng = np.random.default_rng(call.seed + 1)
    gy = rng.standard_normal((call.x[0], call.weight[0], *size)).astype(np.float32).astype(call.dtype)
    sums, gx, gw, gb = by_torch(call, a, gy) if torch else by_oracle(call, a, gy)
    family = "winograd4" if call.dtype is np.float32 or call.algorithm == "winograd4" else "activation"

    def check(result, expected, terms):
        assert result.dtype == call.dtype
        tolerance.assert_close(result, expected, family, terms, terms**0.5)

    x, options = call.kind(a["x"]), {"activation": call.activation, "algorithm": call.algorithm}
    expected, terms = naive.activation(sums, call.activation), math.prod(call.weight[1:]) + 1
    y = ops.conv2d(x, a["weight"], a.get("bias"), **call.geometry, **options)
    assert type(y) is (ops.Blocked if call.kind is fastnn.blocked else np.ndarray)
    check(y, expected, terms)
    check(ops.pack_conv2d(a["weight"], a.get("bias"), **call.geometry, **options)(x), expected, terms)
    out = np.full(expected.shape, np.nan, call.dtype)
    assert ops.conv2d(x, a["weight"], a.get("bias"), **call.geometry, **options, out=out) is out
    tolerance.assert_same(out, np.asarray(y))

    g = call.kind(gy)
    check(ops.conv2d_grad_input(g, a["weight"], call.x, **call.geometry), gx, math.prod(call.weight) // call.weight[1])
    pixels = max(gy.size // call.weight[0], 1)
    check(ops.conv2d_grad_weight(g, x, call.weight, **call.geometry), gw, pixels)
    check(ops.conv2d_grad_bias(g), gb, pixels)


@settings(max_examples=250)
@given(calls())
def test_every_call_works_as_pytorchs_or_says_why_not(call):
    a = arrays_of(call)
    if not possible(call):
        check_refusal(call, a)
    elif served(call):
        check_values(call, a)
    else:
        for form in (ops.conv2d, lambda x, *rest, **k: ops.pack_conv2d(*rest, **k)):
            with pytest.raises(ValueError, match="conv2d: algorithm=.* cannot serve: "):
                form(call.kind(a["x"]), a["weight"], a.get("bias"), **call.geometry, algorithm=call.algorithm)
