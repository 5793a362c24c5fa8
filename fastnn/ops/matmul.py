"""Matrix products. Kernel: csrc/ops/gemm.c."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import as_array, check_size, new_array, same_dtype

__all__ = ["matmul"]


def matmul(a: Any, b: Any) -> np.ndarray:
    """Matrix product with the rules of `numpy.matmul`: vectors are promoted, leading dimensions broadcast.

    Parameters
    ----------
    a : array [..., m, k] or [k]
    b : array [..., k, n] or [k]

    Returns
    -------
    array [..., m, n], without the dimensions that a vector lacks

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.matmul(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 1.0]))
    array([12., 34.])
    """
    x, y = as_array("matmul", "a", a), as_array("matmul", "b", b)
    same_dtype("matmul", "a", x, "b", y)
    if x.ndim == 0 or y.ndim == 0:
        raise ValueError(f"matmul: scalars are not matrices, shapes {x.shape} and {y.shape}")
    left = x[None, :] if x.ndim == 1 else x
    right = y[:, None] if y.ndim == 1 else y
    k = left.shape[-1]
    if right.shape[-2] != k:
        raise ValueError(f"matmul: a of shape {x.shape} has {k} columns, b of shape {y.shape} {right.shape[-2]} rows")
    result = _product(left, right) if right.ndim == 2 else _products(left, right)
    if y.ndim == 1:
        result = result[..., 0]
    return result[..., 0, :] if x.ndim == 1 and y.ndim > 1 else result[..., 0] if x.ndim == 1 else result


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """All rows of a [..., k] times b [k, n] in one product."""
    k, n = b.shape
    shape = (*a.shape[:-1], n)
    check_size("matmul", "result", shape)
    result = new_array(shape, a.dtype)
    _kernels.gemm(a, False, b, False, result, result.size // n if n else 0, n, k, None, 0, 0.0, 0.0)
    return result


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a [..., m, k] times b [..., k, n], matrix by matrix."""
    (m, k), n = a.shape[-2:], b.shape[-1]
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not broadcast") from None
    check_size("matmul", "result", (*batch, m, n))
    result = new_array((*batch, m, n), a.dtype)
    lefts = a if a.shape[:-2] == batch else np.broadcast_to(a, (*batch, m, k))
    rights = b if b.shape[:-2] == batch else np.broadcast_to(b, (*batch, k, n))
    for at in np.ndindex(*batch):
        _kernels.gemm(lefts[at], False, rights[at], False, result[at], m, n, k, None, 0, 0.0, 0.0)
    return result
