"""The fully connected layer and the matrix product on the tape."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.activation import check_activation
from fastnn.autograd.arithmetic import operands, unbroadcast
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def linear(x: Any, weight: Any, bias: Any = None, *, activation: str | None = None) -> Tensor:
    """x times the transpose of weight, plus bias; the recorded form of `fastnn.ops.linear`.

    Parameters
    ----------
    x : [..., in]; weight : [out, in]; bias : [out] or None.
    activation : None or "relu", computed with the product in one pass.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, linear
    >>> w = Tensor([[1.0, 2.0]], requires_grad=True)
    >>> linear(Tensor([[3.0, 4.0]]), w).backward()
    >>> w.grad.numpy()
    array([[3., 4.]], dtype=float32)
    """
    x, weight = to_plain(as_tensor(x)), as_tensor(weight)
    bias = as_tensor(bias) if bias is not None else None
    check_activation("linear", activation)
    xd, wd = x.data, weight.data
    y = ops.linear(xd, wd, None if bias is None else bias.data, activation=activation)
    if not recording(x, weight, bias):
        return wrap(y)
    need_x, need_w, need_b = x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad

    def backward(gy: Any) -> Gradients:
        return (
            ops.linear_grad_input(gy, wd) if need_x else None,
            ops.linear_grad_weight(gy, xd) if need_w else None,
            ops.linear_grad_bias(gy) if need_b else None,
        )

    return record(y, (x, weight, bias), backward, (x, weight), rectified=activation is not None)


def matmul(a: Any, b: Any) -> Tensor:
    """a @ b: vectors, matrices, and stacks of matrices with broadcasting; the recorded form of `ops.matmul`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, matmul
    >>> matmul(Tensor([[1.0, 2.0]]), Tensor([[3.0], [4.0]])).item()
    11.0
    """
    a, b = operands("matmul", a, b)
    a, b = to_plain(a), to_plain(b)
    ad, bd = a.data, b.data
    y = np.asarray(ops.matmul(ad, bd))
    if not recording(a, b):
        return wrap(y)
    need_a, need_b = a.requires_grad, b.requires_grad

    def simple(gy: Any) -> Gradients:
        return ops.linear(gy, bd) if need_a else None, ops.linear_grad_weight(ad, gy) if need_b else None

    def backward(gy: Any) -> Gradients:
        rows = ad[None, :] if ad.ndim == 1 else ad
        columns = bd[:, None] if bd.ndim == 1 else bd
        g = gy[..., None] if bd.ndim == 1 else gy
        g = g[..., None, :] if ad.ndim == 1 else g
        ga = gb = None
        if need_a:
            ga = unbroadcast(ops.matmul(g, columns.swapaxes(-1, -2)), rows.shape).reshape(ad.shape)
        if need_b:
            gb = unbroadcast(ops.matmul(rows.swapaxes(-1, -2), g), columns.shape).reshape(bd.shape)
        return ga, gb

    one_matrix = bd.ndim == 2 and ad.ndim >= 2  # its products take transposed operands as they lie
    return record(y, (a, b), simple if one_matrix else backward, (a, b))
