"""Max unpooling on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._pool import linear_map
from fastnn.autograd.tensor import Tensor


def _max_unpool(rank: int, x: Any, indices: Any, *window: Any) -> Tensor:
    positions = indices.data if isinstance(indices, Tensor) else indices
    function, gradient = getattr(ops, f"max_unpool{rank}d"), getattr(ops, f"max_unpool{rank}d_grad_input")
    return linear_map(x, lambda x: function(x, positions, *window), lambda gy, shape: gradient(gy, positions))


def max_unpool1d(
    x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Values back at the positions of the maxima; the recorded form of `fastnn.ops.max_unpool1d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_unpool1d
    >>> max_unpool1d(Tensor([[[7.0]]]), [[[1]]], 2).numpy().ravel().tolist()
    [0.0, 7.0]
    """
    return _max_unpool(1, x, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Values back at the positions of the maxima; the recorded form of `fastnn.ops.max_unpool2d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_unpool2d
    >>> max_unpool2d(Tensor([[[[7.0]]]]), [[[[1]]]], (1, 2)).numpy().ravel().tolist()
    [0.0, 7.0]
    """
    return _max_unpool(2, x, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    x: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Values back at the positions of the maxima; the recorded form of `fastnn.ops.max_unpool3d`.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_unpool3d
    >>> max_unpool3d(Tensor([[[[[7.0]]]]]), [[[[[1]]]]], (1, 1, 2)).numpy().ravel().tolist()
    [0.0, 7.0]
    """
    return _max_unpool(3, x, indices, kernel_size, stride, padding, output_size)
