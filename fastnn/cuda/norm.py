"""Normalisation on `GPUArray`s: batch norm over channels [n, c, pixels], the others over rows."""

from typing import NamedTuple

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.gemm import PROCESSORS
from fastnn.cuda.kernels import norm as channels
from fastnn.cuda.kernels import norm_rows as rows

_THREADS = 4 if SIMULATED else 256  # of a block that sums
_PART = 8 if SIMULATED else 8192  # elements of a channel that are worth a block of their own


class Statistics(NamedTuple):
    """Means and biased variances; `running`: the caller's arrays, else of the precision that kernels compute in."""

    mean: GPUArray
    var: GPUArray
    running: bool


def _wide(x: GPUArray) -> str:
    return "float64" if x.dtype == "float64" else "float32"


def _splits(blocks: int, count: int) -> int:
    """Parts of a sum of `count` where there are too few blocks to fill the device."""
    return max(1, min(4 * PROCESSORS // max(blocks, 1), count // _PART, 256))


def batch_statistics(x: GPUArray, n: int, c: int, pixels: int) -> Statistics:
    real, splits = NAMES[x.dtype], _splits(c, n * pixels)
    parts, mean, var = x.new((c, splits, 2), _wide(x)), x.new((c,), _wide(x)), x.new((c,), _wide(x))
    part = build(channels.statistics, real, _THREADS)
    part(c * splits, _THREADS, x.place, x.pointer, parts.pointer, n, c, pixels, splits)
    run(build(channels.combine, real), c, x, parts.pointer, mean.pointer, var.pointer, c, n * pixels, splits)
    return Statistics(mean, var, False)


def update(
    found: Statistics, running_mean: GPUArray, running_var: GPUArray, images: int, momentum: float, count: int
) -> None:
    """Move running statistics towards those of `images` images, of `count` elements each."""
    c = running_mean.size
    pointers = found.mean.pointer, found.var.pointer, running_mean.pointer, running_var.pointer
    kernel = build(channels.update, NAMES[running_mean.dtype])
    run(kernel, c, running_mean, *pointers, images, c, momentum, count / (count - 1))


def batch_norm(
    x: GPUArray, found: Statistics, weight: GPUArray | None, bias: GPUArray | None, eps: float, c: int, pixels: int,
    y: GPUArray,
) -> None:  # fmt: skip
    kernel = build(channels.normalize_channels, NAMES[x.dtype], weight is not None, bias is not None, found.running)
    # Arrays that a kernel does not read are given another pointer in their place.
    pointers = found.mean.pointer, found.var.pointer, (weight or x).pointer, (bias or x).pointer, y.pointer
    run(kernel, x.size, x, x.pointer, *pointers, x.size, c, pixels, eps)


def channel_gradients(
    gy: GPUArray, x: GPUArray, found: Statistics, view: tuple[int, int, int], eps: float, images_apart: int = 0,
    per: int = 1,
) -> GPUArray:  # fmt: skip
    """Gradients of bias and weight: sums [2, c]; statistics of an element at image * images_apart + channel / per."""
    (n, c, pixels), real = view, NAMES[x.dtype]
    splits = _splits(c, n * pixels)
    parts, sums = x.new((c, splits, 2), _wide(x)), x.new((2, c), _wide(x))
    kernel = build(channels.gradient_sums, real, _THREADS, found.running)
    pointers = gy.pointer, x.pointer, found.mean.pointer, found.var.pointer, parts.pointer
    kernel(c * splits, _THREADS, x.place, *pointers, n, c, pixels, splits, images_apart, per, eps)
    run(build(channels.combine_sums, real), c, x, parts.pointer, sums.pointer, c, splits)
    return sums


def row_of(sums: GPUArray, row: int, like: GPUArray, y: GPUArray) -> None:
    """y [c] = a row of sums [2, c], in the type of y."""
    run(build(channels.sums_row, NAMES[like.dtype]), y.size, like, sums.pointer, y.pointer, row, y.size)


def batch_norm_grad_input(
    gy: GPUArray, x: GPUArray, found: Statistics, weight: GPUArray | None, view: tuple[int, int, int], eps: float,
    gx: GPUArray,
) -> None:  # fmt: skip
    n, c, pixels = view
    sums = gy if found.running else channel_gradients(gy, x, found, view, eps)
    kernel = build(channels.gradient_channels, NAMES[x.dtype], weight is not None, found.running)
    pointers = found.mean.pointer, found.var.pointer, (weight or x).pointer, sums.pointer, gx.pointer
    run(kernel, x.size, x, gy.pointer, x.pointer, *pointers, x.size, c, pixels, n * pixels, eps)


def normalize_rows(
    x: GPUArray, weight: GPUArray | None, bias: GPUArray | None, length: int, groups: int, pixels: int, eps: float,
    y: GPUArray,
) -> Statistics:  # fmt: skip
    """`groups` 0: weights belong to elements of a row; else a row is a group's channels of so many pixels."""
    found = Statistics(x.new((x.size // length,), _wide(x)), x.new((x.size // length,), _wide(x)), False)
    kernel = build(rows.normalize_rows, NAMES[x.dtype], _THREADS, weight is not None, bias is not None, groups == 0)
    pointers = (weight or x).pointer, (bias or x).pointer, y.pointer, found.mean.pointer, found.var.pointer
    kernel(x.size // length, _THREADS, x.place, x.pointer, *pointers, length, groups or 1, pixels, eps)
    return found


def row_statistics(x: GPUArray, length: int) -> Statistics:
    found = Statistics(x.new((x.size // length,), _wide(x)), x.new((x.size // length,), _wide(x)), False)
    kernel = build(rows.row_statistics, NAMES[x.dtype], _THREADS)
    kernel(x.size // length, _THREADS, x.place, x.pointer, found.mean.pointer, found.var.pointer, length)
    return found


def gradient_rows(
    gy: GPUArray, x: GPUArray, weight: GPUArray | None, length: int, groups: int, pixels: int, eps: float, gx: GPUArray
) -> None:
    found = row_statistics(x, length)
    kernel = build(rows.gradient_rows, NAMES[x.dtype], _THREADS, weight is not None, groups == 0)
    pointers = gy.pointer, x.pointer, (weight or x).pointer, found.mean.pointer, found.var.pointer, gx.pointer
    kernel(x.size // length, _THREADS, x.place, *pointers, length, groups or 1, pixels, eps)


def column_sums(gy: GPUArray, x: GPUArray | None, length: int, eps: float, y: GPUArray) -> None:
    """y [length] = sums over the rows of gy, or where x is given of gy times the normalised x."""
    count, real = gy.size // length, NAMES[gy.dtype]
    splits = max(1, min(PROCESSORS * 2048 // length, count // (2 if SIMULATED else 32), 1024))
    parts = gy.new((splits, length), _wide(gy))
    mean, var = (parts, parts) if x is None else row_statistics(x, length)[:2]
    pointers = gy.pointer, (x or gy).pointer, mean.pointer, var.pointer, parts.pointer
    kernel = build(rows.column_sums, real, x is not None)
    run(kernel, parts.size, gy, *pointers, parts.size, count, length, splits, eps)
    run(build(rows.combine_columns, real), length, gy, parts.pointer, y.pointer, length, splits)
