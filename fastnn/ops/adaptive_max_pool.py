"""Adaptive max pooling: the output's size is given, the windows follow. Kernels: csrc/ops/pool.c.

Window i of an axis covers positions floor(i size / out) up to ceil((i + 1) size / out) - 1; an output of one position
is global pooling.
"""

from typing import Any

from fastnn.ops._pool import adaptive_params, first_shape, max_pool, max_pool_grad, pooled_image
from fastnn.ops._window_shapes import output_size_of

__all__ = [
    "adaptive_max_pool1d",
    "adaptive_max_pool1d_grad_input",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_grad_input",
    "adaptive_max_pool3d",
    "adaptive_max_pool3d_grad_input",
]


def adaptive_max_pool1d(
    x: Any,
    output_size: Any,
    return_indices: bool = False,
    *,
    out: Any = None,
) -> Any:
    """Maximum over windows that divide sequences evenly, as `torch.nn.functional.adaptive_max_pool1d`.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    output_size : int or None; None keeps an axis as it is
    return_indices : also return the position l of each maximum in its channel, int64
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
    >>> ops.adaptive_max_pool1d(np.arange(2.0).reshape(1, 1, 2), 1)
    array([[[1.]]])
    """
    image = pooled_image("adaptive_max_pool1d", x, 1, "NCHW")
    params = adaptive_params("adaptive_max_pool1d", 1, image[2], output_size)
    return max_pool("adaptive_max_pool1d", x, image, params, return_indices, out)


def adaptive_max_pool1d_grad_input(gy: Any, x: Any, y: Any) -> Any:
    """Gradient of `adaptive_max_pool1d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array [N, C, OL]
    x : array [N, C, L], the input
    y : array [N, C, OL], the result

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
    >>> x = np.arange(2.0).reshape(1, 1, 2)
    >>> ops.adaptive_max_pool1d_grad_input(np.ones((1, 1, 1)), x, ops.adaptive_max_pool1d(x, 1)).ravel()
    array([0., 1.])
    """
    op = "adaptive_max_pool1d_grad_input"
    size = output_size_of(op, first_shape(gy, "NCHW"), 1)
    params = adaptive_params(op, 1, first_shape(x, "NCHW"), size)
    return max_pool_grad(op, 1, gy, x, y, params)


def adaptive_max_pool2d(
    x: Any,
    output_size: Any,
    return_indices: bool = False,
    *,
    layout: str = "NCHW",
    out: Any = None,
) -> Any:
    """Maximum over windows that divide images evenly, as `torch.nn.functional.adaptive_max_pool2d`.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    output_size : int or pair; None keeps an axis as it is
    return_indices : also return the position h W + w of each maximum in its channel, int64
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
    >>> ops.adaptive_max_pool2d(np.arange(4.0).reshape(1, 1, 2, 2), 1)
    array([[[[3.]]]])
    """
    image = pooled_image("adaptive_max_pool2d", x, 2, layout)
    params = adaptive_params("adaptive_max_pool2d", 2, image[2], output_size)
    return max_pool("adaptive_max_pool2d", x, image, params, return_indices, out)


def adaptive_max_pool2d_grad_input(gy: Any, x: Any, y: Any, *, layout: str = "NCHW") -> Any:
    """Gradient of `adaptive_max_pool2d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    x : array or Blocked [N, C, H, W], the input
    y : array or Blocked [N, C, OH, OW], the result
    layout : as in `adaptive_max_pool2d`

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
    >>> x = np.arange(4.0).reshape(1, 1, 2, 2)
    >>> ops.adaptive_max_pool2d_grad_input(np.ones((1, 1, 1, 1)), x, ops.adaptive_max_pool2d(x, 1)).ravel()
    array([0., 0., 0., 1.])
    """
    op = "adaptive_max_pool2d_grad_input"
    size = output_size_of(op, first_shape(gy, layout), 2)
    params = adaptive_params(op, 2, first_shape(x, layout), size)
    return max_pool_grad(op, 2, gy, x, y, params, layout=layout)


def adaptive_max_pool3d(
    x: Any,
    output_size: Any,
    return_indices: bool = False,
    *,
    out: Any = None,
) -> Any:
    """Maximum over windows that divide volumes evenly, as `torch.nn.functional.adaptive_max_pool3d`.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    output_size : int or triple; None keeps an axis as it is
    return_indices : also return the position (d H + h) W + w of each maximum in its channel, int64
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
    >>> ops.adaptive_max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 1)
    array([[[[[7.]]]]])
    """
    image = pooled_image("adaptive_max_pool3d", x, 3, "NCHW")
    params = adaptive_params("adaptive_max_pool3d", 3, image[2], output_size)
    return max_pool("adaptive_max_pool3d", x, image, params, return_indices, out)


def adaptive_max_pool3d_grad_input(gy: Any, x: Any, y: Any) -> Any:
    """Gradient of `adaptive_max_pool3d`: each gy goes whole to the first maximum of its window, or to its last NaN.

    Parameters
    ----------
    gy : array [N, C, OD, OH, OW]
    x : array [N, C, D, H, W], the input
    y : array [N, C, OD, OH, OW], the result

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
    >>> x = np.arange(8.0).reshape(1, 1, 2, 2, 2)
    >>> ops.adaptive_max_pool3d_grad_input(np.ones((1, 1, 1, 1, 1)), x, ops.adaptive_max_pool3d(x, 1)).ravel()
    array([0., 0., 0., 0., 0., 0., 0., 1.])
    """
    op = "adaptive_max_pool3d_grad_input"
    size = output_size_of(op, first_shape(gy, "NCHW"), 3)
    params = adaptive_params(op, 3, first_shape(x, "NCHW"), size)
    return max_pool_grad(op, 3, gy, x, y, params)
