"""The benchmarks' modules, wherever they are installed, and the layers and the definition that their tests share."""

from __future__ import annotations

import importlib

import numpy as np

try:
    benchmarks = importlib.import_module("fastnn.benchmarks")
except ImportError:
    benchmarks = importlib.import_module("benchmarks")


def part(name: str):
    return importlib.import_module(f"{benchmarks.__name__}.{name}")


cases, peers = part("cases"), part("peers")

SMALL = cases.ConvCase("small", 6, 4, (7, 9), (3, 2), (2, 1), ((1, 1), (0, 0)), groups=2, batch=3)
UP = cases.ConvCase("up", 6, 4, (5, 4), (3, 5), (2, 3), (1, 2), 1, 2, transposed=True, output_padding=(1, 0), batch=2)
KINDS = [
    SMALL,
    UP,
    cases.ConvCase("causal", 4, 6, (19,), (3,), 1, ((4, 0),), 2),
    cases.ConvCase("depthwise", 6, 12, (8, 7), (3, 3), 2, 1, groups=6),
    cases.ConvCase("up_far", 3, 2, (3, 2), (7, 6), 4, 1, transposed=True),
    cases.ConvCase("solid", 3, 4, (4, 5, 6), (2, 3, 1), (1, 2, 1), (1, 0, 0)),
    cases.ConvCase("up_line", 4, 2, (7,), (4,), (2,), 1, transposed=True),
]
NUMPY = next(peer for peer in peers.PEERS if peer.name == "numpy")


def convolution(case) -> np.ndarray:
    """The layer from its definition: every input pixel meets every tap."""
    x, w, b = case.arrays()
    y = np.zeros(case.y_shape) + b.reshape(-1, *[1] * case.dims)
    before = [side for side, _ in case.padding]
    w = w.reshape(case.groups, -1, *w.shape[1:])
    w = w.swapaxes(1, 2) if case.transposed else w
    x = x.reshape(case.batch, case.groups, -1, *case.size)
    y = y.reshape(case.batch, case.groups, -1, *case.out)
    near, far = (case.size, case.out) if case.transposed else (case.out, case.size)
    for pixel in np.ndindex(*near):
        for tap in np.ndindex(*case.kernel):
            axes = zip(pixel, tap, case.stride, case.dilation, before, strict=True)
            other = tuple(i * s + k * d - p for i, k, s, d, p in axes)
            if any(not 0 <= i < n for i, n in zip(other, far, strict=True)):
                continue
            source, target = (pixel, other) if case.transposed else (other, pixel)
            y[(..., *target)] += np.einsum("goc,ngc->ngo", w[(..., *tap)], x[(..., *source)].astype(np.float64))
    return y.reshape(case.y_shape).astype(np.float32)
