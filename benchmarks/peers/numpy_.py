"""NumPy: im2col and one BLAS call per image; in float64 also the oracle of the training step."""

from __future__ import annotations

import numpy as np

from ..cases import ConvCase, TrainCase
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

    def conv(self, case: ConvCase) -> Job:
        x, w, b = case.arrays()
        filters = w.reshape(case.groups, case.oc // case.groups, -1)
        bias = b.reshape(case.groups, -1, 1)
        padded = np.zeros((case.c, case.h + 2 * case.ph, case.w + 2 * case.pw), np.float32)
        columns = np.empty((case.c, case.kh, case.kw, case.oh, case.ow), np.float32)
        pointwise = columns.shape[1:] == (1, 1, case.h, case.w)
        y = np.empty((case.batch, case.oc, case.oh, case.ow), np.float32)

        def run() -> np.ndarray:
            for image, result in zip(x, y, strict=True):
                if not pointwise:
                    padded[:, case.ph : case.ph + case.h, case.pw : case.pw + case.w] = image
                    columns[:] = windows(padded, case.kh, case.kw, case.sh, case.sw)
                source = (image if pointwise else columns).reshape(case.groups, -1, case.oh * case.ow)
                target = result.reshape(case.groups, -1, case.oh * case.ow)
                np.matmul(filters, source, out=target)
                np.add(target, bias, out=target)
            return y

        return Job(run, lambda y: y)

    def train(self, case: TrainCase) -> Job:
        return Job(LeNet(case, np.float32).step, float)


def windows(x: np.ndarray, kh: int, kw: int, sh: int = 1, sw: int = 1) -> np.ndarray:
    """Return the view [..., kh, kw, oh, ow] of x [..., h, w]; [..., i, j] is the window of output (i, j)."""
    seen = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), axis=(-2, -1))[..., ::sh, ::sw, :, :]
    return np.moveaxis(seen, (-2, -1), (-4, -3))


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
    columns = windows(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), 3, 3).reshape(n, c * 9, h * wd)
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
