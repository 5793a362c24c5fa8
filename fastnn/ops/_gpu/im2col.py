"""im2col and col2im on GPU arrays; see `fastnn.ops.im2col` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastnn.ops._checks import check_size, hashable, pair, plain
from fastnn.ops._gpu._arguments import as_array, result
from fastnn.ops._shapes import im2col_windows, resolve_padding


@lru_cache(maxsize=512)
def _geometry(op, x_shape, kernel_size, stride, padding, dilation):
    """(shape of the columns, what the kernels close over, the sizes they are given)."""
    n, c, *image = x_shape
    kernel = pair(op, "kernel_size", plain(kernel_size), 1)
    strides, dilations = pair(op, "stride", plain(stride), 1), pair(op, "dilation", plain(dilation), 1)
    pads = resolve_padding(op, plain(padding), kernel, strides, dilations)
    windows = im2col_windows(op, tuple(image), kernel, strides, pads, dilations)
    check_size(op, "output", (n, c, *kernel, *windows))
    shape = n, c * kernel[0] * kernel[1], windows[0] * windows[1]
    return shape, (*kernel, *strides, *dilations), (*image, *windows, pads[0][0], pads[1][0])


def _im2col(
    x: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, *, out: Any = None
) -> Any:
    from fastnn.cuda import im2col

    op = "im2col"
    data = as_array(op, "x", x)
    if len(data.shape) != 4:
        raise ValueError(f"{op}: x must have 4 dimensions [N, C, H, W], got shape {data.shape}")
    if 0 in data.shape[2:]:
        raise ValueError(f"{op}: x has an empty image, shape {data.shape}")
    key = hashable(kernel_size), hashable(stride), hashable(padding), hashable(dilation)
    shape, geometry, sizes = _geometry(op, data.shape, *key)
    cols = result(op, out, data, shape)
    im2col.im2col(geometry, sizes, data, cols)
    return cols.array


def _col2im(
    cols: Any, output_size: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1, *,
    out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import im2col

    op = "col2im"
    data = as_array(op, "cols", cols)
    if len(data.shape) != 3:
        raise ValueError(f"{op}: cols must have 3 dimensions [N, C * KH * KW, OH * OW], got shape {data.shape}")
    image, (kh, kw) = pair(op, "output_size", output_size, 1), pair(op, "kernel_size", kernel_size, 1)
    n, rows, _ = data.shape
    if rows % (kh * kw):
        raise ValueError(f"{op}: cols has {rows} rows, which is no multiple of the {kh * kw} taps of the kernel")
    x_shape = n, rows // (kh * kw), *image
    key = hashable(kernel_size), hashable(stride), hashable(padding), hashable(dilation)
    shape, geometry, sizes = _geometry(op, x_shape, *key)
    if data.shape != shape:
        raise ValueError(f"{op}: cols has shape {data.shape}, expected {shape}")
    x = result(op, out, data, x_shape)
    im2col.col2im(geometry, sizes, data, x)
    return x.array


TWINS: dict[str, Callable[..., Any]] = {"im2col": _im2col, "col2im": _col2im}
