"""The oracle of pooling of any rank: every window listed position by position, in float64; see naive.py."""

import itertools
import math

import naive
import numpy as np
from naive import each, f64


def shuffled(rng, shape):
    """All values different and evenly spread, so that a finite difference never crosses a tie."""
    return rng.permutation(np.linspace(-2, 2, math.prod(shape))).reshape(shape)


def axis(size, kernel, stride, padding, dilation, ceil_mode):
    """For each output: its positions inside the input, and how many count with the padding."""
    out = naive.pool_size(size, kernel, stride, padding, dilation, ceil_mode)
    starts = [o * stride - padding for o in range(out)]
    taps = [[s + k * dilation for k in range(kernel)] for s in starts]
    inside = [[i for i in window if 0 <= i < size] for window in taps]
    counted = [min(s + kernel, size + padding) - s for s in starts]  # PyTorch counts padding, but no overhang
    return list(zip(inside, counted, strict=True))


def windows(size, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """Output size, and (output position, positions inside, count with padding) of every window."""
    rank = len(size)
    kernel = each(kernel_size, rank)
    steps = kernel if stride is None else each(stride, rank)
    numbers = zip(size, kernel, steps, each(padding, rank), each(dilation, rank), strict=True)
    return combined([axis(*n, ceil_mode) for n in numbers])


def adaptive(size, output_size):
    """The same for windows floor(i size / out) .. ceil((i + 1) size / out) - 1."""
    axes = []
    for n, out in zip(size, each(output_size, len(size)), strict=True):
        out = n if out is None else out
        spans = [list(range(i * n // out, -(-(i + 1) * n // out))) for i in range(out)]
        axes.append([(span, len(span)) for span in spans])
    return combined(axes)


def combined(axes):
    found = []
    for at in itertools.product(*(range(len(a)) for a in axes)):
        chosen = [a[i] for a, i in zip(axes, at, strict=True)]
        count = 1
        for _, counted in chosen:
            count *= counted
        found.append((at, list(itertools.product(*(inside for inside, _ in chosen))), count))
    return tuple(len(a) for a in axes), found


def max_pool(x, out, found):
    """(largest values, flat positions): the first of equal ones, the last NaN; -inf and -1 of an empty window."""
    x = f64(x)
    y, indices = np.full((*x.shape[:2], *out), -np.inf), np.full((*x.shape[:2], *out), -1, np.int64)
    for n, c in np.ndindex(*x.shape[:2]):
        for at, positions, _ in found:
            for place in positions:
                value, best = x[n, c][place], y[n, c][at]
                if indices[n, c][at] < 0 or value > best or np.isnan(value):
                    y[n, c][at] = value
                    indices[n, c][at] = np.ravel_multi_index(place, x.shape[2:])
    return y, indices


def max_pool_grad_input(gy, x, out, found):
    _, indices = max_pool(x, out, found)
    gx = np.zeros((*x.shape[:2], int(np.prod(x.shape[2:]))))
    for at in np.ndindex(gy.shape):
        if indices[at] >= 0:
            gx[at[0], at[1], indices[at]] += f64(gy)[at]
    return gx.reshape(x.shape)


def avg_pool(x, out, found, count_include_pad=True, divisor_override=None):
    x = f64(x)
    y = np.zeros((*x.shape[:2], *out))
    for at, positions, count in found:
        total = sum(x[(slice(None), slice(None), *place)] for place in positions)
        y[(slice(None), slice(None), *at)] = total / divisor(positions, count, count_include_pad, divisor_override)
    return y


def divisor(positions, count, count_include_pad, divisor_override):
    return divisor_override or (count if count_include_pad else len(positions))


def avg_pool_grad_input(gy, shape, found, count_include_pad=True, divisor_override=None):
    gx = np.zeros(shape)
    for at, positions, count in found:
        share = f64(gy)[(..., *at)] / divisor(positions, count, count_include_pad, divisor_override)
        for place in positions:
            gx[(..., *place)] += share
    return gx


def lp_pool(x, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The root of the sum of powers; sums over fewer positions than the kernel has are scaled up to them."""
    out, found = windows(x.shape[2:], kernel_size, stride, ceil_mode=ceil_mode)
    whole = np.prod(each(kernel_size, x.ndim - 2))
    mean = avg_pool(f64(x) ** norm_type, out, found)
    with np.errstate(invalid="ignore"):
        return (mean * whole) ** (1 / norm_type)


def max_unpool(x, indices, size):
    y = np.zeros((*x.shape[:2], int(np.prod(size))))
    for at in np.ndindex(x.shape):
        y[at[0], at[1], indices[at]] = f64(x)[at]
    return y.reshape(*x.shape[:2], *size)


def max_unpool_grad_input(gy, indices):
    flat = f64(gy).reshape(*gy.shape[:2], -1)
    return np.take_along_axis(flat, indices.reshape(*indices.shape[:2], -1), 2).reshape(indices.shape)
