"""Embedding: rows of a table by their numbers. Kernels: csrc/ops/embedding.c."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._checks import as_array, as_numpy, check_out, check_size, finish_out, integer, new_array

__all__ = ["embedding", "embedding_grad_weight"]


def _indices(op: str, indices: Any, rows: int) -> np.ndarray:
    """Contiguous int64 numbers of rows, each checked."""
    given = as_numpy(op, "indices", indices)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{op}: indices has dtype {given.dtype}; integers are needed")
    wrong = (given < 0) | (given >= rows)
    if wrong.any():
        at = tuple(int(i) for i in np.unravel_index(np.argmax(wrong), given.shape))
        raise ValueError(f"{op}: index {int(given[at])} at position {at} is not in 0..{rows - 1}")
    return np.ascontiguousarray(given, np.dtype(np.int64)).view(np.ndarray).reshape(given.shape)


def padding_row(op: str, padding_idx: Any, rows: int) -> int:
    """The number of the row that gets no gradient; -1 for none. Negative numbers count from the end."""
    if padding_idx is None:
        return -1
    row = integer(op, "padding_idx", padding_idx, -(1 << 62))
    if not -rows <= row < rows:
        raise ValueError(f"{op}: padding_idx {row} is out of range for {rows} rows")
    return row % rows


def embedding(indices: Any, weight: Any, padding_idx: int | None = None, *, out: Any = None) -> np.ndarray:
    """Rows of a table: ``y[..., :] = weight[indices[...]]``, as `torch.nn.functional.embedding`.

    Parameters
    ----------
    indices : integer array of any shape, each in 0..V-1
    weight : array [V, D], float32 or float64
    padding_idx : int, optional
        The row that gets no gradient; its values are read like any other's.
    out : array [..., D], optional

    Returns
    -------
    array [..., D], of the dtype of `weight`

    Raises
    ------
    ValueError, TypeError
        Indices out of range, shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.embedding(np.array([2, 0]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    array([[5., 6.],
           [1., 2.]])
    """
    op = "embedding"
    table = as_array(op, "weight", weight)
    if table.ndim != 2:
        raise ValueError(f"{op}: weight must have 2 dimensions [V, D], got shape {table.shape}")
    rows, width = table.shape
    padding_row(op, padding_idx, rows)
    index = _indices(op, indices, rows)
    shape = (*index.shape, width)
    check_size(op, "output", shape)
    y = new_array(shape, table.dtype) if out is None else check_out(op, out, shape, table.dtype, table, index)
    _kernels.embedding(index.reshape(-1), table, y, index.size, rows, width)
    return finish_out(out, y)


def embedding_grad_weight(gy: Any, indices: Any, num_embeddings: int, padding_idx: int | None = None) -> np.ndarray:
    """Gradient of `embedding`: row v is the sum of the gy whose index is v, in their order.

    Parameters
    ----------
    gy : array [..., D], float32 or float64
    indices : integer array [...], each in 0..num_embeddings-1
    num_embeddings : int
        V, the rows of the table.
    padding_idx : as in `embedding`; its row is zero

    Returns
    -------
    array [V, D], of gy's dtype

    Raises
    ------
    ValueError, TypeError
        Indices out of range, shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.embedding_grad_weight(np.array([[1.0], [2.0], [4.0]]), np.array([1, 0, 1]), 2)
    array([[2.],
           [5.]])
    """
    op = "embedding_grad_weight"
    g = as_array(op, "gy", gy)
    rows = integer(op, "num_embeddings", num_embeddings, 0)
    index = _indices(op, indices, rows)
    if g.ndim != index.ndim + 1 or g.shape[:-1] != index.shape:
        raise ValueError(f"{op}: gy has shape {g.shape}, expected {index.shape} and the width of a row")
    width = g.shape[-1]
    check_size(op, "gradient", (rows, width))
    gw = new_array((rows, width), g.dtype)
    padding = padding_row(op, padding_idx, rows)
    _kernels.embedding_grad_weight(index.reshape(-1), g, gw, index.size, rows, width, padding)
    return gw
