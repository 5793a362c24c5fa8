"""Max, average and adaptive pooling on GPU arrays; see `fastnn.ops.pool` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from fastnn.ops._checks import hashable, number, plain, sizes
from fastnn.ops._gpu._arguments import as_array, only_nchw, result
from fastnn.ops._shapes import check_image, shape_of
from fastnn.ops._window_shapes import adaptive_pool_shape, output_size_of, pool_shape


@lru_cache(maxsize=512)
def _geometry(op, rank, x_shape, kernel_size, stride, padding, dilation, ceil_mode):
    """(shape of the result, window): the window as twelve integers, on three axes."""
    kernel = sizes(op, "kernel_size", plain(kernel_size), 1, rank)
    strides = kernel if stride is None else sizes(op, "stride", plain(stride), 1, rank)
    pads = sizes(op, "padding", plain(padding), 0, rank)
    dilations = sizes(op, "dilation", plain(dilation), 1, rank)
    y_shape = pool_shape(op, x_shape, kernel, strides, pads, dilations, ceil_mode)
    front = (3 - rank) * (1,)
    return y_shape, (*front, *kernel, *front, *strides, *((0,) * (3 - rank)), *pads, *front, *dilations)


def _windows(
    op: str, rank: int, shape: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil: Any
) -> Any:
    check_image(op, shape, rank)
    stride = None if stride is None else hashable(stride)
    return _geometry(op, rank, shape, hashable(kernel_size), stride, hashable(padding), hashable(dilation), bool(ceil))


@lru_cache(maxsize=512)
def _adaptive_shape(op, rank, x_shape, output_size):
    return adaptive_pool_shape(op, x_shape, rank, plain(output_size))


def _divisor(op: str, divisor_override: Any) -> float:
    if divisor_override is None:
        return 0.0
    divisor = number(op, "divisor_override", divisor_override)
    if divisor == 0:
        raise ValueError(f"{op}: divisor_override must not be 0")
    return divisor


def _max(op: str, x: Any, y_shape: Any, window: Any, return_indices: bool, out: Any) -> Any:
    from fastnn.cuda import pool

    y = result(op, out, x, y_shape)
    indices = x.new(y_shape, "int64") if return_indices else None
    pool.max_pool(window, x, y, indices)
    return (y.array, indices.array) if indices is not None else y.array


def _max_grad(op: str, gy: Any, x: Any, y: Any, y_shape: Any, window: Any, rectified: bool) -> Any:
    from fastnn.cuda import pool

    g = as_array(op, "gy", gy, x, y_shape)
    values = as_array(op, "y", y, x, y_shape) if rectified else None
    gx = x.new(x.shape)
    pool.max_pool_grad_input(window, g, x, values, gx)
    return gx.array


def _max_pool(
    rank: int, x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, return_indices: bool = False, *, layout: str = "NCHW", out: Any = None,
) -> Any:  # fmt: skip
    op = f"max_pool{rank}d"
    only_nchw(op, layout)
    data = as_array(op, "x", x)
    y_shape, window = _windows(op, rank, data.shape, kernel_size, stride, padding, dilation, ceil_mode)
    return _max(op, data, y_shape, window, return_indices, out)


def _max_pool_grad(
    rank: int, gy: Any, x: Any, y: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, *, rectified: bool = False, layout: str = "NCHW",
) -> Any:  # fmt: skip
    op = f"max_pool{rank}d_grad_input"
    only_nchw(op, layout)
    data = as_array(op, "x", x)
    y_shape, window = _windows(op, rank, data.shape, kernel_size, stride, padding, dilation, ceil_mode)
    return _max_grad(op, gy, data, y, y_shape, window, bool(rectified))


def _avg_pool(
    rank: int, x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None, *, layout: str = "NCHW", out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import pool

    op = f"avg_pool{rank}d"
    only_nchw(op, layout)
    data = as_array(op, "x", x)
    y_shape, window = _windows(op, rank, data.shape, kernel_size, stride, padding, 1, ceil_mode)
    y = result(op, out, data, y_shape)
    pool.avg_pool(window, bool(count_include_pad), _divisor(op, divisor_override), data, y)
    return y.array


def _avg_pool_grad(
    rank: int, gy: Any, input_shape: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: Any = None, *, layout: str = "NCHW",
) -> Any:  # fmt: skip
    from fastnn.cuda import pool

    op = f"avg_pool{rank}d_grad_input"
    only_nchw(op, layout)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    y_shape, window = _windows(op, rank, shape, kernel_size, stride, padding, 1, ceil_mode)
    g = as_array(op, "gy", gy, shape=y_shape)
    gx = g.new(shape)
    pool.avg_pool_grad_input(window, bool(count_include_pad), _divisor(op, divisor_override), g, gx)
    return gx.array


def _adaptive_avg(rank: int, x: Any, output_size: Any, *, layout: str = "NCHW", out: Any = None) -> Any:
    from fastnn.cuda import pool

    op = f"adaptive_avg_pool{rank}d"
    only_nchw(op, layout)
    data = as_array(op, "x", x)
    y = result(op, out, data, _adaptive_shape(op, rank, data.shape, hashable(output_size)))
    pool.avg_pool(None, True, 0.0, data, y)
    return y.array


def _adaptive_avg_grad(rank: int, gy: Any, input_shape: Any, *, layout: str = "NCHW") -> Any:
    from fastnn.cuda import pool

    op = f"adaptive_avg_pool{rank}d_grad_input"
    only_nchw(op, layout)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    g = as_array(op, "gy", gy)
    y_shape = _adaptive_shape(op, rank, shape, output_size_of(op, g.shape, rank))
    gx = as_array(op, "gy", gy, shape=y_shape).new(shape)
    pool.avg_pool_grad_input(None, True, 0.0, g, gx)
    return gx.array


def _adaptive_max(
    rank: int, x: Any, output_size: Any, return_indices: bool = False, *, layout: str = "NCHW", out: Any = None
) -> Any:
    op = f"adaptive_max_pool{rank}d"
    only_nchw(op, layout)
    data = as_array(op, "x", x)
    return _max(op, data, _adaptive_shape(op, rank, data.shape, hashable(output_size)), None, return_indices, out)


def _adaptive_max_grad(rank: int, gy: Any, x: Any, y: Any, *, layout: str = "NCHW") -> Any:
    op = f"adaptive_max_pool{rank}d_grad_input"
    only_nchw(op, layout)
    data = as_array(op, "x", x)
    y_shape = _adaptive_shape(op, rank, data.shape, output_size_of(op, as_array(op, "gy", gy).shape, rank))
    return _max_grad(op, gy, data, y, y_shape, None, False)


TWINS: dict[str, Callable[..., Any]] = {
    f"{name}{rank}d{gradient}": partial(function, rank)
    for rank in (1, 2, 3)
    for name, gradient, function in (
        ("max_pool", "", _max_pool),
        ("max_pool", "_grad_input", _max_pool_grad),
        ("avg_pool", "", _avg_pool),
        ("avg_pool", "_grad_input", _avg_pool_grad),
        ("adaptive_avg_pool", "", _adaptive_avg),
        ("adaptive_avg_pool", "_grad_input", _adaptive_avg_grad),
        ("adaptive_max_pool", "", _adaptive_max),
        ("adaptive_max_pool", "_grad_input", _adaptive_max_grad),
    )
}
