"""Transposed convolution on the tape."""

from __future__ import annotations

from typing import Any

from fastnn.autograd._conv import conv
from fastnn.autograd.tensor import Tensor


def conv_transpose1d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: str | None = None,
) -> Tensor:
    """Transposed convolution of sequences; the recorded form of `fastnn.ops.conv_transpose1d`.

    Parameters
    ----------
    x : [n, c, l]
    weight : [c, oc / groups, k]
    bias : [oc] or None
    stride, padding, output_padding, groups, dilation : as in `fastnn.ops.conv_transpose1d`
    activation : None or "relu", computed with the convolution in one pass

    Returns
    -------
    Tensor of shape [n, oc, ol]

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, conv_transpose1d
    >>> w = Tensor(np.ones((1, 1, 2)), requires_grad=True)
    >>> y = conv_transpose1d(np.array([[[1.0, 2.0]]]), w, stride=2)
    >>> y.sum().backward()
    >>> y.shape, w.grad.numpy().ravel().tolist()
    ((1, 1, 4), [3.0, 3.0])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv("conv_transpose1d", x, weight, bias, geometry, activation)


def conv_transpose2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: str | None = None,
) -> Tensor:
    """Transposed convolution of images; the recorded form of `fastnn.ops.conv_transpose2d`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked
    weight : [c, oc / groups, kh, kw]
    bias : [oc] or None
    stride, padding, output_padding, groups, dilation : as in `fastnn.ops.conv_transpose2d`
    activation : None or "relu", computed with the convolution in one pass

    Returns
    -------
    Tensor of shape [n, oc, oh, ow] whose data is Blocked

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, conv_transpose2d
    >>> w = Tensor(np.ones((1, 1, 1, 2)), requires_grad=True)
    >>> y = conv_transpose2d(np.array([[[[1.0, 2.0]]]]), w, stride=2)
    >>> y.sum().backward()
    >>> y.shape, w.grad.numpy().ravel().tolist()
    ((1, 1, 1, 4), [3.0, 3.0])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv("conv_transpose2d", x, weight, bias, geometry, activation)


def conv_transpose3d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    *,
    activation: str | None = None,
) -> Tensor:
    """Transposed convolution of volumes; the recorded form of `fastnn.ops.conv_transpose3d`.

    Parameters
    ----------
    x : [n, c, d, h, w]
    weight : [c, oc / groups, kd, kh, kw]
    bias : [oc] or None
    stride, padding, output_padding, groups, dilation : as in `fastnn.ops.conv_transpose3d`
    activation : None or "relu", computed with the convolution in one pass

    Returns
    -------
    Tensor of shape [n, oc, od, oh, ow]

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn.autograd import Tensor, conv_transpose3d
    >>> w = Tensor(np.ones((1, 1, 1, 1, 2)), requires_grad=True)
    >>> y = conv_transpose3d(np.array([[[[[1.0, 2.0]]]]]), w, stride=2)
    >>> y.sum().backward()
    >>> y.shape, w.grad.numpy().ravel().tolist()
    ((1, 1, 1, 1, 4), [3.0, 3.0])
    """
    geometry = stride, padding, output_padding, groups, dilation
    return conv("conv_transpose3d", x, weight, bias, geometry, activation)
