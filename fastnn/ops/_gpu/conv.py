"""Convolutions and transposed convolutions on GPU arrays; see `fastnn.ops.conv` for what the functions mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from fastnn.ops._checks import hashable, integer, plain, sizes
from fastnn.ops._conv import transpose_padding
from fastnn.ops._gpu._arguments import activation_name, as_array, only_nchw, result
from fastnn.ops._shapes import check_weight, conv_shape, conv_transpose_shape, resolve_padding, shape_of


def _three(values: tuple[int, ...], rest: int) -> tuple[int, ...]:
    return (*(rest,) * (3 - len(values)), *values)


@lru_cache(maxsize=512)
def _params(op, rank, x_shape, weight_shape, stride, padding, dilation, groups):
    from fastnn.cuda.conv import Params

    groups = integer(op, "groups", plain(groups), 1)
    if len(weight_shape) != rank + 2:
        check_weight(op, weight_shape, groups, rank)
    strides, dilations = sizes(op, "stride", plain(stride), 1, rank), sizes(op, "dilation", plain(dilation), 1, rank)
    pads = resolve_padding(op, plain(padding), weight_shape[2:], strides, dilations)
    y_shape = conv_shape(op, x_shape, weight_shape, strides, pads, dilations, groups)
    geometry = (*_three(weight_shape[2:], 1), *_three(strides, 1), *_three(dilations, 1))
    before = _three(tuple(before for before, _ in pads), 0)
    return Params(x_shape, weight_shape, y_shape, geometry, before, groups)


def _conv_params(op: str, rank: int, x_shape: Any, weight_shape: Any, *geometry: Any) -> Any:
    return _params(op, rank, x_shape, weight_shape, *(hashable(v) for v in geometry))


@lru_cache(maxsize=512)
def _transposed(op, rank, x_shape, weight_shape, stride, padding, output_padding, groups, dilation):
    """(shape of the result, the convolution from it to x that is transposed)."""
    from fastnn.cuda.conv import Params

    groups = integer(op, "groups", plain(groups), 1)
    strides, dilations = sizes(op, "stride", plain(stride), 1, rank), sizes(op, "dilation", plain(dilation), 1, rank)
    extra = sizes(op, "output_padding", plain(output_padding), 0, rank)
    pads = transpose_padding(op, plain(padding), rank)
    y_shape = conv_transpose_shape(op, x_shape, weight_shape, strides, pads, extra, groups, dilations)
    geometry = (*_three(weight_shape[2:], 1), *_three(strides, 1), *_three(dilations, 1))
    before = _three(tuple(before for before, _ in pads), 0)
    return y_shape, Params(y_shape, weight_shape, x_shape, geometry, before, groups)


def _transposed_params(op: str, rank: int, x_shape: Any, weight_shape: Any, *geometry: Any) -> Any:
    return _transposed(op, rank, x_shape, weight_shape, *(hashable(v) for v in geometry))


def _refuse(op: str, padding_mode: str, layout: str, residual: Any = None, algorithm: str = "auto") -> None:
    only_nchw(op, layout)
    if padding_mode != "zeros":
        raise NotImplementedError(f"{op}: padding_mode={padding_mode!r} has no GPU kernel yet; only 'zeros'")
    if residual is not None:
        raise NotImplementedError(f"{op}: residual has no GPU kernel yet")
    if algorithm != "auto":
        raise ValueError(f"{op}: algorithm={algorithm!r} is for the CPU; on a GPU only 'auto'")


def _conv(
    rank: int, x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, *, padding_mode: str = "zeros", layout: str = "NCHW", activation: Any = None,
    residual: Any = None, algorithm: str = "auto", out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import conv

    op = f"conv{rank}d"
    _refuse(op, padding_mode, layout, residual, algorithm)
    data = as_array(op, "x", x)
    w = as_array(op, "weight", weight, data)
    params = _conv_params(op, rank, data.shape, w.shape, stride, padding, dilation, groups)
    added = None if bias is None else as_array(op, "bias", bias, data, w.shape[:1])
    y = result(op, out, data, params.y_shape, w, added)
    conv.conv(params, data, w, added, y, *activation_name(op, activation))
    return y.array


def _grad_input(
    rank: int, gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> Any:  # fmt: skip
    from fastnn.cuda import conv

    op = f"conv{rank}d_grad_input"
    _refuse(op, padding_mode, layout)
    w = as_array(op, "weight", weight)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    params = _conv_params(op, rank, shape, w.shape, stride, padding, dilation, groups)
    g = as_array(op, "gy", gy, w, params.y_shape)
    gx = g.new(shape)
    conv.conv_grad_input(params, g, w, None, gx)
    return gx.array


def _grad_weight(
    rank: int, gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1, *, padding_mode: str = "zeros", layout: str = "NCHW",
) -> Any:  # fmt: skip
    from fastnn.cuda import conv

    op = f"conv{rank}d_grad_weight"
    _refuse(op, padding_mode, layout)
    data = as_array(op, "x", x)
    shape = shape_of(op, "weight_shape", weight_shape, rank + 2)
    params = _conv_params(op, rank, data.shape, shape, stride, padding, dilation, groups)
    g = as_array(op, "gy", gy, data, params.y_shape)
    gw = g.new(shape)
    conv.conv_grad_weight(params, g, data, gw)
    return gw.array


def _grad_bias(name: str, rank: int, gy: Any, *, layout: str = "NCHW") -> Any:
    from fastnn.cuda import gemm

    op = f"{name}{rank}d_grad_bias"
    only_nchw(op, layout)
    g = as_array(op, "gy", gy)
    if len(g.shape) != rank + 2:
        raise ValueError(f"{op}: gy must have {rank + 2} dimensions, got shape {g.shape}")
    gb = g.new(g.shape[1:2])
    gemm.channel_sum(g, g.shape[0], g.shape[1], math.prod(g.shape[2:]), gb)
    return gb.array


def _transpose(
    rank: int, x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1, *, activation: Any = None, residual: Any = None, algorithm: str = "auto",
    out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import conv

    op = f"conv_transpose{rank}d"
    _refuse(op, "zeros", "NCHW", residual, algorithm)
    data = as_array(op, "x", x)
    w = as_array(op, "weight", weight, data)
    shape, params = _transposed_params(op, rank, data.shape, w.shape, stride, padding, output_padding, groups, dilation)
    added = None if bias is None else as_array(op, "bias", bias, data, shape[1:2])
    y = result(op, out, data, shape, w, added)
    conv.conv_grad_input(params, data, w, added, y, *activation_name(op, activation))
    return y.array


def _transpose_grad_input(
    rank: int, gy: Any, weight: Any, input_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    from fastnn.cuda import conv

    op = f"conv_transpose{rank}d_grad_input"
    w = as_array(op, "weight", weight)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    y_shape, params = _transposed_params(op, rank, shape, w.shape, stride, padding, output_padding, groups, dilation)
    g = as_array(op, "gy", gy, w, y_shape)
    gx = g.new(shape)
    conv.conv(params, g, w, None, gx)
    return gx.array


def _transpose_grad_weight(
    rank: int, gy: Any, x: Any, weight_shape: Any, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Any:  # fmt: skip
    from fastnn.cuda import conv

    op = f"conv_transpose{rank}d_grad_weight"
    data = as_array(op, "x", x)
    shape = shape_of(op, "weight_shape", weight_shape, rank + 2)
    y_shape, params = _transposed_params(op, rank, data.shape, shape, stride, padding, output_padding, groups, dilation)
    g = as_array(op, "gy", gy, data, y_shape)
    gw = g.new(shape)
    conv.conv_grad_weight(params, data, g, gw)
    return gw.array


TWINS: dict[str, Callable[..., Any]] = {
    f"{name}{rank}d{suffix}": partial(function, rank)
    for rank in (1, 2, 3)
    for name, suffix, function in (
        ("conv", "", _conv),
        ("conv", "_grad_input", _grad_input),
        ("conv", "_grad_weight", _grad_weight),
        ("conv", "_grad_bias", partial(_grad_bias, "conv")),
        ("conv_transpose", "", _transpose),
        ("conv_transpose", "_grad_input", _transpose_grad_input),
        ("conv_transpose", "_grad_weight", _transpose_grad_weight),
        ("conv_transpose", "_grad_bias", partial(_grad_bias, "conv_transpose")),
    )
}
