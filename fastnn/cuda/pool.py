"""Pooling: the twins of `fastnn._kernels`' max_pool, avg_pool and their gradients, on `GPUArray`s [n, c, ...]."""

from typing import Any

import numpy as np

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import pool as kernels


def _sizes(x: Any, y: Any) -> tuple[int, ...]:
    """The three axes of input and output."""
    return *(1,) * (5 - len(x.shape)), *x.shape[2:], *(1,) * (5 - len(y.shape)), *y.shape[2:]


def max_pool(window: Any, x: GPUArray, y: GPUArray, indices: GPUArray | None) -> None:
    kernel = build(kernels.max_pool, NAMES[x.dtype], window, "y" if indices is None else "both")
    # A kernel that writes no positions is given another pointer in their place.
    run(kernel, y.size, x, x.pointer, y.pointer, (y if indices is None else indices).pointer, y.size, *_sizes(x, y))


def max_pool_grad_input(window: Any, gy: GPUArray, x: GPUArray, y: GPUArray | None, gx: GPUArray) -> None:
    """`y` is given where x is the result of a ReLU and the gradient of that one's input is wanted."""
    real, sizes = NAMES[x.dtype], _sizes(x, gy)
    winner = x.new(gy.shape, np.int32)
    find = build(kernels.max_pool, real, window, "winner")
    run(find, gy.size, x, x.pointer, gy.pointer, winner.pointer, gy.size, *sizes)
    gather = build(kernels.max_pool_grad_input, real, window, y is not None)
    run(gather, gx.size, x, gy.pointer, winner.pointer, (gy if y is None else y).pointer, gx.pointer, gx.size, *sizes)


def avg_pool(window: Any, count_include_pad: bool, divisor: float, x: GPUArray, y: GPUArray) -> None:
    kernel = build(kernels.avg_pool, NAMES[x.dtype], window, count_include_pad, divisor != 0)
    run(kernel, y.size, x, x.pointer, y.pointer, divisor, y.size, *_sizes(x, y))


def avg_pool_grad_input(window: Any, count_include_pad: bool, divisor: float, gy: GPUArray, gx: GPUArray) -> None:
    kernel = build(kernels.avg_pool_grad_input, NAMES[gy.dtype], window, count_include_pad, divisor != 0)
    run(kernel, gx.size, gy, gy.pointer, gx.pointer, divisor, gx.size, *_sizes(gx, gy))
