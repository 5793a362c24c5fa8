"""Convolution on the tape."""

from __future__ import annotations

from typing import Any

from fastnn.autograd._conv import conv
from fastnn.autograd.tensor import Tensor


def conv1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    activation: str | None = None,
) -> Tensor:
    """Cross-correlation of sequences with filters; the recorded form of `fastnn.ops.conv1d`.

    Parameters
    ----------
    x : [n, c, l]
    weight : [oc, c / groups, k]
    bias : [oc] or None
    stride, padding, dilation, groups, padding_mode : as in `fastnn.ops.conv1d`
    activation : None or "relu", computed with the convolution in one pass

    Returns
    -------
    Tensor of shape [n, oc, ol]

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, conv1d
    >>> w = Tensor(np.ones((1, 1, 2)), requires_grad=True)
    >>> conv1d(np.arange(3.0).reshape(1, 1, 3), w).sum().backward()
    >>> w.grad.numpy().ravel().tolist()
    [1.0, 3.0]
    """
    geometry = stride, padding, dilation, groups
    return conv("conv1d", x, weight, bias, geometry, activation, padding_mode=padding_mode)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    activation: str | None = None,
) -> Tensor:
    """Cross-correlation of images with filters; the recorded form of `fastnn.ops.conv2d`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked.
    weight : [oc, c / groups, kh, kw].
    bias : [oc] or None.
    stride, padding, dilation, groups, padding_mode : as in `fastnn.ops.conv2d`.
    activation : None or "relu", computed with the convolution in one pass.

    Returns
    -------
    Tensor of shape [n, oc, oh, ow] whose data is Blocked.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, conv2d
    >>> w = Tensor(np.ones((1, 1, 2, 2), dtype=np.float32), requires_grad=True)
    >>> y = conv2d(np.ones((1, 1, 3, 3), dtype=np.float32), w)
    >>> y.numpy().ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    >>> y.sum().backward()
    >>> w.grad.numpy().ravel().tolist()
    [4.0, 4.0, 4.0, 4.0]
    """
    geometry = stride, padding, dilation, groups
    return conv("conv2d", x, weight, bias, geometry, activation, padding_mode=padding_mode)


def conv3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    padding_mode: str = "zeros",
    activation: str | None = None,
) -> Tensor:
    """Cross-correlation of volumes with filters; the recorded form of `fastnn.ops.conv3d`.

    Parameters
    ----------
    x : [n, c, d, h, w]
    weight : [oc, c / groups, kd, kh, kw]
    bias : [oc] or None
    stride, padding, dilation, groups, padding_mode : as in `fastnn.ops.conv3d`
    activation : None or "relu", computed with the convolution in one pass

    Returns
    -------
    Tensor of shape [n, oc, od, oh, ow]

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, conv3d
    >>> w = Tensor(np.ones((1, 1, 2, 1, 1)), requires_grad=True)
    >>> conv3d(np.arange(3.0).reshape(1, 1, 3, 1, 1), w).sum().backward()
    >>> w.grad.numpy().ravel().tolist()
    [1.0, 3.0]
    """
    geometry = stride, padding, dilation, groups
    return conv("conv3d", x, weight, bias, geometry, activation, padding_mode=padding_mode)
