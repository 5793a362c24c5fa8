"""Pooling of random shapes and windows is PyTorch's where that is installed, else the oracle's."""

import functools
import math

import naive_pool
import numpy as np
import tolerance
from hypothesis import given, settings
from hypothesis import strategies as st

from fastnn import ops

try:
    import torch
except ImportError:
    torch = None


@st.composite
def poolings(draw, dilate):
    rank = draw(st.integers(1, 3))
    kernel = tuple(draw(st.integers(1, 5)) for _ in range(rank))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    stride = tuple(draw(st.integers(1, 4)) for _ in kernel)
    dilation = tuple(draw(st.integers(1, 3)) if dilate else 1 for _ in kernel)
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [max(1, e - 2 * p) if dilate else e for e, p in zip(extent, padding, strict=True)]
    size = tuple(n + draw(st.integers(0, 9)) for n in least)  # PyTorch's 3-D means take no image below the kernel
    shape = (draw(st.integers(1, 2)), draw(st.integers(1, 18 if rank < 3 else 3)), *size)
    window = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    values = np.random.default_rng(draw(st.integers(0, 99))).integers(-4, 5, shape).astype(np.float64)
    if dilate:
        window["dilation"] = dilation
    return rank, values, window


def theirs(name, x, gy=None, **arguments):
    """(results, gradient) of a function of torch.nn.functional."""
    tensor = torch.tensor(x, requires_grad=True)
    found = getattr(torch.nn.functional, name)(tensor, **arguments)
    found = found if isinstance(found, tuple) else (found,)
    if gy is not None:
        found[0].backward(torch.tensor(gy))
    return [part.detach().numpy() for part in found], tensor.grad


def weights(shape):
    return np.random.default_rng(5).integers(-9, 10, shape).astype(np.float64)


@settings(max_examples=150, deadline=None)
@given(poolings(dilate=True))
def test_max_pool(drawn):
    rank, x, window = drawn
    y, indices = getattr(ops, f"max_pool{rank}d")(x, **window, return_indices=True)
    out, found = naive_pool.windows(x.shape[2:], **window)
    gy = weights(y.shape)
    gx = getattr(ops, f"max_pool{rank}d_grad_input")(gy, x, y, **window)
    if torch is None or not all(positions for _, positions, _ in found):  # PyTorch's index of nothing differs
        expected, where = naive_pool.max_pool(x, out, found)
        gradient = naive_pool.max_pool_grad_input(gy, x, out, found)
    else:
        (expected, where), gradient = theirs(f"max_pool{rank}d", x, gy, **window, return_indices=True)
    tolerance.assert_same(y, expected)
    tolerance.assert_same(indices, where)
    tolerance.assert_close(gx, np.asarray(gradient), "exact")


@settings(max_examples=150, deadline=None)
@given(poolings(dilate=False), st.booleans(), st.sampled_from([None, 3]))
def test_avg_pool(drawn, count_include_pad, divisor):
    rank, x, window = drawn
    extra = {"count_include_pad": count_include_pad} | ({"divisor_override": divisor} if rank > 1 else {})
    y = getattr(ops, f"avg_pool{rank}d")(x, **window, **extra)
    gy = weights(y.shape)
    gx = getattr(ops, f"avg_pool{rank}d_grad_input")(gy, x.shape, **window, **extra)
    out, found = naive_pool.windows(x.shape[2:], **window)
    if torch is None:
        expected, gradient = naive_pool.avg_pool(x, out, found, **extra), None
        gradient = naive_pool.avg_pool_grad_input(gy, x.shape, found, **extra)
    else:
        (expected,), gradient = theirs(f"avg_pool{rank}d", x, gy, **window, **extra)
    tolerance.assert_close(y, expected, "avg_pool", 125)
    tolerance.assert_close(gx, np.asarray(gradient), "avg_pool", 125)


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 3))
def test_adaptive_pool(data, rank):
    shape = (2, data.draw(st.integers(1, 18)), *(data.draw(st.integers(1, 11)) for _ in range(rank)))
    size = tuple(data.draw(st.integers(1, 8)) for _ in range(rank))
    x = weights(shape)
    y, indices = getattr(ops, f"adaptive_max_pool{rank}d")(x, size, return_indices=True)
    mean = getattr(ops, f"adaptive_avg_pool{rank}d")(x, size)
    found = naive_pool.adaptive(shape[2:], size)
    expected, where = naive_pool.max_pool(x, *found)
    average = functools.partial(naive_pool.avg_pool, x, *found)
    if torch is not None:
        (expected, where), _ = theirs(f"adaptive_max_pool{rank}d", x, output_size=size, return_indices=True)
        average = lambda: theirs(f"adaptive_avg_pool{rank}d", x, output_size=size)[0][0]  # noqa: E731
    tolerance.assert_same(y, expected)
    tolerance.assert_same(indices, where)
    tolerance.assert_close(mean, average(), "avg_pool", math.prod(shape[2:]))


@settings(max_examples=60, deadline=None)
@given(poolings(dilate=False), st.sampled_from([1, 2, 3, 0.5]))
def test_lp_pool(drawn, power):
    rank, x, window = drawn
    if any(k > n for k, n in zip(window["kernel_size"], x.shape[2:], strict=True)):
        return
    x = np.abs(x) + 0.5
    window = {k: v for k, v in window.items() if k != "padding"}
    y = getattr(ops, f"lp_pool{rank}d")(x, power, **window)
    gy = weights(y.shape)
    if torch is None:
        return tolerance.assert_close(y, naive_pool.lp_pool(x, power, **window), "lp_pool", 125)
    if rank == 1:  # PyTorch takes plain numbers here
        window = {k: v[0] if isinstance(v, tuple) else v for k, v in window.items()}
    (expected,), gradient = theirs(f"lp_pool{rank}d", x, gy, norm_type=float(power), **window)
    tolerance.assert_close(y, expected, "lp_pool", 125)
    gx = getattr(ops, f"lp_pool{rank}d_grad_input")(gy, x, y, power, **window)
    tolerance.assert_close(gx, np.asarray(gradient), "lp_pool", 1000)
