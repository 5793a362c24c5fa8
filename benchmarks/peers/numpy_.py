"""NumPy: im2col (transposed: col2im) and BLAS per image; in float64 also the oracle of the training step."""

from __future__ import annotations

import math

import numpy as np

from ..cases import ConvCase, TrainCase
from ..ops import OpCase
from . import Job


def version() -> str:
    return np.__version__


class Library:
    def __init__(self, variant: str, threads: int) -> None:
        # The worker's environment (OPENBLAS_NUM_THREADS, ...) has set the threads already; threadpoolctl also
        # holds BLAS libraries that read no such variable.
        try:
            from threadpoolctl import threadpool_limits
        except ImportError:
            return
        self._limits = threadpool_limits(threads, user_api="blas")

    @staticmethod
    def blas() -> str | None:
        """The BLAS and the processor whose kernels it picked, as "openblas 0.3.31 SkylakeX"."""
        try:
            from threadpoolctl import threadpool_info
        except ImportError:
            return None
        found = (pool for pool in threadpool_info() if pool["user_api"] == "blas")
        return next((f"{p['internal_api']} {p['version']} {p.get('architecture', '')}".strip() for p in found), None)

    def conv(self, case: ConvCase) -> Job:
        return Job(_transposed(case) if case.transposed else _forward(case), lambda y: y)

    def op(self, case: OpCase) -> Job:
        inputs = case.op.inputs(case.batch)
        return Job(lambda: case.op.numpy(*inputs), lambda y: y)

    def op_backward(self, case: OpCase) -> Job:
        gradient, inputs = case.op.gradient(case.batch), case.op.inputs(case.batch)
        return Job(lambda: case.op.numpy_backward(gradient, *inputs), lambda y: y)

    def train(self, case: TrainCase) -> Job:
        return Job(LeNet(case, np.float32).step, float)


def _forward(case: ConvCase):
    """Copy every window into a column, then multiply; a 1x1 layer of stride 1 has its columns already."""
    x, w, b = case.arrays()
    filters = w.reshape(case.groups, case.oc // case.groups, -1)
    bias = b.reshape(case.groups, -1, 1)
    padded = np.zeros((case.c, *(n + sum(p) for n, p in zip(case.size, case.padding, strict=True))), np.float32)
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(case.size, case.padding, strict=True))
    seen = windows(padded, case.kernel, case.stride, case.dilation)
    columns = np.empty(seen.shape, np.float32)
    pointwise = columns.shape[1:] == (*[1] * case.dims, *case.size)
    y = np.empty(case.y_shape, np.float32)

    def run() -> np.ndarray:
        for image, result in zip(x, y, strict=True):
            if not pointwise:
                padded[(slice(None), *inside)] = image
                columns[:] = seen
            source = (image if pointwise else columns).reshape(case.groups, filters.shape[2], -1)
            target = result.reshape(case.groups, filters.shape[1], -1)
            np.matmul(filters, source, out=target)
            np.add(target, bias, out=target)
        return y

    return run


