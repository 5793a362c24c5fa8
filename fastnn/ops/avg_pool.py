"""Average pooling of sequences, images and volumes, and its gradients. Kernels: csrc/ops/pool.c."""

from typing import Any

from fastnn.ops._pool import avg_params, avg_pool, avg_pool_grad, input_shape_of, pooled_image

__all__ = [
    "avg_pool1d",
    "avg_pool1d_grad_input",
    "avg_pool2d",
    "avg_pool2d_grad_input",
    "avg_pool3d",
    "avg_pool3d_grad_input",
]


def avg_pool1d(
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
    """Mean over each window of sequences, as `torch.nn.functional.avg_pool1d`: the sum over the count of positions.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    kernel_size : int
    stride : int, default `kernel_size`
    padding : int, at most half of `kernel_size`
    ceil_mode : round the output size up
    count_include_pad : count the padding's zeros in the mean
    divisor_override : divide the sum by this number instead
    out : array [N, C, OL], optional

    Returns
    -------
    array [N, C, OL], of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.avg_pool1d(np.array([[[1.0, 5.0, 2.0, 4.0]]]), 2)
    array([[[3., 3.]]])
    """
    image = pooled_image("avg_pool1d", x, 1, "NCHW")
    window = kernel_size, stride, padding, ceil_mode
    params = avg_params("avg_pool1d", 1, image[2], window, count_include_pad, divisor_override)
    return avg_pool("avg_pool1d", x, image, params, out)


def avg_pool1d_grad_input(
    gy: Any,
    input_shape: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Any:
    """Gradient of `avg_pool1d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array [N, C, OL]
    input_shape : (N, C, L)
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override : as in `avg_pool1d`

    Returns
    -------
    array [N, C, L], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.avg_pool1d_grad_input(np.full((1, 1, 1), 2.0), (1, 1, 2), 2).ravel()
    array([1., 1.])
    """
    op = "avg_pool1d_grad_input"
    shape, window = input_shape_of(op, 1, input_shape), (kernel_size, stride, padding, ceil_mode)
    params = avg_params(op, 1, shape, window, count_include_pad, divisor_override)
    return avg_pool_grad(op, 1, gy, params)


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
    *,
    layout: str = "NCHW",
    out: Any = None,
) -> Any:
    """Mean over each window of images, as `torch.nn.functional.avg_pool2d`: the sum over the count of positions.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    kernel_size : int or pair (height, width)
    stride : int or pair, default `kernel_size`
    padding : int or pair, at most half of `kernel_size`
    ceil_mode : round the output size up
    count_include_pad : count the padding's zeros in the mean
    divisor_override : divide the sum by this number instead
    layout : "NCHW" or "NHWC"
        NHWC: x, out and the result are plain arrays [N, H, W, C].
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
    image = pooled_image("avg_pool2d", x, 2, layout)
    window = kernel_size, stride, padding, ceil_mode
    params = avg_params("avg_pool2d", 2, image[2], window, count_include_pad, divisor_override)
    return avg_pool("avg_pool2d", x, image, params, out)


def avg_pool2d_grad_input(
    gy: Any,
    input_shape: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
    *,
    layout: str = "NCHW",
) -> Any:
    """Gradient of `avg_pool2d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    input_shape : (N, C, H, W), in the order of the layout
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout : as in `avg_pool2d`

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
    >>> ops.avg_pool2d_grad_input(np.full((1, 1, 1, 1), 4.0), (1, 1, 2, 2), 2).ravel()
    array([1., 1., 1., 1.])
    """
    op = "avg_pool2d_grad_input"
    shape, window = input_shape_of(op, 2, input_shape, layout), (kernel_size, stride, padding, ceil_mode)
    params = avg_params(op, 2, shape, window, count_include_pad, divisor_override)
    return avg_pool_grad(op, 2, gy, params, layout)


def avg_pool3d(
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
    """Mean over each window of volumes, as `torch.nn.functional.avg_pool3d`: the sum over the count of positions.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    kernel_size : int or triple (depth, height, width)
    stride : int or triple, default `kernel_size`
    padding : int or triple, at most half of `kernel_size`
    ceil_mode : round the output size up
    count_include_pad : count the padding's zeros in the mean
    divisor_override : divide the sum by this number instead
    out : array [N, C, OD, OH, OW], optional

    Returns
    -------
    array [N, C, OD, OH, OW], of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.avg_pool3d(np.arange(16.0).reshape(1, 1, 2, 2, 4), 2)
    array([[[[[6.5, 8.5]]]]])
    """
    image = pooled_image("avg_pool3d", x, 3, "NCHW")
    window = kernel_size, stride, padding, ceil_mode
    params = avg_params("avg_pool3d", 3, image[2], window, count_include_pad, divisor_override)
    return avg_pool("avg_pool3d", x, image, params, out)


def avg_pool3d_grad_input(
    gy: Any,
    input_shape: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: Any = None,
) -> Any:
    """Gradient of `avg_pool3d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array [N, C, OD, OH, OW]
    input_shape : (N, C, D, H, W)
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override : as in `avg_pool3d`

    Returns
    -------
    array [N, C, D, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.avg_pool3d_grad_input(np.full((1, 1, 1, 1, 1), 8.0), (1, 1, 2, 2, 2), 2).ravel()
    array([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    op = "avg_pool3d_grad_input"
    shape, window = input_shape_of(op, 3, input_shape), (kernel_size, stride, padding, ceil_mode)
    params = avg_params(op, 3, shape, window, count_include_pad, divisor_override)
    return avg_pool_grad(op, 3, gy, params)
