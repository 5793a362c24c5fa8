"""Adaptive average pooling: the output's size is given, the windows follow. Kernels: csrc/ops/pool.c.

Window i of an axis covers positions floor(i size / out) up to ceil((i + 1) size / out) - 1; an output of one position
is global pooling.
"""

from typing import Any

from fastnn.ops._pool import adaptive_params, avg_pool, avg_pool_grad, first_shape, input_shape_of, pooled_image
from fastnn.ops._window_shapes import output_size_of

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool1d_grad_input",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_grad_input",
    "adaptive_avg_pool3d",
    "adaptive_avg_pool3d_grad_input",
]


def adaptive_avg_pool1d(
    x: Any,
    output_size: Any,
    *,
    out: Any = None,
) -> Any:
    """Mean over windows that divide sequences evenly, as `torch.nn.functional.adaptive_avg_pool1d`.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    output_size : int or None; None keeps an axis as it is
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
    >>> ops.adaptive_avg_pool1d(np.arange(2.0).reshape(1, 1, 2), 1)
    array([[[0.5]]])
    """
    image = pooled_image("adaptive_avg_pool1d", x, 1, "NCHW")
    params = adaptive_params("adaptive_avg_pool1d", 1, image[2], output_size)
    return avg_pool("adaptive_avg_pool1d", x, image, params, out)


def adaptive_avg_pool1d_grad_input(gy: Any, input_shape: Any) -> Any:
    """Gradient of `adaptive_avg_pool1d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array [N, C, OL]
    input_shape : (N, C, L)

    Returns
    -------
    array [N, C, L], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.adaptive_avg_pool1d_grad_input(np.full((1, 1, 1), 2.0), (1, 1, 2)).ravel()
    array([1., 1.])
    """
    op = "adaptive_avg_pool1d_grad_input"
    shape, size = input_shape_of(op, 1, input_shape), output_size_of(op, first_shape(gy, "NCHW"), 1)
    return avg_pool_grad(op, 1, gy, adaptive_params(op, 1, shape, size))


def adaptive_avg_pool2d(
    x: Any,
    output_size: Any,
    *,
    layout: str = "NCHW",
    out: Any = None,
) -> Any:
    """Mean over windows that divide images evenly, as `torch.nn.functional.adaptive_avg_pool2d`.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    output_size : int or pair; None keeps an axis as it is
    layout : "NCHW" or "NHWC"
        NHWC: x, out and the results are plain arrays [N, H, W, C].
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
    >>> ops.adaptive_avg_pool2d(np.arange(4.0).reshape(1, 1, 2, 2), 1)
    array([[[[1.5]]]])
    """
    image = pooled_image("adaptive_avg_pool2d", x, 2, layout)
    params = adaptive_params("adaptive_avg_pool2d", 2, image[2], output_size)
    return avg_pool("adaptive_avg_pool2d", x, image, params, out)


def adaptive_avg_pool2d_grad_input(gy: Any, input_shape: Any, *, layout: str = "NCHW") -> Any:
    """Gradient of `adaptive_avg_pool2d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    input_shape : (N, C, H, W), in the order of the layout
    layout : as in `adaptive_avg_pool2d`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.adaptive_avg_pool2d_grad_input(np.full((1, 1, 1, 1), 4.0), (1, 1, 2, 2)).ravel()
    array([1., 1., 1., 1.])
    """
    op = "adaptive_avg_pool2d_grad_input"
    shape, size = input_shape_of(op, 2, input_shape, layout), output_size_of(op, first_shape(gy, layout), 2)
    return avg_pool_grad(op, 2, gy, adaptive_params(op, 2, shape, size), layout)


def adaptive_avg_pool3d(
    x: Any,
    output_size: Any,
    *,
    out: Any = None,
) -> Any:
    """Mean over windows that divide volumes evenly, as `torch.nn.functional.adaptive_avg_pool3d`.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    output_size : int or triple; None keeps an axis as it is
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
    >>> ops.adaptive_avg_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 1)
    array([[[[[3.5]]]]])
    """
    image = pooled_image("adaptive_avg_pool3d", x, 3, "NCHW")
    params = adaptive_params("adaptive_avg_pool3d", 3, image[2], output_size)
    return avg_pool("adaptive_avg_pool3d", x, image, params, out)


def adaptive_avg_pool3d_grad_input(gy: Any, input_shape: Any) -> Any:
    """Gradient of `adaptive_avg_pool3d`: each gy is shared evenly by its window.

    Parameters
    ----------
    gy : array [N, C, OD, OH, OW]
    input_shape : (N, C, D, H, W)

    Returns
    -------
    array [N, C, D, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.adaptive_avg_pool3d_grad_input(np.full((1, 1, 1, 1, 1), 8.0), (1, 1, 2, 2, 2)).ravel()
    array([1., 1., 1., 1., 1., 1., 1., 1.])
    """
    op = "adaptive_avg_pool3d_grad_input"
    shape, size = input_shape_of(op, 3, input_shape), output_size_of(op, first_shape(gy, "NCHW"), 3)
    return avg_pool_grad(op, 3, gy, adaptive_params(op, 3, shape, size))
