"""A convolution written out as the sparse matrix that it is."""

from math import prod
from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, integer, sizes
from fastnn.ops._shapes import check_weight, conv_shape, resolve_padding, shape_of

__all__ = ["conv_matrix"]

# A matrix to look at and to experiment with, made by NumPy with temporaries of a few times its size.
MOST_DENSE_BYTES = 1 << 30
MOST_NONZEROS = 1 << 27


def _sparse() -> Any:
    """scipy.sparse, or None where SciPy is not installed."""
    try:
        import scipy.sparse  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return None
    return scipy.sparse


def _positions(size: int, out: int, taps: int, stride: int, before: int, dilation: int) -> np.ndarray:
    """[out, taps]: the position in the input that each product reads, -1 in the padding."""
    at = np.arange(out)[:, None] * stride - before + np.arange(taps) * dilation
    return np.where((at >= 0) & (at < size), at, -1)


def conv_matrix(
    weight: Any,
    input_shape: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """The matrix K of a convolution: ``conv2d(x, weight).ravel() == K @ x.ravel()``, also of `conv1d` and `conv3d`.

    Row (n, o, i, j) holds weight[o, q, r, s] in column (n, g C/G + q, i S - P + r D, j S - P + s D), where that
    lies inside x. Its transpose is the transposed convolution, which is the gradient with respect to x. A matrix
    of few distinct numbers in a regular pattern, which no convolution ever builds: for insight and for checking.

    Parameters
    ----------
    weight : array [OC, C / groups, KH, KW], float32 or float64, or with one or three kernel axes
    input_shape : (N, C, H, W), with as many axes
    stride, padding, dilation, groups : as in `conv2d`

    Returns
    -------
    scipy.sparse.csr_array, or a NumPy array where SciPy is not installed
        [N * OC * OH * OW, N * C * H * W], of weight's dtype, entries in order. Weights of 0 are stored as well.

    Raises
    ------
    ValueError, TypeError
        As `conv2d`; a matrix of more than 2**27 products, or without SciPy of more than 1 GiB.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> weight = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> K = ops.conv_matrix(weight, (1, 1, 3, 3))
    >>> (np.eye(4) @ K).astype(int)
    array([[1, 2, 0, 3, 4, 0, 0, 0, 0],
           [0, 1, 2, 0, 3, 4, 0, 0, 0],
           [0, 0, 0, 1, 2, 0, 3, 4, 0],
           [0, 0, 0, 0, 1, 2, 0, 3, 4]])

    The convolution, and the transposed convolution of y:

    >>> x, y = np.random.rand(1, 1, 3, 3), np.random.rand(1, 1, 2, 2)
    >>> bool(np.allclose(K @ x.ravel(), ops.conv2d(x, weight).ravel()))
    True
    >>> bool(np.allclose(K.T @ y.ravel(), ops.conv_transpose2d(y, weight).ravel()))
    True
    """
    op = "conv_matrix"
    kernel = as_array(op, "weight", weight)
    rank = min(max(kernel.ndim - 2, 1), 3)
    groups = integer(op, "groups", groups, 1)
    strides, dilations = sizes(op, "stride", stride, 1, rank), sizes(op, "dilation", dilation, 1, rank)
    check_weight(op, kernel.shape, groups, rank)
    shape = shape_of(op, "input_shape", input_shape, rank + 2)
    pads = resolve_padding(op, padding, kernel.shape[2:], strides, dilations)
    y_shape = conv_shape(op, shape, kernel.shape, strides, pads, dilations, groups)
    sparse = _sparse()
    _check_memory(op, y_shape, shape, kernel, sparse is None)
    axes = zip(shape[2:], y_shape[2:], kernel.shape[2:], strides, pads, dilations, strict=True)
    positions = [_positions(size, out, k, s, p[0], d) for size, out, k, s, p, d in axes]
    values, at, counts = _products(kernel, shape, positions, groups)
    matrix_shape = prod(y_shape), prod(shape)
    if sparse is not None:
        begins = np.concatenate([[0], np.cumsum(counts)])
        return sparse.csr_array((values, at, begins), shape=matrix_shape)
    dense = np.zeros(matrix_shape, kernel.dtype)
    dense[np.repeat(np.arange(matrix_shape[0]), counts), at] = values
    return dense


def _check_memory(op: str, y_shape: tuple[int, ...], x_shape: tuple[int, ...], kernel: np.ndarray, dense: bool) -> None:
    rows, columns = prod(y_shape), prod(x_shape)
    nonzeros = rows * prod(kernel.shape[1:])
    if nonzeros > MOST_NONZEROS:
        raise ValueError(
            f"{op}: the matrix {rows} x {columns} of input {x_shape} holds {nonzeros} products, "
            f"more than {MOST_NONZEROS}"
        )
    size = rows * columns * kernel.itemsize
    if dense and size > MOST_DENSE_BYTES:
        raise ValueError(
            f"{op}: the dense matrix {rows} x {columns} of input {x_shape} takes {size} bytes, more than "
            f"{MOST_DENSE_BYTES}; with SciPy installed it is sparse"
        )


def _products(
    kernel: np.ndarray,
    x_shape: tuple[int, ...],
    positions: list[np.ndarray],
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors and columns of all products in the order of (n, o, outputs), (q, taps); how many each row has."""
    rank, n, size = len(positions), x_shape[0], x_shape[2:]
    oc, cg = kernel.shape[:2]
    channel = (np.arange(oc) // max(oc // groups, 1))[:, None] * cg + np.arange(cg)
    at = channel.reshape(oc, *(1,) * rank, cg, *(1,) * rank)  # [o, outputs, q, taps]
    inside = np.ones((), bool)
    for axis, position in enumerate(positions):
        spread = [1] * (2 * rank + 2)
        spread[1 + axis], spread[2 + rank + axis] = position.shape
        on_axis = position.reshape(spread)
        at, inside = at * size[axis] + on_axis, inside & (on_axis >= 0)
    inside = np.broadcast_to(inside, at.shape)
    counts = inside.sum(axis=tuple(range(rank + 1, 2 * rank + 2))).ravel()
    values = np.broadcast_to(kernel.reshape(oc, *(1,) * rank, *kernel.shape[1:]), at.shape)[inside]
    images = np.arange(n)[:, None] * prod(x_shape[1:])
    return np.tile(values, n), (images + at[inside]).ravel(), np.tile(counts, n)
