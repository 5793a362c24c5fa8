"""Dropout: the twin of `fastnn._kernels`' dropout."""

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import dropout as kernels


def dropout(x: GPUArray, y: GPUArray, p: float, seed: int) -> None:
    """p 1 gives zeros, p 0 copies."""
    threshold = min(int(p * 4294967296.0), kernels.WORD) if p < 1 else kernels.WORD + 1
    counters = -(-x.size // kernels.GROUP) * kernels.LANES
    numbers = seed & kernels.WORD, seed >> 32, threshold, 1 / (1 - p) if p < 1 else 0.0
    run(build(kernels.dropout, NAMES[x.dtype]), counters, x, x.pointer, y.pointer, x.size, *numbers)
