"""What the convolutions of every rank share: checked geometry, and the bodies behind the public functions.

A function of `fastnn.ops` names itself and its rank (1 sequences, 2 images, 3 volumes); the kernels take all of them.
A transposed convolution is the input gradient of the convolution that it transposes, and its gradients are that
convolution and that convolution's weight gradient.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import BLOCKED, blocked, image_argument, image_result
from fastnn.ops._checks import (
    activation_spec,
    as_array,
    hashable,
    integer,
    new_array,
    plain,
    same_dtype,
    shaped,
    sizes,
)
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import (
    AXES,
    check_weight,
    conv_shape,
    conv_transpose_shape,
    resolve_padding,
    shape_of,
)
from fastnn.ops.precision import get_precision


def _before(pads: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    return tuple(before for before, _ in pads)


@lru_cache(maxsize=512)
def _conv_params(op, rank, x_shape, weight_shape, stride, padding, dilation, groups):
    """The checked geometry of one call, for arguments that passed through `hashable`."""
    groups = integer(op, "groups", plain(groups), 1)
    if len(weight_shape) != rank + 2:
        check_weight(op, weight_shape, groups, rank)
    strides = sizes(op, "stride", plain(stride), 1, rank)
    dilations = sizes(op, "dilation", plain(dilation), 1, rank)
    pads = resolve_padding(op, plain(padding), weight_shape[2:], strides, dilations)
    y_shape = conv_shape(op, x_shape, weight_shape, strides, pads, dilations, groups)
    return _kernels.ConvParams(x_shape, weight_shape, y_shape, strides, _before(pads), dilations, groups)


def conv_params(
    op: str,
    rank: int,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
) -> _kernels.ConvParams:
    """The geometry of a convolution as the kernels take it; `.y_shape` is the output's shape."""
    return _conv_params(
        op, rank, x_shape, weight_shape, hashable(stride), hashable(padding), hashable(dilation), hashable(groups)
    )


