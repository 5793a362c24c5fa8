"""Convolutions: the twins of `fastnn._kernels`' conv, conv_grad_input and conv_grad_weight."""

import math
from typing import Any, NamedTuple

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES
from fastnn.cuda._launch import build, run
from fastnn.cuda.gemm import splits_for, sum_parts, tile_for
from fastnn.cuda.kernels import conv as kernels

FEW_CHANNELS = 8  # of a group, in the result: below, seven eighths of a tile's rows would be empty


class Params(NamedTuple):
    """A convolution x [n, groups cg, ...] -> y [n, groups mg, ...]; geometry: kernel, stride, dilation of 3 axes."""

    x_shape: tuple[int, ...]
    weight_shape: tuple[int, ...]  # [groups mg, cg, ...]
    y_shape: tuple[int, ...]
    geometry: tuple[int, ...]
    padding: tuple[int, ...]
    groups: int


def _axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    return *(1,) * (5 - len(shape)), *shape[2:]


def _product(
    params: Params, transposed: bool, x: GPUArray, weight: GPUArray, bias: GPUArray | None, y: GPUArray,
    activation: str, alpha: float, beta: float,
) -> None:  # fmt: skip
    """The gathering product, forward or from the result to the input."""
    if not y.size:
        return
    mg, cg = y.shape[1] // params.groups, x.shape[1] // params.groups
    real, pixels = NAMES[x.dtype], y.shape[0] * math.prod(y.shape[2:])
    constants = params.geometry, transposed, bias is not None, activation
    arrays = weight.pointer, x.pointer, (y if bias is None else bias).pointer, y.pointer
    sizes = alpha, beta, y.shape[0], mg, cg, params.groups, *_axes(x.shape), *_axes(y.shape), *params.padding
    if mg < FEW_CHANNELS and params.groups > 1:
        run(build(kernels.conv_direct, real, *constants), y.size, x, *arrays, *sizes)
        return
    tile = tile_for(mg, pixels, real)
    grid = -(-pixels // tile.bn), -(-mg // tile.bm), params.groups
    build(kernels.conv, real, tile, *constants)(grid, tile.threads, x.place, *arrays, *sizes)


def conv(
    params: Params, x: GPUArray, weight: GPUArray, bias: GPUArray | None, y: GPUArray, activation: str = "none",
    alpha: float = 0.0, beta: float = 0.0,
) -> None:  # fmt: skip
    _product(params, False, x, weight, bias, y, activation, alpha, beta)


def conv_grad_input(
    params: Params, gy: GPUArray, weight: GPUArray, bias: GPUArray | None, gx: GPUArray, activation: str = "none",
    alpha: float = 0.0, beta: float = 0.0,
) -> None:  # fmt: skip
    """Also the transposed convolution, which has a bias and an activation."""
    _product(params, True, gy, weight, bias, gx, activation, alpha, beta)


def conv_grad_weight(params: Params, gy: GPUArray, x: GPUArray, gw: GPUArray) -> None:
    if not gw.size:
        return
    groups, (oc, cg, *kernel) = params.groups, params.weight_shape
    mg, width, pixels = oc // groups, cg * math.prod(kernel), gy.shape[0] * math.prod(gy.shape[2:])
    real = NAMES[x.dtype]
    tile = tile_for(mg, width, real)
    across, down = -(-width // tile.bn), -(-mg // tile.bm)
    parts, chunk = splits_for(across * down * groups, pixels, tile.bk)
    to: Any = gw if parts == 1 else gw.new((parts, gw.size))
    launch = build(kernels.conv_grad_weight, real, tile, params.geometry)
    sizes = x.shape[0], mg, cg, groups, *_axes(x.shape), *_axes(gy.shape), *params.padding
    arrays = gy.pointer, x.pointer, to.pointer
    launch((across, down, groups * parts), tile.threads, x.place, *arrays, parts, chunk, *sizes)
    if parts > 1:
        sum_parts(to, gw, parts)
