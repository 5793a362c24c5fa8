"""Max pooling on the tape. Blocked images stay Blocked."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd import _pool
from fastnn.autograd.tensor import Tensor
from fastnn.ops._pool import max_params


def max_pool1d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Maximum over windows; the recorded form of `fastnn.ops.max_pool1d`.

    Parameters
    ----------
    x : [n, c, l].
    return_indices : return the positions of the maxima as well, int64, l within a channel.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_pool1d
    >>> x = Tensor([[[1.0, 4.0]]], requires_grad=True)
    >>> max_pool1d(x, 2).backward()
    >>> x.grad.numpy().ravel().tolist()
    [0.0, 1.0]
    """
    window = kernel_size, stride, padding, dilation, ceil_mode

    def call(x: Any, return_indices: bool) -> Any:
        return ops.max_pool1d(x, *window, return_indices)

    def gradient(gy: Any, x: Any, y: Any, rectified: bool = False) -> Any:
        return ops.max_pool1d_grad_input(gy, x, y, *window, rectified=rectified)

    def geometry(shape: Any) -> Any:
        return max_params("max_pool1d", 1, shape, *window)

    return _pool.max_pool("max_pool1d", x, geometry, call, gradient, return_indices)


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
    return_indices : return the positions of the maxima as well, int64, h * W + w within a channel.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_pool2d
    >>> x = Tensor([[[[1.0, 2.0], [4.0, 3.0]]]], requires_grad=True)
    >>> max_pool2d(x, 2).backward()
    >>> x.grad.numpy().ravel().tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    window = kernel_size, stride, padding, dilation, ceil_mode

    def call(x: Any, return_indices: bool) -> Any:
        return ops.max_pool2d(x, *window, return_indices)

    def gradient(gy: Any, x: Any, y: Any, rectified: bool = False) -> Any:
        return ops.max_pool2d_grad_input(gy, x, y, *window, rectified=rectified)

    def geometry(shape: Any) -> Any:
        return max_params("max_pool2d", 2, shape, *window)

    return _pool.max_pool("max_pool2d", x, geometry, call, gradient, return_indices)


def max_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Maximum over windows; the recorded form of `fastnn.ops.max_pool3d`.

    Parameters
    ----------
    x : [n, c, d, h, w].
    return_indices : return the positions of the maxima as well, int64, (d * H + h) * W + w within a channel.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, max_pool3d
    >>> x = Tensor([[[[[1.0, 2.0]], [[4.0, 3.0]]]]], requires_grad=True)
    >>> max_pool3d(x, (2, 1, 2)).backward()
    >>> x.grad.numpy().ravel().tolist()
    [0.0, 0.0, 1.0, 0.0]
    """
    window = kernel_size, stride, padding, dilation, ceil_mode

    def call(x: Any, return_indices: bool) -> Any:
        return ops.max_pool3d(x, *window, return_indices)

    def gradient(gy: Any, x: Any, y: Any, rectified: bool = False) -> Any:
        return ops.max_pool3d_grad_input(gy, x, y, *window, rectified=rectified)

    def geometry(shape: Any) -> Any:
        return max_params("max_pool3d", 3, shape, *window)

    return _pool.max_pool("max_pool3d", x, geometry, call, gradient, return_indices)
