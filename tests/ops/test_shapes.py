"""Hypothesis looks for shapes that the named cases miss: convolution, pooling, linear against the oracle."""

import math

import naive
import numpy as np
import tolerance
from hypothesis import assume, given
from hypothesis import strategies as st

import fastnn
from fastnn import ops

try:
    import torch
except ImportError:  # then the oracle alone decides
    torch = None

small = st.integers(1, 4)
channels = st.one_of(st.integers(1, 6), st.sampled_from([15, 16, 17, 31, 32, 33]))
width = st.one_of(st.integers(1, 9), st.sampled_from([12, 13, 14, 15, 28, 29]))
kind = st.sampled_from([np.float32, np.float64])
seed = st.integers(0, 2**16)
pads = st.integers(0, 3)
WORK = 2_000_000  # multiplications that one example may cost


def normal(rng, dtype, *shapes):
    return [rng.standard_normal(shape).astype(np.float32).astype(dtype) for shape in shapes]


@st.composite
def convolutions(draw):
    """(x shape, weight shape, arguments) of a convolution that gives at least one output pixel."""
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 16]))
    c, oc = draw(channels), draw(channels)
    if groups == 16:  # depthwise, some with a multiplier
        groups, cg, ocg = c, 1, draw(st.integers(1, 3))
    else:
        cg, ocg = c, oc
    kernel = (draw(st.integers(1, 5)), draw(st.integers(1, 5)))
    size = (draw(st.integers(1, 9)), draw(width))
    args = {
        "stride": (draw(small), draw(small)),
        "padding": ((draw(pads), draw(pads)), (draw(pads), draw(pads))),
        "dilation": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "groups": groups,
    }
    for axis in range(2):
        room = size[axis] + sum(args["padding"][axis])
        assume(args["dilation"][axis] * (kernel[axis] - 1) < room)
    x, weight = (draw(st.integers(1, 3)), groups * cg, *size), (groups * ocg, cg, *kernel)
    assume(math.prod(x) * math.prod(weight) / groups < WORK)
    return x, weight, args


@given(convolutions(), kind, seed, st.booleans())
def test_conv2d(shapes, dtype, seed, blocked):
    x_shape, w_shape, args = shapes
    rng = np.random.default_rng(seed)
    x, weight, bias = normal(rng, dtype, x_shape, w_shape, w_shape[:1])
    terms = math.prod(w_shape[1:]) + 1
    kind = fastnn.blocked if blocked else np.asarray
    expected = naive.conv2d(x, weight, bias, **args)
    tolerance.assert_close(ops.conv2d(kind(x), weight, bias, **args), expected, "conv", terms, terms**0.5)
    if torch:
        around = [(0, 0), (0, 0), *args["padding"]]
        tensors = [torch.tensor(a.astype(np.float64)) for a in (np.pad(x, around), weight, bias)]
        theirs = torch.nn.functional.conv2d(*tensors, **(args | {"padding": 0})).numpy()
        tolerance.assert_close(expected, theirs, "conv", terms, terms**0.5)

    (gy,) = normal(rng, dtype, expected.shape)
    terms = w_shape[0] * math.prod(w_shape[2:])
    gx = ops.conv2d_grad_input(kind(gy), weight, x_shape, **args)
    tolerance.assert_close(gx, naive.conv2d_grad_input(gy, weight, x_shape, **args), "conv", terms, terms**0.5)
    terms = gy.size // w_shape[0]
    gw = ops.conv2d_grad_weight(kind(gy), kind(x), w_shape, **args)
    tolerance.assert_close(gw, naive.conv2d_grad_weight(gy, x, w_shape, **args), "conv", terms, terms**0.5)


