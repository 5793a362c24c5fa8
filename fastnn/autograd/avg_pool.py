"""Average pooling on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._pool import linear_map
from fastnn.autograd.tensor import Tensor


def avg_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean over windows; the recorded form of `fastnn.ops.avg_pool1d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, avg_pool1d
    >>> avg_pool1d(Tensor([[[1.0, 5.0]]]), 2).item()
    3.0
    """
    window = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return linear_map(
        x,
        lambda x: ops.avg_pool1d(x, *window),
        lambda gy, shape: ops.avg_pool1d_grad_input(gy, shape, *window),
    )


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
    window = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return linear_map(
        x,
        lambda x: ops.avg_pool2d(x, *window),
        lambda gy, shape: ops.avg_pool2d_grad_input(gy, shape, *window),
    )


def avg_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """Mean over windows; the recorded form of `fastnn.ops.avg_pool3d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, avg_pool3d
    >>> avg_pool3d(Tensor([[[[[1.0, 2.0]], [[4.0, 5.0]]]]]), (2, 1, 2)).item()
    3.0
    """
    window = (kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)
    return linear_map(
        x,
        lambda x: ops.avg_pool3d(x, *window),
        lambda gy, shape: ops.avg_pool3d_grad_input(gy, shape, *window),
    )
