"""What the poolings of every rank share: checked geometry, and the bodies behind the public functions.

A function of `fastnn.ops` names itself and its rank (1 sequences, 2 images, 3 volumes); the kernels take all of them.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import NCHW, NHWC, Blocked, blocked, channels_first, image_argument, image_result
from fastnn.ops._checks import as_array, hashable, new_array, number, plain, sizes
from fastnn.ops._conv import check_modes, image_of, own_order
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import shape_of
from fastnn.ops._window_shapes import adaptive_pool_shape, pool_shape


@lru_cache(maxsize=512)
def _params(
    op, rank, x_shape, kernel_size, stride, padding, dilation, ceil_mode, average, count_include_pad, divisor, power
):
    """The checked geometry of one call, for arguments that passed through `hashable`."""
    kernel = sizes(op, "kernel_size", plain(kernel_size), 1, rank)
    strides = kernel if stride is None else sizes(op, "stride", plain(stride), 1, rank)
    pads = sizes(op, "padding", plain(padding), 0, rank)
    dilations = sizes(op, "dilation", plain(dilation), 1, rank)
    overhang = not average or rank < 3  # as PyTorch: its averages of volumes refuse what the others take
    y_shape = pool_shape(op, x_shape, kernel, strides, pads, dilations, ceil_mode, overhang)
    window = kernel, strides, pads, dilations
    return _kernels.PoolParams(x_shape, y_shape, *window, False, count_include_pad, divisor, power)


def _key(kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> tuple[Any, ...]:
    stride = None if stride is None else hashable(stride)
    return hashable(kernel_size), stride, hashable(padding), hashable(dilation), bool(ceil_mode)


def max_params(op: str, rank: int, x_shape: tuple[int, ...], *window: Any) -> _kernels.PoolParams:
    """The geometry of max pooling; `window` is kernel_size, stride, padding, dilation, ceil_mode."""
    return _params(op, rank, x_shape, *_key(*window), False, True, 0.0, 1.0)


def avg_params(
    op: str, rank: int, x_shape: tuple[int, ...], window: tuple[Any, ...], count_include_pad: Any, divisor_override: Any
) -> _kernels.PoolParams:
    """The geometry of average pooling; `window` is kernel_size, stride, padding, ceil_mode."""
    divisor = 0.0
    if divisor_override is not None:
        divisor = number(op, "divisor_override", divisor_override)
        if divisor == 0:
            raise ValueError(f"{op}: divisor_override must not be 0")
    kernel_size, stride, padding, ceil_mode = window
    key = _key(kernel_size, stride, padding, 1, ceil_mode)
    return _params(op, rank, x_shape, *key, True, bool(count_include_pad), divisor, 1.0)


def lp_params(op: str, rank: int, x_shape: tuple[int, ...], norm_type: Any, window: tuple[Any, ...]) -> Any:
    """The geometry of power-average pooling; `window` is kernel_size, stride, ceil_mode."""
    power = number(op, "norm_type", norm_type)
    if power <= 0:
        raise ValueError(f"{op}: norm_type must be positive, got {norm_type!r}")
    return _params(op, rank, x_shape, *_key(window[0], window[1], 0, 1, window[2]), True, True, 0.0, power)


@lru_cache(maxsize=512)
def _adaptive(op, rank, x_shape, output_size):
    y_shape = adaptive_pool_shape(op, x_shape, rank, plain(output_size))
    one, none = (1,) * rank, (0,) * rank
    return _kernels.PoolParams(x_shape, y_shape, one, one, none, one, True, True, 0.0, 1.0)


def adaptive_params(op: str, rank: int, x_shape: tuple[int, ...], output_size: Any) -> _kernels.PoolParams:
    """The geometry of adaptive pooling."""
    return _adaptive(op, rank, x_shape, hashable(output_size))


def pooled_image(op: str, x: Any, rank: int, layout: str) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """(data, code of its layout, shape [N, C, ...]) of the input."""
    return image_of(op, "x", x, rank, check_modes(op, "zeros", layout))


def in_layout(x: Any, data: np.ndarray, kind: int, layout: int) -> np.ndarray:
    """The data of an image argument in a layout, plain or blocked."""
    if kind == layout:
        return data
    return x.numpy() if layout == NCHW else blocked(x).data


def plain_planes(x: Any, data: np.ndarray, kind: int) -> np.ndarray:
    """The image x as a plain array [N, C, ...]; `data` is that of it in the layout `kind`."""
    if kind == NCHW:
        return data
    if kind == NHWC:
        return np.ascontiguousarray(np.moveaxis(data, -1, 1))
    return x.numpy() if type(x) is Blocked else as_array("pool", "x", x)


def from_planes(planes: np.ndarray, kind: int) -> Any:
    """A plain array [N, C, ...] as the caller has images of the layout `kind`; the inverse of `plain_planes`."""
    if kind == NCHW:
        return planes
    return np.ascontiguousarray(np.moveaxis(planes, 1, -1)) if kind == NHWC else blocked(planes)


def store_planes(planes: np.ndarray, y: ImageOut) -> None:
    """Write a plain array [N, C, ...] to the result where the kernel did not."""
    if planes is not y.data:
        y.data[...] = np.moveaxis(planes, 1, -1) if y.layout == NHWC else from_planes(planes, y.layout).data


def max_pool(op: str, x: Any, image: Any, params: Any, return_indices: bool, out: Any) -> Any:
    """Maxima, and their flat positions where asked for; `image` is x as `pooled_image` returns it."""
    data, kind, _ = image
    y = ImageOut(op, out, kind, params.y_shape, data.dtype, data)
    if y.layout != kind:
        data, kind = in_layout(x, data, kind, y.layout), y.layout
    if not return_indices:
        _kernels.max_pool(params, kind, data, y.data, None, None)
        return y.finish()
    indices = np.empty(params.y_shape, np.int64)
    if kind == NCHW:
        _kernels.max_pool(params, kind, data, y.data, None, indices)
        return y.finish(), indices
    _kernels.max_pool(params, kind, data, y.data, None, None)
    values = new_array(params.y_shape, data.dtype)
    _kernels.max_pool(params, NCHW, plain_planes(x, data, kind), values, None, indices)
    return y.finish(), from_planes(indices, NHWC if kind == NHWC else NCHW)


def max_pool_with_taps(op: str, x: Any, params: Any) -> tuple[Any, np.ndarray | None]:
    """(result, taps): one byte for the position of each maximum, laid out like the result; None for large windows."""
    data, kind, _ = image_argument(op, "x", x)
    y, y_data = image_result(kind, params.y_shape, data.dtype)
    taps = new_array(y_data.shape, _TAP) if params.has_taps else None
    _kernels.max_pool(params, kind, data, y_data, taps, None)
    return y, taps


_TAP = np.dtype(np.uint8)


def max_pool_grad_taps(gy: Any, taps: np.ndarray, y: Any, params: Any, rectified: bool) -> Any:
    """The gradient from the taps; gy is converted to the layout of y."""
    result, kind, _ = image_argument("max_pool_grad_input", "y", y)
    data, given, _ = image_argument("max_pool_grad_input", "gy", gy)
    data = in_layout(gy, data, given, kind)
    gx, gx_data = image_result(kind, params.x_shape, data.dtype)
    _kernels.max_pool_grad_input(params, kind, data, taps, None, result if rectified else None, gx_data, rectified)
    return gx


def _like(op: str, name: str, value: Any, image: Any, rank: int, shape: tuple[int, ...]) -> np.ndarray:
    """The data of an image argument of this shape, in the layout and the dtype of `image`."""
    g, layout, _ = image
    data, kind, value_shape = image_of(op, name, value, rank, NHWC if layout == NHWC else NCHW)
    if value_shape != shape:
        found, expected = own_order(layout, value_shape), own_order(layout, shape)
        raise ValueError(f"{op}: {name} has shape {found}, expected {expected}")
    if data.dtype is not g.dtype:
        raise TypeError(f"{op}: {name} is {data.dtype} but gy is {g.dtype}; convert one of them")
    return in_layout(value, data, kind, layout)


def gradient_image(op: str, gy: Any, rank: int, layout: str) -> tuple[np.ndarray, int, tuple[int, ...]]:
    """As `pooled_image`, of the gradient that comes in."""
    return image_of(op, "gy", gy, rank, check_modes(op, "zeros", layout))


def _check_gradient(op: str, image: Any, params: Any) -> None:
    if image[2] != params.y_shape:
        found, expected = own_order(image[1], image[2]), own_order(image[1], params.y_shape)
        raise ValueError(f"{op}: gy has shape {found}, expected {expected}")


def first_shape(x: Any, layout: str) -> tuple[int, ...]:
    """The shape [N, C, ...] of an argument that is looked at only later."""
    shape = tuple(x.shape if hasattr(x, "shape") else np.shape(x))
    return channels_first(shape) if layout == "NHWC" and len(shape) > 2 else shape


def max_pool_grad(
    op: str, rank: int, gy: Any, x: Any, y: Any, params: Any, rectified: bool = False, layout: str = "NCHW"
) -> Any:
    """The gradient from the input."""
    image = gradient_image(op, gy, rank, layout)
    _check_gradient(op, image, params)
    g, kind, _ = image
    x_data = _like(op, "x", x, image, rank, params.x_shape)
    y_data = _like(op, "y", y, image, rank, params.y_shape)
    gx, gx_data = image_result(kind, params.x_shape, g.dtype)
    if kind == NCHW or params.has_taps:
        _kernels.max_pool_grad_input(params, kind, g, None, x_data, y_data, gx_data, rectified)
        return gx
    planes = (plain_planes(value, data, kind) for value, data in ((gy, g), (x, x_data), (y, y_data)))
    g, x_data, y_data = planes
    found = new_array(params.x_shape, g.dtype)
    _kernels.max_pool_grad_input(params, NCHW, g, None, x_data, y_data, found, rectified)
    return from_planes(found, kind)


def avg_pool(op: str, x: Any, image: Any, params: Any, out: Any) -> Any:
    """Means; `image` is x as `pooled_image` returns it."""
    data, kind, _ = image
    y = ImageOut(op, out, kind, params.y_shape, data.dtype, data)
    _kernels.avg_pool(params, y.layout, in_layout(x, data, kind, y.layout), y.data)
    return y.finish()


def avg_pool_grad(op: str, rank: int, gy: Any, params: Any, layout: str = "NCHW") -> Any:
    """The gradient of means."""
    image = gradient_image(op, gy, rank, layout)
    _check_gradient(op, image, params)
    g, kind, _ = image
    gx, gx_data = image_result(kind, params.x_shape, g.dtype)
    _kernels.avg_pool_grad_input(params, kind, g, gx_data)
    return gx


def input_shape_of(op: str, rank: int, shape: Any, layout: str = "NCHW") -> tuple[int, ...]:
    """`input_shape` as (N, C, ...), given in the order of the layout."""
    found = shape_of(op, "input_shape", shape, rank + 2)
    return channels_first(found) if layout == "NHWC" else found


def lp_pool(op: str, rank: int, x: Any, norm_type: Any, window: tuple[Any, ...], out: Any, layout: str = "NCHW") -> Any:
    """Power averages, on plain planes whatever the input's kind."""
    data, kind, shape = pooled_image(op, x, rank, layout)
    params = lp_params(op, rank, shape, norm_type, window)
    y = ImageOut(op, out, kind, params.y_shape, data.dtype, data)
    planes = y.data if y.layout == NCHW else new_array(params.y_shape, data.dtype)
    _kernels.lp_pool(params, plain_planes(x, data, kind), planes)
    store_planes(planes, y)
    return y.finish()


def lp_pool_grad(
    op: str, rank: int, gy: Any, x: Any, y: Any, norm_type: Any, window: tuple[Any, ...], layout: str = "NCHW"
) -> Any:
    """The gradient of power averages."""
    image = gradient_image(op, gy, rank, layout)
    params = lp_params(op, rank, first_shape(x, layout), norm_type, window)
    _check_gradient(op, image, params)
    g, kind, _ = image
    x_data = _like(op, "x", x, image, rank, params.x_shape)
    y_data = _like(op, "y", y, image, rank, params.y_shape)
    gx = new_array(params.x_shape, g.dtype)
    g, x_data, y_data = (plain_planes(v, data, kind) for v, data in ((gy, g), (x, x_data), (y, y_data)))
    _kernels.lp_pool_grad_input(params, g, x_data, y_data, gx)
    return from_planes(gx, kind)
