"""A convolution written out as the sparse matrix that it is."""

from math import prod
from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, integer, pair
from fastnn.ops._shapes import conv2d_shape, image_shape, resolve_padding

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
    """The matrix K of a convolution: ``conv2d(x, weight).ravel() == K @ x.ravel()``.

    Row (n, o, i, j) holds weight[o, q, r, s] in column (n, g C/G + q, i S - P + r D, j S - P + s D), where that
    lies inside x. Its transpose is the transposed convolution, which is the gradient with respect to x. A matrix
    of few distinct numbers in a regular pattern, which no convolution ever builds: for insight and for checking.

    Parameters
    ----------
    weight : array [OC, C / groups, KH, KW], float32 or float64
    input_shape : (N, C, H, W)
    stride, padding, dilation, groups : as in `conv2d`

    Returns
    -------
    scipy.sparse.csr_array, or a NumPy array where SciPy is not installed
        [N * OC * OH * OW, N * C * H * W], of weight's dtype. Weights of 0 are stored as well.

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
    >>> bool(np.allclose(K.T @ y.ravel(), ops.conv2d_grad_input(y, weight, x.shape).ravel()))
    True
    """
    op = "conv_matrix"
    kernel = as_array(op, "weight", weight)
    shape = image_shape(op, "input_shape", input_shape)
    groups = integer(op, "groups", groups, 1)
    strides, dilations = pair(op, "stride", stride, 1), pair(op, "dilation", dilation, 1)
    pads = resolve_padding(op, padding, kernel.shape[2:], strides, dilations)
    y_shape = conv2d_shape(op, shape, kernel.shape, strides, pads, dilations, groups)
    sparse = _sparse()
    _check_memory(op, y_shape, shape, kernel, sparse is None)
    axes = zip(shape[2:], y_shape[2:], kernel.shape[2:], strides, pads, dilations, strict=True)
    rows, columns = (_positions(size, out, k, s, p[0], d) for size, out, k, s, p, d in axes)
    values, at, counts = _products(kernel, shape, y_shape, rows, columns, groups)
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
    y_shape: tuple[int, ...],
    rows: np.ndarray,
    columns: np.ndarray,
    groups: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors and columns of all products in the order of (n, o, i, j), (q, r, s); how many each row has."""
    (n, c, h, w), (_, oc, oh, ow), (_, cg, kh, kw) = x_shape, y_shape, kernel.shape
    group = np.arange(oc) // max(oc // groups, 1)
    channel = group[:, None] * cg + np.arange(cg)
    by_row, by_column = rows[:, None, None, :, None], columns[None, :, None, None, :]  # [i, j, q, r, s]
    inside = np.broadcast_to((by_row >= 0) & (by_column >= 0), (oh, ow, cg, kh, kw))
    at = (channel[:, None, None, :, None, None] * h + by_row) * w + by_column  # [o, i, j, q, r, s]
    inside = np.broadcast_to(inside, at.shape)
    counts = inside.sum(axis=(3, 4, 5)).ravel()
    values = np.broadcast_to(kernel[:, None, None], at.shape)[inside] if oc else np.zeros(0, kernel.dtype)
    images = np.arange(n)[:, None] * (c * h * w)
    return np.tile(values, n), (images + at[inside]).ravel(), np.tile(counts, n)