def transpose_padding(op: str, padding: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Padding of a transposed convolution: numbers only, since its output's size follows from them."""
    if isinstance(padding, str):
        raise ValueError(f"{op}: padding must be integers, got {padding!r}")
    return resolve_padding(op, padding, (), (1,) * rank, ())


@lru_cache(maxsize=512)
def _transpose_params(op, rank, x_shape, weight_shape, stride, padding, output_padding, groups, dilation):
    """(the transposed call, the convolution that it transposes), both as the kernels take them."""
    groups = integer(op, "groups", plain(groups), 1)
    strides = sizes(op, "stride", plain(stride), 1, rank)
    dilations = sizes(op, "dilation", plain(dilation), 1, rank)
    extra = sizes(op, "output_padding", plain(output_padding), 0, rank)
    pads = transpose_padding(op, plain(padding), rank)
    y_shape = conv_transpose_shape(op, x_shape, weight_shape, strides, pads, extra, groups, dilations)
    rest = strides, _before(pads), dilations, groups
    call = _kernels.ConvParams(x_shape, weight_shape, y_shape, *rest, True)
    return call, _kernels.ConvParams(y_shape, weight_shape, x_shape, *rest)


def conv_transpose_params(
    op: str,
    rank: int,
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> tuple[_kernels.ConvParams, _kernels.ConvParams]:
    """The geometry of a transposed convolution, and that of the convolution that it transposes."""
    rest = (hashable(v) for v in (stride, padding, output_padding, groups, dilation))
    return _transpose_params(op, rank, x_shape, weight_shape, *rest)


def check_modes(op: str, padding_mode: str, layout: str) -> None:
    """Raise for modes that this version does not have, and for unknown ones."""
    known = {
        "padding_mode": (padding_mode, ("zeros",), ("reflect", "replicate", "circular")),
        "layout": (layout, ("NCHW",), ("NHWC",)),
    }
    for name, (value, supported, planned) in known.items():
        if value in planned:
            raise NotImplementedError(f"{op}: {name}={value!r} is not supported yet; use {supported[-1]!r}")
        if value not in supported:
            raise ValueError(f"{op}: unknown {name} {value!r}; known are {', '.join(supported + planned)}")


def conv_method(op: str, algorithm: str, params: Any) -> int:
    """The kernels' code of an algorithm; an error says why it cannot serve these shapes."""
    if not isinstance(algorithm, str):
        raise TypeError(f"{op}: algorithm must be a string, got {algorithm!r}")
    if algorithm == "auto":
        return _kernels.METHODS["auto"]
    if algorithm == "im2col":
        raise NotImplementedError(f"{op}: algorithm='im2col' is not supported yet; use 'direct'")
    if algorithm == "depthwise":
        if _kernels.conv_algorithm(params, _kernels.METHODS["direct"]) != "depthwise":
            raise ValueError(
                f"{op}: algorithm='depthwise' cannot serve: it needs as many groups as input channels and as output "
                f"channels, and more than one"
            )
        return _kernels.METHODS["direct"]
    if algorithm not in _kernels.METHODS:
        known = ", ".join([*_kernels.METHODS, "depthwise", "im2col"])
        raise ValueError(f"{op}: unknown algorithm {algorithm!r}; known are {known}")
    method = _kernels.METHODS[algorithm]
    reason = _kernels.conv_refusal(params, method)
    if reason is not None:
        raise ValueError(f"{op}: algorithm={algorithm!r} cannot serve: {reason}")
    if algorithm.startswith("winograd") and get_precision() == "strict":
        raise ValueError(f"{op}: algorithm={algorithm!r} cannot serve: set_precision('strict') allows direct sums only")
    return method


def residual_data(
    op: str, residual: Any, layout: int, shape: tuple[int, ...], dtype: np.dtype, out: np.ndarray
) -> np.ndarray:
    """The residual in the result's layout."""
    data, kind, residual_shape = image_argument(op, "residual", residual)
    if residual_shape != shape:
        raise ValueError(f"{op}: residual has shape {residual_shape}, expected {shape}")
    if data.dtype is not dtype:
        raise TypeError(f"{op}: residual is {data.dtype} but x is {dtype}; convert one of them")
    if np.may_share_memory(out, data):
        raise ValueError(f"{op}: out overlaps residual; give a separate array")
    if kind == layout:
        return data
    return blocked(data).data if layout == BLOCKED else residual.numpy()


def _run(
    op: str,
    params: Any,
    method: int,
    image: Any,
    kernel: Any,
    bias: Any,
    residual: Any,
    activation: Any,
    out: Any,
) -> Any:
    """One forward call, plain or transposed; `image` is what `image_argument` gave."""
    data, x_layout, _ = image
    same_dtype(op, "x", data, "weight", kernel)
    y = ImageOut(op, out, x_layout, params.y_shape, data.dtype, data, kernel, bias)
    if residual is not None:
        residual = residual_data(op, residual, y.layout, params.y_shape, data.dtype, y.data)
    code, alpha, beta = activation_spec(op, activation)
    _kernels.conv(params, method, data, x_layout, kernel, bias, residual, y.data, y.layout, code, alpha, beta)
    return y.finish()


def conv(
    op: str,
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    modes: tuple[str, str, str],
    activation: Any,
    residual: Any,
    out: Any,
) -> Any:
    """The body of `conv1d`, `conv2d` and `conv3d`; `geometry` is (stride, padding, dilation, groups)."""
    padding_mode, layout, algorithm = modes
    if padding_mode != "zeros" or layout != "NCHW":
        check_modes(op, padding_mode, layout)
    image = image_argument(op, "x", x)
    kernel = as_array(op, "weight", weight)
    params = conv_params(op, rank, image[2], kernel.shape, *geometry)
    if bias is not None:
        bias = shaped(op, "bias", bias, (kernel.shape[0],), image[0], "x")
        bias = bias if image[2][1] else None
    return _run(op, params, conv_method(op, algorithm, params), image, kernel, bias, residual, activation, out)


def conv_transpose(
    op: str,
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    geometry: tuple[Any, ...],
    activation: Any,
    residual: Any,
    algorithm: str,
    out: Any,
) -> Any:
    """The body of the transposed convolutions; `geometry` is (stride, padding, output_padding, groups, dilation)."""
    image = image_argument(op, "x", x)
    kernel = as_array(op, "weight", weight)
    params, _ = conv_transpose_params(op, rank, image[2], kernel.shape, *geometry)
    if bias is not None:
        bias = shaped(op, "bias", bias, (params.y_shape[1],), image[0], "x")
    return _run(op, params, conv_method(op, algorithm, params), image, kernel, bias, residual, activation, out)


def _gradient(op: str, gy: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    data, layout, found = image_argument(op, "gy", gy)
    if found != shape:
        raise ValueError(f"{op}: gy has shape {found}, expected {shape}")
    return data, layout


def conv_grad_input(op: str, rank: int, gy: Any, weight: Any, input_shape: Any, geometry: tuple[Any, ...]) -> Any:
    """The body of the convolutions' input gradients."""
    kernel = as_array(op, "weight", weight)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    params = conv_params(op, rank, shape, kernel.shape, *geometry)
    data, layout = _gradient(op, gy, params.y_shape)
    same_dtype(op, "gy", data, "weight", kernel)
    gx, gx_data = image_result(layout, shape, data.dtype)
    _kernels.conv_grad_input(params, _kernels.METHODS["auto"], data, layout, kernel, gx_data, layout)
    return gx


def conv_grad_weight(
    op: str, rank: int, gy: Any, x: Any, weight_shape: Any, geometry: tuple[Any, ...]
) -> np.ndarray:
    """The body of the convolutions' weight gradients."""
    shape = shape_of(op, "weight_shape", weight_shape, rank + 2)
    data, x_layout, x_shape = image_argument(op, "x", x)
    params = conv_params(op, rank, x_shape, shape, *geometry)
    gradient, gy_layout = _gradient(op, gy, params.y_shape)
    same_dtype(op, "gy", gradient, "x", data)
    gw = new_array(shape, data.dtype)
    _kernels.conv_grad_weight(params, gradient, gy_layout, data, x_layout, gw)
    return gw


def conv_transpose_grad_input(
    op: str, rank: int, gy: Any, weight: Any, input_shape: Any, geometry: tuple[Any, ...]
) -> Any:
    """The body of the transposed convolutions' input gradients: the convolution that was transposed."""
    kernel = as_array(op, "weight", weight)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    call, params = conv_transpose_params(op, rank, shape, kernel.shape, *geometry)
    data, layout = _gradient(op, gy, call.y_shape)
    same_dtype(op, "gy", data, "weight", kernel)
    gx, gx_data = image_result(layout, shape, data.dtype)
    _kernels.conv(params, _kernels.METHODS["auto"], data, layout, kernel, None, None, gx_data, layout, 0, 0.0, 0.0)
    return gx


def conv_transpose_grad_weight(
    op: str, rank: int, gy: Any, x: Any, weight_shape: Any, geometry: tuple[Any, ...]
) -> np.ndarray:
    """The body of the transposed convolutions' weight gradients: the convolution's, with x and gy in changed roles."""
    shape = shape_of(op, "weight_shape", weight_shape, rank + 2)
    data, x_layout, x_shape = image_argument(op, "x", x)
    call, params = conv_transpose_params(op, rank, x_shape, shape, *geometry)
    gradient, gy_layout = _gradient(op, gy, call.y_shape)
    same_dtype(op, "gy", gradient, "x", data)
    gw = new_array(shape, data.dtype)
    _kernels.conv_grad_weight(params, data, x_layout, gradient, gy_layout, gw)
    return gw


def conv_grad_bias(op: str, rank: int, gy: Any) -> np.ndarray:
    """The body of all bias gradients."""
    data, layout, shape = image_argument(op, "gy", gy)
    if len(shape) != rank + 2:
        raise ValueError(f"{op}: gy must have {rank + 2} dimensions [N, OC, {AXES[rank]}], got shape {shape}")
    n, c, *size = shape
    pixels = 1
    for length in size:
        pixels *= length
    gb = new_array((c,), data.dtype)
    _kernels.channel_sum(data, layout, n, c, pixels, gb)
    return gb
