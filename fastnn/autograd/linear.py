"""The fully connected layer on the tape."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def linear(x: Any, weight: Any, bias: Any = None) -> Tensor:
    """x times the transpose of weight, plus bias; the recorded form of `fastnn.ops.linear`.

    Parameters
    ----------
    x : [..., in]; weight : [out, in]; bias : [out] or None.

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
    xd, wd = x.data, weight.data
    y = ops.linear(xd, wd, None if bias is None else bias.data)
    if not recording(x, weight, bias):
        return wrap(y)
    need_x, need_w, need_b = x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad

    def backward(gy: Any) -> Gradients:
        return (
            ops.linear_grad_input(gy, wd) if need_x else None,
            ops.linear_grad_weight(gy, xd) if need_w else None,
            ops.linear_grad_bias(gy) if need_b else None,
        )

    return record(y, (x, weight, bias), backward, (x, weight))
