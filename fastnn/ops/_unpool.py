"""What the max unpoolings of every rank share: checked positions, and the bodies behind the public functions."""

import math
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import NCHW, NHWC, channels_first
from fastnn.ops._checks import new_array, sizes
from fastnn.ops._conv import own_order
from fastnn.ops._images import ImageOut
from fastnn.ops._pool import from_planes, gradient_image, plain_planes, pooled_image, store_planes
from fastnn.ops._window_shapes import output_size_of, unpool_shape


def unpool(
    op: str,
    rank: int,
    x: Any,
    indices: Any,
    window: tuple[Any, ...],
    output_size: Any,
    out: Any,
    layout: str = "NCHW",
) -> Any:
    """Values at their positions, on plain planes whatever the input's kind."""
    data, kind, shape = pooled_image(op, x, rank, layout)
    y_shape = unpool_shape(op, shape, *_window(op, rank, *window), output_size)
    size = math.prod(y_shape[2:])
    positions = _indices(op, indices, own_order(kind, shape), size, kind)
    y = ImageOut(op, out, kind, y_shape, data.dtype, data)
    planes = y.data if y.layout == NCHW else new_array(y_shape, data.dtype)
    values = plain_planes(x, data, kind)
    _kernels.max_unpool(positions, shape[0] * shape[1], math.prod(shape[2:]), size, values, planes, False)
    store_planes(planes, y)
    return y.finish()


def unpool_grad(op: str, rank: int, gy: Any, indices: Any, layout: str = "NCHW") -> Any:
    """The gradient of values at their positions."""
    g, kind, g_shape = gradient_image(op, gy, rank, layout)
    output_size_of(op, g_shape, rank)
    own_shape = tuple(np.shape(indices.numpy() if hasattr(indices, "numpy") else indices))
    shape = channels_first(own_shape) if kind == NHWC else own_shape
    if shape[:2] != g_shape[:2] or len(shape) != rank + 2:
        raise ValueError(f"{op}: indices has shape {own_shape}, gy has shape {own_order(kind, g_shape)}")
    size = math.prod(g_shape[2:])
    positions = _indices(op, indices, own_shape, size, kind)
    gx = new_array(shape, g.dtype)
    planes = plain_planes(gy, g, kind)
    _kernels.max_unpool(positions, shape[0] * shape[1], math.prod(shape[2:]), size, planes, gx, True)
    return from_planes(gx, kind)


def _indices(op: str, indices: Any, shape: tuple[int, ...], size: int, kind: int) -> np.ndarray:
    """Positions of this shape as int64 [N, C, ...]; one outside 0 .. size - 1 is an error that names its place."""
    array = np.asarray(indices.numpy() if hasattr(indices, "numpy") else indices)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{op}: indices has dtype {array.dtype}; integers are needed")
    if array.shape != shape:
        raise ValueError(f"{op}: indices has shape {array.shape}, expected {shape}")
    found = np.ascontiguousarray(array, np.int64)
    bad = _kernels.bad_index(found, size)
    if bad is not None:
        where = tuple(int(i) for i in np.unravel_index(bad, shape))
        raise ValueError(f"{op}: indices{list(where)} is {found[where]}, outside the {size} positions of the output")
    return plain_planes(found, found, kind) if kind == NHWC else found


def _window(op: str, rank: int, kernel_size: Any, stride: Any, padding: Any) -> tuple[Any, Any, Any]:
    """(kernel, stride, padding) of each axis."""
    kernel = sizes(op, "kernel_size", kernel_size, 1, rank)
    strides = kernel if stride is None else sizes(op, "stride", stride, 1, rank)
    return kernel, strides, sizes(op, "padding", padding, 0, rank)


