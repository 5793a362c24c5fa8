"""im2col and col2im on the tape: each is the other's gradient."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def im2col(x: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Tensor:
    """Windows of images as columns; the recorded form of `fastnn.ops.im2col`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked.
    kernel_size, stride, padding, dilation : as in `fastnn.ops.im2col`.

    Returns
    -------
    Tensor of shape [n, c * kh * kw, oh * ow].

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, im2col
    >>> x = Tensor(np.ones((1, 1, 3, 3)), requires_grad=True)
    >>> im2col(x, 2).sum().backward()
    >>> x.grad.numpy()[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """
    x = as_tensor(x)
    xd, window = x.data, (kernel_size, stride, padding, dilation)
    y = ops.im2col(xd, *window)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        gx = ops.col2im(gy, xd.shape[2:], *window)
        return (ops.blocked(gx) if type(xd) is ops.Blocked else gx,)

    return record(y, (x,), backward)


def col2im(
    cols: Any, output_size: Any, kernel_size: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> Tensor:
    """Images as sums of windows; the recorded form of `fastnn.ops.col2im`.

    Parameters
    ----------
    cols : [n, c * kh * kw, oh * ow].
    output_size, kernel_size, stride, padding, dilation : as in `fastnn.ops.col2im`.

    Returns
    -------
    Tensor of shape [n, c, h, w].

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, col2im
    >>> cols = Tensor(np.ones((1, 4, 4)), requires_grad=True)
    >>> (col2im(cols, 3, 2) ** 2).sum().backward()
    >>> cols.grad.numpy()[0, 0].tolist()
    [2.0, 4.0, 4.0, 8.0]
    """
    cols = as_tensor(cols)
    window = kernel_size, stride, padding, dilation
    y = ops.col2im(cols.data, output_size, *window)
    if not recording(cols):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.im2col(gy, *window),)

    return record(y, (cols,), backward)
