"""Padding on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def pad(x: Any, pad: Any, mode: str = "constant", value: float = 0) -> Tensor:
    """Elements around an array; the recorded form of `fastnn.ops.pad`.

    Parameters
    ----------
    x : of any rank, plain or Blocked.
    pad, mode, value : as in `fastnn.ops.pad`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, pad
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = pad(x, (2, 1), mode="reflect")
    >>> y.numpy().tolist()
    [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]
    >>> y.sum().backward()
    >>> x.grad.numpy().tolist()
    [1.0, 3.0, 2.0]
    """
    x = as_tensor(x)
    shape = x.data.shape
    y = ops.pad(x.data, pad, mode, value)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.pad_grad_input(gy, shape, pad, mode),)

    return record(y, (x,), backward)
