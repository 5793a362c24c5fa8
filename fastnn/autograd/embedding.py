"""Embedding on the tape."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def embedding(indices: Any, weight: Any, padding_idx: int | None = None) -> Tensor:
    """Rows of a table; the recorded form of `fastnn.ops.embedding`.

    Parameters
    ----------
    indices : integers of any shape, a tensor or an array; no gradient goes to them.
    weight : [v, d].
    padding_idx : the row that gets no gradient.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, embedding
    >>> table = Tensor([[1.0], [2.0], [3.0]], requires_grad=True)
    >>> y = embedding([[2, 0, 2]], table)
    >>> y.numpy().tolist()
    [[[3.0], [1.0], [3.0]]]
    >>> y.sum().backward()
    >>> table.grad.numpy().tolist()
    [[1.0], [0.0], [2.0]]
    """
    index = indices.data if isinstance(indices, Tensor) else indices
    weight = as_tensor(weight)
    rows = weight.data.shape[0] if weight.data.ndim else 0
    y = ops.embedding(index, weight.data, padding_idx)
    if not recording(weight):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.embedding_grad_weight(gy, index, rows, padding_idx),)

    return record(y, (weight,), backward)