@st.composite
def sequences_and_volumes(draw):
    """(x shape, weight shape, arguments) of a convolution of 1 or 3 axes."""
    rank = draw(st.sampled_from([1, 3]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    c, oc = groups * draw(channels), groups * draw(channels)
    length = st.integers(1, 60) if rank == 1 else st.integers(1, 6)
    most = 5 if rank == 1 else 3
    axes = [{"n": draw(length), "k": draw(st.integers(1, most)), "s": draw(small), "d": draw(st.integers(1, 3)),
             "p": (draw(pads), draw(pads))} for _ in range(rank)]  # fmt: skip
    assume(all(a["d"] * (a["k"] - 1) < a["n"] + sum(a["p"]) for a in axes))
    stride, dilation, padding = (tuple(a[key] for a in axes) for key in "sdp")
    x = (draw(st.integers(1, 2)), c, *(a["n"] for a in axes))
    weight = (oc, c // groups, *(a["k"] for a in axes))
    assume(math.prod(x) * math.prod(weight) / groups < WORK)
    return x, weight, {"stride": stride, "dilation": dilation, "padding": padding, "groups": groups}


@given(sequences_and_volumes(), kind, seed)
def test_conv1d_and_conv3d(shapes, dtype, seed):
    x_shape, w_shape, args = shapes
    op = f"conv{len(x_shape) - 2}d"
    x, weight, bias = normal(np.random.default_rng(seed), dtype, x_shape, w_shape, w_shape[:1])
    terms = math.prod(w_shape[1:]) + 1
    expected = naive.conv(x, weight, bias, **args)
    y = getattr(ops, op)(x, weight, bias, **args)
    tolerance.assert_close(y, expected, "conv", terms, terms**0.5)
    tolerance.assert_same(getattr(ops, f"pack_{op}")(weight, bias, **args)(x), y)
    if torch:
        around = [(0, 0), (0, 0), *args["padding"]]
        tensors = [torch.tensor(a.astype(np.float64)) for a in (np.pad(x, around), weight, bias)]
        theirs = getattr(torch.nn.functional, op)(*tensors, **(args | {"padding": 0})).numpy()
        tolerance.assert_close(expected, theirs, "conv", terms, terms**0.5)
    gy = normal(np.random.default_rng(seed), dtype, expected.shape)[0]
    terms = w_shape[0] * math.prod(w_shape[2:])
    gx = getattr(ops, f"{op}_grad_input")(gy, weight, x_shape, **args)
    tolerance.assert_close(gx, naive.conv_grad_input(gy, weight, x_shape, **args), "conv", terms, terms**0.5)
    terms = gy.size // w_shape[0]
    gw = getattr(ops, f"{op}_grad_weight")(gy, x, w_shape, **args)
    tolerance.assert_close(gw, naive.conv_grad_weight(gy, x, w_shape, **args), "conv", terms, terms**0.5)


@st.composite
def transposed(draw):
    """(x shape, weight shape, arguments) of a transposed convolution of 1 to 3 axes that leaves at least one pixel."""
    rank = draw(st.sampled_from([1, 2, 2, 3]))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    c, ocg = groups * draw(channels), draw(st.one_of(st.integers(1, 5), channels))
    axes = []
    for _ in range(rank):
        s, d = draw(st.sampled_from([1, 2, 2, 3, 4, 8, 16])), draw(st.sampled_from([1, 1, 2, 3]))
        k = draw(st.one_of(st.integers(1, 4), st.sampled_from([s, 2 * s])))
        n, e = draw(st.integers(1, 30 if rank == 1 else 5)), draw(st.integers(0, max(s, d) - 1))
        p = (draw(pads), draw(pads))
        size = (n - 1) * s + d * (k - 1) + 1 + e - sum(p)
        assume(size > 0)
        axes.append({"n": n, "k": k, "s": s, "d": d, "p": p, "e": e, "y": size})
    stride, dilation, padding, extra = (tuple(a[key] for a in axes) for key in "sdpe")
    x = (draw(st.integers(1, 2)), c, *(a["n"] for a in axes))
    weight = (c, ocg, *(a["k"] for a in axes))
    assume(math.prod(x) * math.prod(weight[1:]) < WORK and math.prod(a["n"] * a["k"] for a in axes) < 6000)
    args = {"stride": stride, "padding": padding, "output_padding": extra, "groups": groups, "dilation": dilation}
    return x, weight, args, tuple(a["y"] for a in axes)


@given(transposed(), kind, seed, st.booleans())
def test_conv_transpose(shapes, dtype, seed, blocked):
    x_shape, w_shape, args, size = shapes
    rank, groups = len(size), args["groups"]
    op = f"conv_transpose{rank}d"
    image = fastnn.blocked if blocked and rank == 2 else np.asarray
    x, weight, bias = normal(np.random.default_rng(seed), dtype, x_shape, w_shape, (w_shape[1] * groups,))
    terms = w_shape[0] // groups * math.prod(w_shape[2:]) + 1
    expected = naive.conv_transpose(x, weight, bias, **args)
    assert expected.shape[2:] == size
    y = getattr(ops, op)(image(x), weight, bias, **args)
    tolerance.assert_close(y, expected, "conv", terms, terms**0.5)
    tolerance.assert_same(getattr(ops, f"pack_{op}")(weight, bias, **args)(image(x)), y)
    if torch:
        tensors = [torch.tensor(a.astype(np.float64)) for a in (x, weight, bias)]
        theirs = getattr(torch.nn.functional, op)(*tensors, **(args | {"padding": 0})).numpy()
        theirs = theirs[(..., *(slice(a, theirs.shape[i + 2] - b) for i, (a, b) in enumerate(args["padding"])))]
        tolerance.assert_close(expected, theirs, "conv", terms, terms**0.5)
    gy = normal(np.random.default_rng(seed), dtype, expected.shape)[0]
    terms = math.prod(w_shape[1:])
    gx = getattr(ops, f"{op}_grad_input")(image(gy), weight, x_shape, **args)
    wanted = naive.conv_transpose_grad_input(gy, weight, x_shape, **args)
    tolerance.assert_close(gx, wanted, "conv", terms, terms**0.5)
    terms = x.size // w_shape[0]
    gw = getattr(ops, f"{op}_grad_weight")(image(gy), image(x), w_shape, **args)
    wanted = naive.conv_transpose_grad_weight(gy, x, w_shape, **args)
    tolerance.assert_close(gw, wanted, "conv", terms, terms**0.5)


@st.composite
def poolings(draw):
    """(x shape, arguments) of a pooling that gives at least one output pixel."""
    kernel = (draw(small), draw(small))
    size = (draw(st.integers(1, 9)), draw(width))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    for axis in range(2):
        assume(kernel[axis] <= size[axis] + 2 * padding[axis])
    stride = draw(st.one_of(st.none(), st.tuples(small, small)))
    args = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    return (draw(st.integers(1, 3)), draw(channels), *size), args


@given(poolings(), st.integers(1, 3), kind, seed, st.booleans())
def test_max_pool2d(shapes, dilation, dtype, seed, blocked):
    shape, args = shapes
    span = [dilation * (k - 1) for k in args["kernel_size"]]
    assume(all(s < size + 2 * p for s, size, p in zip(span, shape[2:], args["padding"], strict=True)))
    x = np.random.default_rng(seed).integers(-9, 10, shape).astype(dtype)
    expected, where = naive.max_pool2d(x, **args, dilation=dilation)
    image = fastnn.blocked(x) if blocked else x
    y, indices = ops.max_pool2d(image, **args, dilation=dilation, return_indices=True)
    tolerance.assert_close(y, expected, "exact")
    tolerance.assert_same(indices, where)
    if torch and (where >= 0).all():
        theirs = torch.nn.functional.max_pool2d(torch.tensor(x), **args, dilation=dilation, return_indices=True)
        tolerance.assert_close(y, theirs[0].double().numpy(), "exact")
        tolerance.assert_same(indices, theirs[1].numpy())
    gx = ops.max_pool2d_grad_input(y, image, y, **args, dilation=dilation)
    tolerance.assert_close(gx, naive.max_pool2d_grad_input(expected, x, **args, dilation=dilation), "exact")


@given(poolings(), st.booleans(), st.one_of(st.none(), st.integers(1, 9)), kind, seed, st.booleans())
def test_avg_pool2d(shapes, count_include_pad, divisor, dtype, seed, blocked):
    shape, args = shapes
    args = args | {"count_include_pad": count_include_pad, "divisor_override": divisor}
    (x,) = normal(np.random.default_rng(seed), dtype, shape)
    terms = math.prod(args["kernel_size"])
    kind = fastnn.blocked if blocked else np.asarray
    expected = naive.avg_pool2d(x, **args)
    tolerance.assert_close(ops.avg_pool2d(kind(x), **args), expected, "avg_pool", terms, 1)
    if torch:
        theirs = torch.nn.functional.avg_pool2d(torch.tensor(x.astype(np.float64)), **args).numpy()
        tolerance.assert_close(expected, theirs, "avg_pool", terms, 1)
    gy = expected.astype(dtype)
    gx = ops.avg_pool2d_grad_input(kind(gy), shape, **args)
    tolerance.assert_close(gx, naive.avg_pool2d_grad_input(gy, shape, **args), "avg_pool", terms, 1)


@given(st.lists(st.integers(0, 7), max_size=3), st.integers(0, 70), st.integers(0, 70), kind, seed)
def test_linear(rows, width, outputs, dtype, seed):
    rng = np.random.default_rng(seed)
    x, weight, bias, gy = normal(rng, dtype, (*rows, width), (outputs, width), (outputs,), (*rows, outputs))
    close = tolerance.assert_close
    close(ops.linear(x, weight, bias), naive.linear(x, weight, bias), "linear", width + 1, (width + 1) ** 0.5)
    gx = ops.linear_grad_input(gy, weight)
    close(gx, naive.linear_grad_input(gy, weight), "linear", outputs, outputs**0.5)
    count = math.prod(rows)
    gw = ops.linear_grad_weight(gy, x)
    close(gw, naive.linear_grad_weight(gy, x), "linear", count, count**0.5)
