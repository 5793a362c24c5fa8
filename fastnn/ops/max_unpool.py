"""Max unpooling: the values of a max pooling back at the positions they came from. Kernels: csrc/ops/unpool.c."""

from typing import Any

from fastnn.ops._unpool import unpool, unpool_grad

__all__ = [
    "max_unpool1d",
    "max_unpool1d_grad_input",
    "max_unpool2d",
    "max_unpool2d_grad_input",
    "max_unpool3d",
    "max_unpool3d_grad_input",
]


def max_unpool1d(
    x: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
    *,
    out: Any = None,
) -> Any:
    """y[n, c, indices[n, c, k]] = x[n, c, k], 0 elsewhere, as `torch.nn.functional.max_unpool1d`.

    Where indices are equal, the last value counts.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    indices : array of integers [N, C, L]
        Positions l in a channel of the output, as `max_pool1d` returns them.
    kernel_size, stride, padding : int
        Of the max pooling that is undone; they give the output's size, (size - 1) stride - 2 padding + kernel.
    output_size : int, optional
        The size instead, less than a stride away from that; (N, C, ...) in front is ignored.
    out : array [N, C, OL], optional

    Returns
    -------
    array [N, C, OL], of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit; an index outside the output, before anything is written.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, indices = ops.max_pool1d(np.arange(2.0).reshape(1, 1, 2), 2, return_indices=True)
    >>> ops.max_unpool1d(y, indices, 2).ravel()
    array([0., 1.])
    """
    return unpool("max_unpool1d", 1, x, indices, (kernel_size, stride, padding), output_size, out)


def max_unpool1d_grad_input(gy: Any, indices: Any) -> Any:
    """Gradient of `max_unpool1d`: gx[n, c, k] = gy[n, c, indices[n, c, k]].

    Parameters
    ----------
    gy : array [N, C, OL]
    indices : array of integers [N, C, L]

    Returns
    -------
    array [N, C, L], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit; an index outside gy.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.max_unpool1d_grad_input(np.arange(2.0).reshape(1, 1, 2), np.full((1, 1, 1), 1))
    array([[[1.]]])
    """
    return unpool_grad("max_unpool1d_grad_input", 1, gy, indices)


def max_unpool2d(
    x: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
    *,
    layout: str = "NCHW",
    out: Any = None,
) -> Any:
    """y[n, c, indices[n, c, k]] = x[n, c, k], 0 elsewhere, as `torch.nn.functional.max_unpool2d`.

    Where indices are equal, the last value counts.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    indices : array of integers [N, C, H, W]
        Positions h W + w in a channel of the output, as `max_pool2d` returns them.
    kernel_size, stride, padding : int or pair
        Of the max pooling that is undone; they give the output's size, (size - 1) stride - 2 padding + kernel.
    output_size : int or pair (height, width), optional
        The size instead, less than a stride away from that; (N, C, ...) in front is ignored.
    layout : "NCHW" or "NHWC"
        NHWC: x, indices, out and the result are plain arrays [N, H, W, C].
    out : array or Blocked [N, C, OH, OW], optional

    Returns
    -------
    array or Blocked [N, C, OH, OW], of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit; an index outside the output, before anything is written.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, indices = ops.max_pool2d(np.arange(4.0).reshape(1, 1, 2, 2), 2, return_indices=True)
    >>> ops.max_unpool2d(y, indices, 2).ravel()
    array([0., 0., 0., 3.])
    """
    return unpool("max_unpool2d", 2, x, indices, (kernel_size, stride, padding), output_size, out, layout)


def max_unpool2d_grad_input(gy: Any, indices: Any, *, layout: str = "NCHW") -> Any:
    """Gradient of `max_unpool2d`: gx[n, c, k] = gy[n, c, indices[n, c, k]].

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    indices : array of integers [N, C, H, W]
    layout : as in `max_unpool2d`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit; an index outside gy.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.max_unpool2d_grad_input(np.arange(4.0).reshape(1, 1, 2, 2), np.full((1, 1, 1, 1), 3))
    array([[[[3.]]]])
    """
    return unpool_grad("max_unpool2d_grad_input", 2, gy, indices, layout)


def max_unpool3d(
    x: Any,
    indices: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
    *,
    out: Any = None,
) -> Any:
    """y[n, c, indices[n, c, k]] = x[n, c, k], 0 elsewhere, as `torch.nn.functional.max_unpool3d`.

    Where indices are equal, the last value counts.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    indices : array of integers [N, C, D, H, W]
        Positions (d H + h) W + w in a channel of the output, as `max_pool3d` returns them.
    kernel_size, stride, padding : int or triple
        Of the max pooling that is undone; they give the output's size, (size - 1) stride - 2 padding + kernel.
    output_size : int or triple (depth, height, width), optional
        The size instead, less than a stride away from that; (N, C, ...) in front is ignored.
    out : array [N, C, OD, OH, OW], optional

    Returns
    -------
    array [N, C, OD, OH, OW], of the input's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit; an index outside the output, before anything is written.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> y, indices = ops.max_pool3d(np.arange(8.0).reshape(1, 1, 2, 2, 2), 2, return_indices=True)
    >>> ops.max_unpool3d(y, indices, 2).ravel()
    array([0., 0., 0., 0., 0., 0., 0., 7.])
    """
    return unpool("max_unpool3d", 3, x, indices, (kernel_size, stride, padding), output_size, out)


def max_unpool3d_grad_input(gy: Any, indices: Any) -> Any:
    """Gradient of `max_unpool3d`: gx[n, c, k] = gy[n, c, indices[n, c, k]].

    Parameters
    ----------
    gy : array [N, C, OD, OH, OW]
    indices : array of integers [N, C, D, H, W]

    Returns
    -------
    array [N, C, D, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit; an index outside gy.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.max_unpool3d_grad_input(np.arange(8.0).reshape(1, 1, 2, 2, 2), np.full((1, 1, 1, 1, 1), 7))
    array([[[[[7.]]]]])
    """
    return unpool_grad("max_unpool3d_grad_input", 3, gy, indices)
