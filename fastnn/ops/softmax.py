"""Softmax and its logarithm. Kernels: csrc/kernels/softmax.h."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import as_array, check_out, finish_out, new_array, same_dtype
from fastnn.ops._shapes import normalize_dim

__all__ = ["log_softmax", "log_softmax_grad_input", "softmax", "softmax_grad_input"]


def _last(x: np.ndarray, dim: int) -> np.ndarray:
    """`x` with dimension `dim` last, contiguous."""
    return np.ascontiguousarray(np.moveaxis(x, dim, -1)) if dim != x.ndim - 1 else x


def _softmax(op: str, x: Any, dim: Any, out: Any, logarithm: bool) -> np.ndarray:
    data = as_array(op, "x", x)
    shape = data.shape
    dim = normalize_dim(op, "dim", dim, data.ndim)
    y = new_array(shape, data.dtype) if out is None else check_out(op, out, shape, data.dtype, data)
    source = _last(np.atleast_1d(data), dim)
    last = dim == max(data.ndim, 1) - 1
    target = np.atleast_1d(y) if last else new_array(source.shape, data.dtype)
    if source.size:
        n = source.shape[-1]
        _kernels.softmax(source, target, source.size // n, n, logarithm)
    if not last:
        y[...] = np.moveaxis(target, -1, dim)
    return finish_out(out, y)


def softmax(x: Any, dim: Any = -1, *, out: Any = None) -> np.ndarray:
    """``e^x / sum e^x`` along `dim`, computed as ``e^(x - max x) / sum e^(x - max x)`` so that nothing overflows.

    Parameters
    ----------
    x : array, float32 or float64
    dim : int, the dimension that sums to 1
    out : array like `x`, optional

    Returns
    -------
    array like `x`

    Raises
    ------
    ValueError, TypeError
        If `dim` is out of range, `x` has another dtype, or `out` does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return _softmax("softmax", x, dim, out, False)


def log_softmax(x: Any, dim: Any = -1, *, out: Any = None) -> np.ndarray:
    """``x - ln sum e^x`` along `dim`, exact where `softmax` itself would round to 0.

    Parameters
    ----------
    x : array, float32 or float64
    dim : int
    out : array like `x`, optional

    Returns
    -------
    array like `x`

    Raises
    ------
    ValueError, TypeError
        As `softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.log_softmax(np.array([0.0, -1000.0]))
    array([    0., -1000.])
    """
    return _softmax("log_softmax", x, dim, out, True)


def _softmax_grad(op: str, gy: Any, y: Any, dim: Any, logarithm: bool) -> np.ndarray:
    g, result = as_array(op, "gy", gy), as_array(op, "y", y)
    if g.shape != result.shape:
        raise ValueError(f"{op}: gy has shape {g.shape}, y has {result.shape}")
    same_dtype(op, "gy", g, "y", result)
    dim = normalize_dim(op, "dim", dim, g.ndim)
    g_rows, y_rows = _last(np.atleast_1d(g), dim), _last(np.atleast_1d(result), dim)
    gx = new_array(g_rows.shape, g.dtype)
    if gx.size:
        _kernels.softmax_grad(g_rows, y_rows, gx, gx.size // gx.shape[-1], gx.shape[-1], logarithm)
    return np.ascontiguousarray(np.moveaxis(gx, -1, dim)).reshape(g.shape)


def softmax_grad_input(gy: Any, y: Any, dim: Any = -1) -> np.ndarray:
    """Gradient of `softmax` from its result: ``y (gy - sum gy y)``.

    Parameters
    ----------
    gy, y : arrays of one shape
    dim : as in `softmax`

    Returns
    -------
    array like `gy`

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that differ, or `dim` out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.softmax_grad_input(np.array([1.0, 0.0]), np.array([0.5, 0.5]))
    array([ 0.25, -0.25])
    """
    return _softmax_grad("softmax_grad_input", gy, y, dim, False)


def log_softmax_grad_input(gy: Any, y: Any, dim: Any = -1) -> np.ndarray:
    """Gradient of `log_softmax` from its result: ``gy - e^y sum gy``.

    Parameters
    ----------
    gy, y : arrays of one shape
    dim : as in `log_softmax`

    Returns
    -------
    array like `gy`

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that differ, or `dim` out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.log_softmax_grad_input(np.array([1.0, 0.0]), np.log([0.5, 0.5]))
    array([ 0.5, -0.5])
    """
    return _softmax_grad("log_softmax_grad_input", gy, y, dim, True)
