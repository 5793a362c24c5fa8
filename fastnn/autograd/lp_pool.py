"""Power-average pooling on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def _lp_pool(rank: int, x: Any, *window: Any) -> Tensor:
    x = as_tensor(x)
    xd = x.data
    y = getattr(ops, f"lp_pool{rank}d")(xd, *window)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (getattr(ops, f"lp_pool{rank}d_grad_input")(gy, xd, y, *window),)

    return record(y, (x,), backward, (x,), saves_result=True)


def lp_pool1d(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over windows, p = norm_type; the recorded form of `fastnn.ops.lp_pool1d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, lp_pool1d
    >>> lp_pool1d(Tensor([[[3.0, 4.0]]]), 2, 2).item()
    5.0
    """
    return _lp_pool(1, x, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over windows, p = norm_type; the recorded form of `fastnn.ops.lp_pool2d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, lp_pool2d
    >>> lp_pool2d(Tensor([[[[3.0, 4.0], [0.0, 0.0]]]]), 2, 2).item()
    5.0
    """
    return _lp_pool(2, x, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(x: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(sum of x^p)^(1/p) over windows, p = norm_type; the recorded form of `fastnn.ops.lp_pool3d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, lp_pool3d
    >>> lp_pool3d(Tensor([[[[[3.0, 4.0]], [[0.0, 0.0]]]]]), 2, (2, 1, 2)).item()
    5.0
    """
    return _lp_pool(3, x, norm_type, kernel_size, stride, ceil_mode)