def _transposed(case: ConvCase):
    """Multiply, then add the columns into the output (col2im), a block of stride x stride taps at a time.

    The kernel is padded to whole blocks; the pixels of a block do not overlap, so each block is one addition.
    """
    if max(case.dilation) > 1:
        raise NotImplementedError("a dilated transposed convolution is not written in NumPy here")
    x, w, b = case.arrays()
    blocks = [-(-k // s) for k, s in zip(case.kernel, case.stride, strict=True)]
    wide = [(0, q * s - k) for k, s, q in zip(case.kernel, case.stride, blocks, strict=True)]
    filters = np.pad(w, [(0, 0), (0, 0), *wide]).reshape(case.groups, case.c // case.groups, -1)
    filters = np.ascontiguousarray(filters.swapaxes(1, 2))  # [groups, oc / groups * taps, c / groups]
    split = [n for q, s in zip(blocks, case.stride, strict=True) for n in (q, s)]
    columns = np.empty((case.groups, filters.shape[1], math.prod(case.size)), np.float32)
    # Beside one another: [oc, block, within, block, within, ..., size]
    taken = columns.reshape(case.oc, *split, *case.size)
    reach = [n + q - 1 for n, q in zip(case.size, blocks, strict=True)]
    ends = zip(case.out, case.padding, case.stride, strict=True)
    reach = [max(r, -(-(out + before) // s)) for r, (out, (before, _), s) in zip(reach, ends, strict=True)]
    full = np.empty((case.oc, *(n for r, s in zip(reach, case.stride, strict=True) for n in (r, s))), np.float32)
    plane = full.reshape(case.oc, *(r * s for r, s in zip(reach, case.stride, strict=True)))
    cut = tuple(slice(before, before + out) for (before, _), out in zip(case.padding, case.out, strict=True))
    bias, y = b.reshape(-1, *[1] * case.dims), np.empty(case.y_shape, np.float32)
    dims = case.dims
    order = (0, *(axis for i in range(dims) for axis in (dims + 1 + i, i + 1)))  # [oc, size, within, size, within]

    def run() -> np.ndarray:
        for image, result in zip(x, y, strict=True):
            np.matmul(filters, image.reshape(case.groups, filters.shape[2], -1), out=columns)
            full.fill(0.0)
            for block in np.ndindex(*blocks):
                part = taken[(slice(None), *(i for q in block for i in (q, slice(None))))]
                where = tuple(i for q, n in zip(block, case.size, strict=True) for i in (slice(q, q + n), slice(None)))
                full[(slice(None), *where)] += part.transpose(order)
            np.add(plane[(slice(None), *cut)], bias, out=result)
        return y

    return run


def windows(
    x: np.ndarray, kernel: tuple[int, ...], stride: tuple[int, ...] = (), dilation: tuple[int, ...] = ()
) -> np.ndarray:
    """Return the view [..., kernel, out] of x [..., size]; [..., i, j] with a kernel of two axes is the tap's plane."""
    dims = len(kernel)
    stride, dilation = stride or (1,) * dims, dilation or (1,) * dims
    axes = tuple(range(-dims, 0))
    extent = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(x, extent, axis=axes)
    steps = tuple(slice(None, None, step) for step in (*stride, *dilation))
    return np.moveaxis(seen[(..., *steps)], axes, tuple(range(-2 * dims, -dims)))


class LeNet:
    """The demo's network and SGD with momentum, every gradient written out; any float type."""

    def __init__(self, case: TrainCase, dtype: type) -> None:
        self.case = case
        x, self.labels = case.arrays()
        self.x = x.astype(dtype)
        self.params = [p.astype(dtype) for p in case.parameters()]
        self.momenta = [np.zeros_like(p) for p in self.params]

    def step(self) -> float:
        """Do one step and return the loss before the update."""
        w1, b1, w2, b2, w3, b3, w4, b4 = self.params
        a1, back1 = _conv_relu_pool(self.x, w1, b1)
        a2, back2 = _conv_relu_pool(a1, w2, b2)
        flat = a2.reshape(len(a2), -1)
        hidden = np.maximum(flat @ w3.T + b3, 0)
        scores = hidden @ w4.T + b4
        scores -= scores.max(axis=1, keepdims=True)
        log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        rows = np.arange(len(scores))
        loss = -float(log_p[rows, self.labels].mean())

        gy = np.exp(log_p)
        gy[rows, self.labels] -= 1
        gy /= len(gy)
        gw4, gb4 = gy.T @ hidden, gy.sum(axis=0)
        gy = gy @ w4 * (hidden > 0)
        gw3, gb3 = gy.T @ flat, gy.sum(axis=0)
        ga1, gw2, gb2 = back2((gy @ w3).reshape(a2.shape), True)
        _, gw1, gb1 = back1(ga1, False)
        for p, v, g in zip(self.params, self.momenta, (gw1, gb1, gw2, gb2, gw3, gb3, gw4, gb4), strict=True):
            v *= self.case.momentum
            v += g
            p -= self.case.lr * v
        return loss


def _conv_relu_pool(x: np.ndarray, w: np.ndarray, b: np.ndarray):
    """3x3 convolution with padding 1, ReLU, 2x2 max pooling; also a function that maps gy to (gx, gw, gb)."""
    n, c, h, wd = x.shape
    filters = w.reshape(len(w), -1)
    columns = windows(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3)).reshape(n, c * 9, h * wd)
    z = np.maximum((filters @ columns + b[:, None]).reshape(n, -1, h, wd), 0)
    blocks = z[:, :, : h // 2 * 2, : wd // 2 * 2].reshape(n, -1, h // 2, 2, wd // 2, 2)
    blocks = blocks.transpose(0, 1, 2, 4, 3, 5).reshape(n, -1, h // 2, wd // 2, 4)
    first = blocks.argmax(axis=-1)[..., None]
    y = np.take_along_axis(blocks, first, -1)[..., 0]

    def backward(gy: np.ndarray, need_gx: bool):
        spread = np.zeros_like(blocks)
        np.put_along_axis(spread, first, (gy * (y > 0))[..., None], -1)
        gz = np.zeros_like(z)
        gz[:, :, : h // 2 * 2, : wd // 2 * 2] = (
            spread.reshape(n, -1, h // 2, wd // 2, 2, 2)
            .transpose(0, 1, 2, 4, 3, 5)
            .reshape(n, -1, h // 2 * 2, wd // 2 * 2)
        )
        gz = gz.reshape(n, -1, h * wd)
        gw = np.matmul(gz, columns.transpose(0, 2, 1)).sum(axis=0).reshape(w.shape)
        if not need_gx:
            return None, gw, gz.sum(axis=(0, 2))
        taps = (filters.T @ gz).reshape(n, c, 3, 3, h, wd)
        gx = np.zeros((n, c, h + 2, wd + 2), x.dtype)
        for r in range(3):
            for s in range(3):
                gx[:, :, r : r + h, s : s + wd] += taps[:, :, r, s]
        return gx[:, :, 1:-1, 1:-1], gw, gz.sum(axis=(0, 2))

    return y, backward
