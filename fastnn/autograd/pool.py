"""Pooling on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def max_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Maximum over windows; the recorded form of `fastnn.ops.max_pool2d`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked.
    return_indices : return the positions of the maxima as well, int64, h * W + w within a plane.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_pool2d
    >>> x = Tensor([[[[1.0, 2.0], [4.0, 3.0]]]], requires_grad=True)
    >>> max_pool2d(x, 2).backward()
    >>> x.grad.numpy().ravel().tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    x = as_tensor(x)
    xd = x.data
    y = ops.max_pool2d(xd, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
    indices = None
    if return_indices:
        y, indices = y[0], wrap(y[1])
    if not recording(x):
        return wrap(y) if indices is None else (wrap(y), indices)

    window = kernel_size, stride, padding, dilation, ceil_mode

    def backward(gy: Any) -> Gradients:
        return (ops.max_pool2d_grad_input(gy, xd, y, *window),)

    def gated(gy: Any) -> Gradients:
        return (ops.max_pool2d_grad_input(gy, xd, y, *window, rectified=True),)

    result = record(y, (x,), backward, (x,), saves_result=True, gated=gated)
    return result if indices is None else (result, indices)


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean over windows; the recorded form of `fastnn.ops.avg_pool2d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, avg_pool2d
    >>> avg_pool2d(Tensor([[[[1.0, 2.0], [4.0, 5.0]]]]), 2).item()
    3.0
    """
    x = as_tensor(x)
    shape = x.data.shape
    window = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    y = ops.avg_pool2d(x.data, *window)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.avg_pool2d_grad_input(gy, shape, *window),)

    return record(y, (x,), backward)
