"""Power-average (Lp) pooling and its gradients. Kernels: csrc/ops/pool_lp.c."""

from typing import Any

from fastnn.ops._pool import lp_pool, lp_pool_grad

__all__ = [
    "lp_pool1d",
    "lp_pool1d_grad_input",
    "lp_pool2d",
    "lp_pool2d_grad_input",
    "lp_pool3d",
    "lp_pool3d_grad_input",
]


def lp_pool1d(
    x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False, *, out: Any = None
) -> Any:
    """(sum of x^p)^(1/p) over each window of sequences, as `torch.nn.functional.lp_pool1d`; p is `norm_type`.

    A window that `ceil_mode` leaves partly outside x has its sum scaled up to the whole window. As in PyTorch, a sum
    that is negative, as odd p allows, gives NaN.

    Parameters
    ----------
    x : array [N, C, L], float32 or float64
    norm_type : positive number
    kernel_size : int
    stride : int, default `kernel_size`
    ceil_mode : round the output size up
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
    >>> ops.lp_pool1d(np.array([3.0, 4.0]).reshape(1, 1, 2), 2, 2)
    array([[[5.]]])
    """
    return lp_pool("lp_pool1d", 1, x, norm_type, (kernel_size, stride, ceil_mode), out)


def lp_pool1d_grad_input(
    gy: Any, x: Any, y: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """Gradient of `lp_pool1d`: gy y^(1 - p) x^(p - 1), and 0 in a window whose result is 0.

    Parameters
    ----------
    gy : array [N, C, OL]
    x : array [N, C, L], the input
    y : array [N, C, OL], the result
    norm_type, kernel_size, stride, ceil_mode : as in `lp_pool1d`

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
    >>> x = np.array([3.0, 4.0]).reshape(1, 1, 2)
    >>> ops.lp_pool1d_grad_input(np.full((1, 1, 1), 10.0), x, ops.lp_pool1d(x, 2, 2), 2, 2).ravel()
    array([6., 8.])
    """
    return lp_pool_grad("lp_pool1d_grad_input", 1, gy, x, y, norm_type, (kernel_size, stride, ceil_mode))


def lp_pool2d(
    x: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
    *,
    layout: str = "NCHW",
    out: Any = None,
) -> Any:
    """(sum of x^p)^(1/p) over each window of images, as `torch.nn.functional.lp_pool2d`; p is `norm_type`.

    A window that `ceil_mode` leaves partly outside x has its sum scaled up to the whole window. As in PyTorch, a sum
    that is negative, as odd p allows, gives NaN.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    norm_type : positive number
    kernel_size : int or pair (height, width)
    stride : int or pair, default `kernel_size`
    ceil_mode : round the output size up
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
    >>> ops.lp_pool2d(np.array([3.0, 4.0, 0.0, 0.0]).reshape(1, 1, 2, 2), 2, 2)
    array([[[[5.]]]])
    """
    return lp_pool("lp_pool2d", 2, x, norm_type, (kernel_size, stride, ceil_mode), out, layout)


def lp_pool2d_grad_input(
    gy: Any,
    x: Any,
    y: Any,
    norm_type: float,
    kernel_size: Any,
    stride: Any = None,
    ceil_mode: bool = False,
    *,
    layout: str = "NCHW",
) -> Any:
    """Gradient of `lp_pool2d`: gy y^(1 - p) x^(p - 1), and 0 in a window whose result is 0.

    Parameters
    ----------
    gy : array or Blocked [N, C, OH, OW]
    x : array or Blocked [N, C, H, W], the input
    y : array or Blocked [N, C, OH, OW], the result
    norm_type, kernel_size, stride, ceil_mode, layout : as in `lp_pool2d`

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
    >>> x = np.array([3.0, 4.0, 0.0, 0.0]).reshape(1, 1, 2, 2)
    >>> ops.lp_pool2d_grad_input(np.full((1, 1, 1, 1), 10.0), x, ops.lp_pool2d(x, 2, 2), 2, 2).ravel()
    array([6., 8., 0., 0.])
    """
    return lp_pool_grad("lp_pool2d_grad_input", 2, gy, x, y, norm_type, (kernel_size, stride, ceil_mode), layout)


def lp_pool3d(
    x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False, *, out: Any = None
) -> Any:
    """(sum of x^p)^(1/p) over each window of volumes, as `torch.nn.functional.lp_pool3d`; p is `norm_type`.

    A window that `ceil_mode` leaves partly outside x has its sum scaled up to the whole window. As in PyTorch, a sum
    that is negative, as odd p allows, gives NaN.

    Parameters
    ----------
    x : array [N, C, D, H, W], float32 or float64
    norm_type : positive number
    kernel_size : int or triple (depth, height, width)
    stride : int or triple, default `kernel_size`
    ceil_mode : round the output size up
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
    >>> ops.lp_pool3d(np.array([3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 2, 2), 2, 2)
    array([[[[[5.]]]]])
    """
    return lp_pool("lp_pool3d", 3, x, norm_type, (kernel_size, stride, ceil_mode), out)


def lp_pool3d_grad_input(
    gy: Any, x: Any, y: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Any:
    """Gradient of `lp_pool3d`: gy y^(1 - p) x^(p - 1), and 0 in a window whose result is 0.

    Parameters
    ----------
    gy : array [N, C, OD, OH, OW]
    x : array [N, C, D, H, W], the input
    y : array [N, C, OD, OH, OW], the result
    norm_type, kernel_size, stride, ceil_mode : as in `lp_pool3d`

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
    >>> x = np.array([3.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]).reshape(1, 1, 2, 2, 2)
    >>> ops.lp_pool3d_grad_input(np.full((1, 1, 1, 1, 1), 10.0), x, ops.lp_pool3d(x, 2, 2), 2, 2).ravel()
    array([6., 8., 0., 0., 0., 0., 0., 0.])
    """
    return lp_pool_grad("lp_pool3d_grad_input", 3, gy, x, y, norm_type, (kernel_size, stride, ceil_mode))
