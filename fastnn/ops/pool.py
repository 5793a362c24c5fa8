"""Max pooling of sequences, images and volumes, and its gradients. Kernels: csrc/ops/pool.c."""

from typing import Any

from fastnn.ops._pool import first_shape, max_params, max_pool, max_pool_grad, pooled_image

__all__ = [
    "max_pool1d",
    "max_pool1d_grad_input",
    "max_pool2d",
    "max_pool2d_grad_input",
    "max_pool3d",
    "max_pool3d_grad_input",
]


def max_pool1d(
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
    """Maximum over each window of sequences, as `torch.nn.functional.max_pool1d`. NaN in a window gives NaN.

    ``y[n, c, j] = max over s of x[n, c, j S - P + s D]``; positions outside x are left out.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    kernel_size : int
    stride : int, default `kernel_size`
    padding : int, at most half of `kernel_size`
    dilation : int
    ceil_mode : round the output size up
    return_indices : also return the position l of each maximum in its channel, int64; -1: none
    out : array [N, C, OL], optional

    Returns
    -------
    array [N, C, OL], of the input's kind and dtype; with `return_indices` a pair

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.max_pool1d(np.array([[[1.0, 5.0, 2.0, 4.0]]]), 2, return_indices=True)
    (array([[[5., 4.]]]), array([[[1, 3]]]))
    """
    image = pooled_image("max_pool1d", x, 1, "NCHW")
    params = max_params("max_pool1d", 1, image[2], kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool("max_pool1d", x, image, params, return_indices, out)


def max_pool1d_grad_input(
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
    """Gradient of `max_pool1d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array [N, C, OL]
    x : array [N, C, L], the input
    y : array [N, C, OL], the result
    kernel_size, stride, padding, dilation, ceil_mode : as in `max_pool1d`
    rectified : `x` is the result of a ReLU and its input's gradient is wanted: nothing where y <= 0

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
    >>> x = np.array([[[1.0, 5.0, 2.0, 4.0]]])
    >>> ops.max_pool1d_grad_input(np.array([[[7.0, 9.0]]]), x, ops.max_pool1d(x, 2), 2)
    array([[[0., 7., 0., 9.]]])
    """
    op = "max_pool1d_grad_input"
    shape = first_shape(x, "NCHW")
    params = max_params(op, 1, shape, kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool_grad(op, 1, gy, x, y, params, bool(rectified))


def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: str = "NCHW",
    out: Any = None,
) -> Any:
    """Maximum over each window of images, as `torch.nn.functional.max_pool2d`. NaN in a window gives NaN.

    ``y[n, c, i, j] = max over r, s of x[n, c, i SH - PH + r DH, j SW - PW + s DW]``; positions outside x are left out.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    kernel_size : int or pair (height, width)
    stride : int or pair, default `kernel_size`
    padding : int or pair, at most half of `kernel_size`
    dilation : int or pair
    ceil_mode : round the output size up
    return_indices : also return the position h W + w of each maximum in its channel, int64; -1: none
    layout : "NCHW" or "NHWC"
        NHWC: x, out and the results are plain arrays [N, H, W, C].
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
    image = pooled_image("max_pool2d", x, 2, layout)
    params = max_params("max_pool2d", 2, image[2], kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool("max_pool2d", x, image, params, return_indices, out)


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
    layout: str = "NCHW",
) -> Any:
    """Gradient of `max_pool2d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    x : array or Blocked [N, C, H, W], the input
    y : array or Blocked [N, C, OH, OW], the result
    kernel_size, stride, padding, dilation, ceil_mode, layout : as in `max_pool2d`
    rectified : `x` is the result of a ReLU and its input's gradient is wanted: nothing where y <= 0

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
    shape = first_shape(x, layout)
    params = max_params(op, 2, shape, kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool_grad(op, 2, gy, x, y, params, bool(rectified), layout)


def max_pool3d(
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
    """Maximum over each window of volumes, as `torch.nn.functional.max_pool3d`. NaN in a window gives NaN.

    ``y[n, c, k] = max over the window of x[n, c] at k S - P + r D``; positions outside x are left out.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    kernel_size : int or triple (depth, height, width)
    stride : int or triple, default `kernel_size`
    padding : int or triple, at most half of `kernel_size`
    dilation : int or triple
    ceil_mode : round the output size up
    return_indices : also return the position (d H + h) W + w of each maximum in its channel, int64; -1: none
    out : array [N, C, OD, OH, OW], optional

    Returns
    -------
    array [N, C, OD, OH, OW], of the input's kind and dtype; with `return_indices` a pair

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.max_pool3d(np.arange(16.0).reshape(1, 1, 2, 2, 4), 2)
    array([[[[[13., 15.]]]]])
    """
    image = pooled_image("max_pool3d", x, 3, "NCHW")
    params = max_params("max_pool3d", 3, image[2], kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool("max_pool3d", x, image, params, return_indices, out)


def max_pool3d_grad_input(
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
    """Gradient of `max_pool3d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array [N, C, OD, OH, OW]
    x : array [N, C, D, H, W], the input
    y : array [N, C, OD, OH, OW], the result
    kernel_size, stride, padding, dilation, ceil_mode : as in `max_pool3d`
    rectified : `x` is the result of a ReLU and its input's gradient is wanted: nothing where y <= 0

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
    >>> x = np.arange(8.0).reshape(1, 1, 2, 2, 2)
    >>> ops.max_pool3d_grad_input(np.ones((1, 1, 1, 1, 1)), x, ops.max_pool3d(x, 2), 2).ravel()
    array([0., 0., 0., 0., 0., 0., 0., 1.])
    """
    op = "max_pool3d_grad_input"
    shape = first_shape(x, "NCHW")
    params = max_params(op, 3, shape, kernel_size, stride, padding, dilation, ceil_mode)
    return max_pool_grad(op, 3, gy, x, y, params, bool(rectified))
