"""Images as matrices of their windows: the twins of `fastnn._kernels`' im2col and col2im."""

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import im2col as kernels

Sizes = tuple[int, ...]  # h w, oh ow, padding before


def im2col(geometry: tuple[int, ...], sizes: Sizes, x: GPUArray, cols: GPUArray) -> None:
    kernel = build(kernels.im2col, NAMES[x.dtype], geometry)
    run(kernel, cols.size, x, x.pointer, cols.pointer, cols.size, *sizes)


def col2im(geometry: tuple[int, ...], sizes: Sizes, cols: GPUArray, x: GPUArray) -> None:
    kernel = build(kernels.col2im, NAMES[x.dtype], geometry)
    run(kernel, x.size, x, cols.pointer, x.pointer, x.size, *sizes)
