"""The bodies of all gradients of convolutions, plain and transposed; the forward ones are in _conv.py."""

import math
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import NCHW, NHWC, channels_first, image_argument, image_result
from fastnn.ops._checks import as_array, new_array, same_dtype, sizes
from fastnn.ops._conv import check_modes, conv_params, conv_transpose_params, image_of, own_order
from fastnn.ops._shapes import AXES, resolve_padding, shape_of
from fastnn.ops.pad import pad_grad_input


def _gradient(op: str, gy: Any, shape: tuple[int, ...], layout: int = NCHW) -> tuple[np.ndarray, int]:
    data, kind, found = image_argument(op, "gy", gy, layout)
    if found != shape:
        raise ValueError(f"{op}: gy has shape {data.shape}, expected {own_order(kind, shape)}")
    return data, kind


def _padded(
    op: str, rank: int, shape: tuple[int, ...], kernel: tuple[int, ...], geometry: tuple[Any, ...]
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Shape of the padded image [N, C, ...], and its padding."""
    stride, padding, dilation, _ = geometry
    strides, dilations = sizes(op, "stride", stride, 1, rank), sizes(op, "dilation", dilation, 1, rank)
    pads = resolve_padding(op, padding, kernel[2:], strides, dilations)
    return (*shape[:2], *(size + sum(sides) for size, sides in zip(shape[2:], pads, strict=True))), pads


def conv_grad_input(
    op: str,
    rank: int,
    gy: Any,
    weight: Any,
    input_shape: Any,
    geometry: tuple[Any, ...],
    padding_mode: str = "zeros",
    layout: str = "NCHW",
) -> Any:
    """The body of the convolutions' input gradients.

    With a padding mode that of the padded image is computed, then folded.
    """
    kind = check_modes(op, padding_mode, layout)
    kernel = as_array(op, "weight", weight)
    own_shape = shape_of(op, "input_shape", input_shape, rank + 2)
    shape = channels_first(own_shape) if kind == NHWC else own_shape
    params = conv_params(op, rank, shape, kernel.shape, *geometry, padding_mode=padding_mode)
    data, kind = _gradient(op, gy, params.y_shape, kind)
    same_dtype(op, "gy", data, "weight", kernel)
    pads: tuple[tuple[int, int], ...] = ()
    if padding_mode != "zeros":
        shape, pads = _padded(op, rank, shape, kernel.shape, geometry)
        params = conv_params(op, rank, shape, kernel.shape, geometry[0], 0, *geometry[2:])
    gx, gx_data = image_result(kind, shape, data.dtype)
    _kernels.conv_grad_input(params, _kernels.METHODS["auto"], data, kind, kernel, gx_data, kind)
    if padding_mode == "zeros":
        return gx
    flat = [side for sides in reversed(pads) for side in sides]
    return pad_grad_input(gx, own_shape, [0, 0, *flat] if kind == NHWC else flat, padding_mode)


def conv_grad_weight(
    op: str,
    rank: int,
    gy: Any,
    x: Any,
    weight_shape: Any,
    geometry: tuple[Any, ...],
    padding_mode: str = "zeros",
    layout: str = "NCHW",
) -> np.ndarray:
    """The body of the convolutions' weight gradients."""
    kind = check_modes(op, padding_mode, layout)
    shape = shape_of(op, "weight_shape", weight_shape, rank + 2)
    data, x_layout, x_shape = image_of(op, "x", x, rank, kind)
    params = conv_params(op, rank, x_shape, shape, *geometry, padding_mode=padding_mode)
    gradient, gy_layout = _gradient(op, gy, params.y_shape, kind)
    same_dtype(op, "gy", gradient, "x", data)
    gw = new_array(shape, data.dtype)
    _kernels.conv_grad_weight(params, gradient, gy_layout, data, x_layout, gw)
    return gw


def conv_transpose_grad_input(
    op: str, rank: int, gy: Any, weight: Any, input_shape: Any, geometry: tuple[Any, ...], layout: str = "NCHW"
) -> Any:
    """The body of the transposed convolutions' input gradients: the convolution that was transposed."""
    kind = check_modes(op, "zeros", layout)
    kernel = as_array(op, "weight", weight)
    own_shape = shape_of(op, "input_shape", input_shape, rank + 2)
    shape = channels_first(own_shape) if kind == NHWC else own_shape
    call, params = conv_transpose_params(op, rank, shape, kernel.shape, *geometry)
    data, kind = _gradient(op, gy, call.y_shape, kind)
    same_dtype(op, "gy", data, "weight", kernel)
    gx, gx_data = image_result(kind, shape, data.dtype)
    _kernels.conv(params, _kernels.METHODS["auto"], data, kind, kernel, None, None, gx_data, kind, 0, 0.0, 0.0)
    return gx


def conv_transpose_grad_weight(
    op: str, rank: int, gy: Any, x: Any, weight_shape: Any, geometry: tuple[Any, ...], layout: str = "NCHW"
) -> np.ndarray:
    """The body of the transposed convolutions' weight gradients: the convolution's, with x and gy in changed roles."""
    shape = shape_of(op, "weight_shape", weight_shape, rank + 2)
    kind = check_modes(op, "zeros", layout)
    data, x_layout, x_shape = image_of(op, "x", x, rank, kind)
    call, params = conv_transpose_params(op, rank, x_shape, shape, *geometry)
    gradient, gy_layout = _gradient(op, gy, call.y_shape, kind)
    same_dtype(op, "gy", gradient, "x", data)
    gw = new_array(shape, data.dtype)
    _kernels.conv_grad_weight(params, data, x_layout, gradient, gy_layout, gw)
    return gw


def conv_grad_bias(op: str, rank: int, gy: Any, layout: str = "NCHW") -> np.ndarray:
    """The body of all bias gradients."""
    data, kind, shape = image_of(op, "gy", gy, rank, check_modes(op, "zeros", layout))
    if len(shape) != rank + 2:
        raise ValueError(f"{op}: gy must have {rank + 2} dimensions [N, OC, {AXES[rank]}], got shape {shape}")
    n, c, *size = shape
    gb = new_array((c,), data.dtype)
    _kernels.channel_sum(data, kind, n, c, math.prod(size), gb)
    return gb
