"""Linear layers. Kernel: csrc/ops/gemm.c."""

import sys
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn._kernels import PackedLinear
from fastnn.ops._checks import (
    activation_spec,
    as_array,
    check_out,
    check_size,
    finish_out,
    new_array,
    same_dtype,
    shaped,
)

__all__ = [
    "PackedLinear",
    "linear",
    "linear_grad_bias",
    "linear_grad_input",
    "linear_grad_weight",
    "pack_linear",
]


def _rows(shape: tuple[int, ...]) -> int:
    rows = 1
    for size in shape[:-1]:
        rows *= size
    return rows


def _check_features(op: str, x: np.ndarray, weight_shape: tuple[int, ...]) -> None:
    if len(weight_shape) != 2:
        raise ValueError(f"{op}: weight must have 2 dimensions [out, in], got shape {weight_shape}")
    if x.ndim < 1 or x.shape[-1] != weight_shape[1]:
        raise ValueError(f"{op}: x of shape {x.shape} does not end in the weight's {weight_shape[1]} features")


def linear(x: Any, weight: Any, bias: Any = None, *, activation: Any = None, out: Any = None) -> np.ndarray:
    """``y = act(x weight^T + bias)``, as `torch.nn.functional.linear`.

    Parameters
    ----------
    x : array [..., in], float32 or float64
    weight : array [out, in]
    bias : array [out], optional
    activation : as in `conv2d`
    out : array [..., out], optional
        Receives the result and is returned.

    Returns
    -------
    array [..., out]

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> weight, bias = np.array([[3.0, 4.0], [5.0, 6.0]]), np.array([0.5, -20.0])
    >>> ops.linear(np.array([[1.0, 2.0]]), weight, bias, activation="relu")
    array([[11.5,  0. ]])
    """
    a = as_array("linear", "x", x)
    w = as_array("linear", "weight", weight)
    _check_features("linear", a, w.shape)
    same_dtype("linear", "x", a, "weight", w)
    n, k = w.shape
    if bias is not None:
        bias = shaped("linear", "bias", bias, (n,), a, "x")
    shape = (*a.shape[:-1], n)
    check_size("linear", "output", shape)
    y = new_array(shape, a.dtype) if out is None else check_out("linear", out, shape, a.dtype, a, w, bias)
    _kernels.gemm(a, False, w, True, y, _rows(a.shape), n, k, bias, *activation_spec("linear", activation))
    return finish_out(out, y)


def linear_grad_input(gy: Any, weight: Any) -> np.ndarray:
    """Gradient of `linear` with respect to its input: ``gy weight``.

    Parameters
    ----------
    gy : array [..., out]
    weight : array [out, in]

    Returns
    -------
    array [..., in]

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.linear_grad_input(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0], [5.0, 6.0]]))
    array([[13., 16.]])
    """
    op = "linear_grad_input"
    g, w = as_array(op, "gy", gy), as_array(op, "weight", weight)
    if w.ndim != 2 or g.ndim < 1 or g.shape[-1] != w.shape[0]:
        raise ValueError(f"{op}: gy of shape {g.shape} does not fit a weight of shape {w.shape}")
    same_dtype(op, "gy", g, "weight", w)
    n, k = w.shape
    check_size(op, "result", (*g.shape[:-1], k))
    gx = new_array((*g.shape[:-1], k), g.dtype)
    _kernels.gemm(g, False, w, False, gx, _rows(g.shape), k, n, None, 0, 0.0, 0.0)
    return gx


def linear_grad_weight(gy: Any, x: Any) -> np.ndarray:
    """Gradient of `linear` with respect to its weight: ``gy^T x`` over all leading dimensions.

    Parameters
    ----------
    gy : array [..., out]
    x : array [..., in]

    Returns
    -------
    array [out, in]

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.linear_grad_weight(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]))
    array([[3., 4.],
           [6., 8.]])
    """
    op = "linear_grad_weight"
    g, a = as_array(op, "gy", gy), as_array(op, "x", x)
    if g.ndim < 1 or g.shape[:-1] != a.shape[:-1] or g.ndim != a.ndim:
        raise ValueError(f"{op}: gy of shape {g.shape} and x of shape {a.shape} differ before their last dimension")
    same_dtype(op, "gy", g, "x", a)
    n, k = g.shape[-1], a.shape[-1]
    check_size(op, "result", (n, k))
    gw = new_array((n, k), g.dtype)
    _kernels.gemm(g, True, a, False, gw, n, k, _rows(g.shape), None, 0, 0.0, 0.0)
    return gw


def linear_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `linear` with respect to its bias: `gy` summed over all leading dimensions.

    Parameters
    ----------
    gy : array [..., out]

    Returns
    -------
    array [out]

    Raises
    ------
    ValueError, TypeError
        If `gy` is a scalar or has another dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.linear_grad_bias(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([4., 6.])
    """
    g = as_array("linear_grad_bias", "gy", gy)
    if g.ndim < 1:
        raise ValueError("linear_grad_bias: gy must have at least 1 dimension")
    rows = g.reshape(-1, g.shape[-1]) if g.size else np.zeros((1, g.shape[-1]), g.dtype)
    return rows.sum(axis=0, dtype=np.float64).astype(g.dtype)


# ---- packed ----

_OP = "packed linear"


def pack_linear(weight: Any, bias: Any = None, *, activation: Any = None) -> PackedLinear:
    """Bring a linear layer's weights into the kernel's order once, for many calls.

    Parameters
    ----------
    weight, bias, activation : as in `linear`

    Returns
    -------
    PackedLinear
        ``y = packed(x, out=None)``; holds its own copy, can be pickled and shared between threads.

    Raises
    ------
    ValueError, TypeError
        As `linear`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x, w = np.random.rand(5, 7), np.random.rand(3, 7)
    >>> bool(np.allclose(ops.pack_linear(w)(x), x @ w.T))
    True
    """
    w = as_array("pack_linear", "weight", weight)
    if w.ndim != 2:
        raise ValueError(f"pack_linear: weight must have 2 dimensions [out, in], got shape {w.shape}")
    own_bias = None
    if bias is not None:
        own_bias = shaped("pack_linear", "bias", bias, (w.shape[0],), w, "weight").copy()
    spec = activation_spec("pack_linear", activation)
    return PackedLinear(sys.modules[__name__], PackedLinear.pack(w, *w.shape), own_bias, w.shape, spec)


def packed_arguments(packed: PackedLinear, x: Any, out: Any) -> tuple[np.ndarray, np.ndarray]:
    """(x, the array to write) of a packed call, checked against what was packed."""
    a = as_array(_OP, "x", x)
    _check_features(_OP, a, packed.weight_shape)
    if a.dtype != packed.dtype:
        raise TypeError(f"{_OP}: x is {a.dtype} but the weights were packed as {packed.dtype}")
    shape = (*a.shape[:-1], packed.weight_shape[0])
    check_size(_OP, "output", shape)
    return a, new_array(shape, a.dtype) if out is None else check_out(_OP, out, shape, a.dtype, a)


def restore(packed: np.ndarray, bias: Any, *fields: Any) -> PackedLinear:
    """A PackedLinear from its pickled fields."""
    aligned = new_array(packed.shape, packed.dtype)
    aligned[...] = packed
    return PackedLinear(sys.modules[__name__], aligned, bias, *fields)


def describe(packed: PackedLinear) -> str:
    """The repr of a packed linear layer."""
    return f"PackedLinear(weight_shape={packed.weight_shape}, dtype={packed.dtype}, nbytes={packed.nbytes})"
