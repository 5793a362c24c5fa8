"""2-D pooling and its gradients. Kernels: csrc/ops/pool.c."""

from functools import lru_cache
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import NCHW, blocked, image_argument, image_result
from fastnn.ops._checks import hashable, new_array, number, pair, plain
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import image_shape, pool2d_shape

__all__ = ["avg_pool2d", "avg_pool2d_grad_input", "max_pool2d", "max_pool2d_grad_input"]


@lru_cache(maxsize=512)
def _params(op, x_shape, kernel_size, stride, padding, dilation, ceil_mode, count_include_pad, divisor):
    """The checked geometry of one call, for arguments that passed through `hashable`."""
    kernel = pair(op, "kernel_size", plain(kernel_size), 1)
    strides = kernel if stride is None else pair(op, "stride", plain(stride), 1)
    pads, dilations = pair(op, "padding", plain(padding), 0), pair(op, "dilation", plain(dilation), 1)
    y_shape = pool2d_shape(op, x_shape, kernel, strides, pads, dilations, ceil_mode)
    return _kernels.PoolParams(x_shape, y_shape, kernel, strides, pads, dilations, count_include_pad, divisor)


def _max_params(
    op: str, x_shape: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Any:
    stride = None if stride is None else hashable(stride)
    key = hashable(kernel_size), stride, hashable(padding), hashable(dilation)
    return _params(op, x_shape, *key, bool(ceil_mode), True, 0.0)


def _avg_params(
    op: str,
    x_shape: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Any,
) -> Any:
    divisor = 0.0
    if divisor_override is not None:
        divisor = number(op, "divisor_override", divisor_override)
        if divisor == 0:
            raise ValueError(f"{op}: divisor_override must not be 0")
    stride = None if stride is None else hashable(stride)
    key = hashable(kernel_size), stride, hashable(padding), 1
    return _params(op, x_shape, *key, bool(ceil_mode), bool(count_include_pad), divisor)


def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    out: Any = None,
) -> Any:
    """Maximum over each window, as `torch.nn.functional.max_pool2d`. NaN in a window gives NaN.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    kernel_size : int or pair (height, width)
    stride : int or pair, default `kernel_size`
    padding : int or pair, at most half of `kernel_size`
    dilation : int or pair
    ceil_mode : round the output size up
    return_indices : also return the position h * W + w of each maximum within its plane, int64 [N, C, OH, OW]
    out : array or Blocked [N, C, OH, OW], optional

    Returns
    -------
    array or Blocked [N, C, OH, OW], of the input's kind and dtype; with `return_indices` a pair

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    data, layout, shape = image_argument("max_pool2d", "x", x)
    params = _max_params("max_pool2d", shape, kernel_size, stride, padding, dilation, ceil_mode)
    y = ImageOut("max_pool2d", out, layout, params.y_shape, data.dtype, data)
    if y.layout != layout:
        data = x.numpy() if y.layout == NCHW else blocked(x).data
    if not return_indices:
        _kernels.max_pool2d(params, y.layout, data, y.data, None)
        return y.finish()
    indices = np.empty(params.y_shape, np.int64)
    if y.layout == NCHW:
        _kernels.max_pool2d(params, NCHW, data, y.data, indices)
    else:
        _kernels.max_pool2d(params, y.layout, data, y.data, None)
        values = new_array(params.y_shape, data.dtype)
        _kernels.max_pool2d(params, NCHW, np.asarray(x), values, indices)
    return y.finish(), indices


def _like(op: str, name: str, value: Any, layout: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The data of an image argument of this shape and dtype, in this layout."""
    data, kind, value_shape = image_argument(op, name, value)
    if value_shape != shape:
        raise ValueError(f"{op}: {name} has shape {value_shape}, expected {shape}")
    if data.dtype is not dtype:
        raise TypeError(f"{op}: {name} is {data.dtype} but gy is {dtype}; convert one of them")
    if kind == layout:
        return data
    return value.numpy() if layout == NCHW else blocked(data).data


def max_pool2d_grad_input(
    gy: Any,
    x: Any,
    y: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    *,
    rectified: bool = False,
) -> Any:
    """Gradient of `max_pool2d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    x : array or Blocked [N, C, H, W], the input
    y : array or Blocked [N, C, OH, OW], the result
    kernel_size, stride, padding, dilation, ceil_mode : as in `max_pool2d`
    rectified : `x` is the result of a ReLU and its input's gradient is wanted: nothing where y is not positive

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.array([[[[1.0, 3.0], [3.0, 2.0]]]])
    >>> ops.max_pool2d_grad_input(np.array([[[[5.0]]]]), x, ops.max_pool2d(x, 2), 2)[0, 0]
    array([[0., 5.],
           [0., 0.]])
    """
    op = "max_pool2d_grad_input"
    g, layout, g_shape = image_argument(op, "gy", gy)
    x_shape = x.shape if hasattr(x, "shape") else np.shape(x)
    params = _max_params(op, tuple(x_shape), kernel_size, stride, padding, dilation, ceil_mode)
    if g_shape != params.y_shape:
        raise ValueError(f"{op}: gy has shape {g_shape}, expected {params.y_shape}")
    x_data = _like(op, "x", x, layout, tuple(x_shape), g.dtype)
    y_data = _like(op, "y", y, layout, params.y_shape, g.dtype)
    gx, gx_data = image_result(layout, tuple(x_shape), g.dtype)
    _kernels.max_pool2d_grad_input(params, layout, g, x_data, y_data, gx_data, bool(rectified))
    return gx


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
    *,
    out: Any = None,
) -> Any:
    """Mean over each window, as `torch.nn.functional.avg_pool2d`.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    kernel_size : int or pair (height, width)
    stride : int or pair, default `kernel_size`
    padding : int or pair, at most half of `kernel_size`
    ceil_mode : round the output size up
    count_include_pad : count the padding's zeros in the mean
    divisor_override : divide the sum by this number instead
    out : array or Blocked [N, C, OH, OW], optional

    Returns
    -------
    array or Blocked [N, C, OH, OW], of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    data, layout, shape = image_argument("avg_pool2d", "x", x)
    params = _avg_params(
        "avg_pool2d", shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
    y = ImageOut("avg_pool2d", out, layout, params.y_shape, data.dtype, data)
    if y.layout != layout:
        data = x.numpy() if y.layout == NCHW else blocked(x).data
    _kernels.avg_pool2d(params, y.layout, data, y.data)
    return y.finish()


def avg_pool2d_grad_input(
    gy: Any,
    input_shape: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Any:
    """Gradient of `avg_pool2d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    input_shape : (N, C, H, W)
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override : as in `avg_pool2d`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.avg_pool2d_grad_input(np.array([[[[4.0]]]]), (1, 1, 2, 2), 2)[0, 0]
    array([[1., 1.],
           [1., 1.]])
    """
    op = "avg_pool2d_grad_input"
    g, layout, g_shape = image_argument(op, "gy", gy)
    shape = image_shape(op, "input_shape", input_shape)
    params = _avg_params(op, shape, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    if g_shape != params.y_shape:
        raise ValueError(f"{op}: gy has shape {g_shape}, expected {params.y_shape}")
    gx, gx_data = image_result(layout, shape, g.dtype)
    _kernels.avg_pool2d_grad_input(params, layout, g, gx_data)
    return gx
