"""Convolution on the tape."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.activation import check_activation
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops._blocked import new_image
from fastnn.ops.conv import conv_params


def blocked_result(x: Any, weight: Any, *options: Any) -> ops.Blocked:
    """Where a first layer writes: memory for the result of a plain x as Blocked."""
    return new_image(conv_params("conv2d", x.shape, weight.shape, *options).y_shape, x.dtype)


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    *,
    activation: str | None = None,
) -> Tensor:
    """Cross-correlation of images with filters; the recorded form of `fastnn.ops.conv2d`.

    Parameters
    ----------
    x : [n, c, h, w], plain or Blocked.
    weight : [oc, c / groups, kh, kw].
    bias : [oc] or None.
    stride, padding, dilation, groups : as in `fastnn.ops.conv2d`.
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
    x, weight = as_tensor(x), as_tensor(weight)
    bias = as_tensor(bias) if bias is not None else None
    check_activation("conv2d", activation)
    xd, wd = x.data, weight.data
    out = None if type(xd) is ops.Blocked else blocked_result(xd, wd, stride, padding, dilation, groups)
    bd = None if bias is None else bias.data
    y = ops.conv2d(xd, wd, bd, stride, padding, dilation, groups, activation=activation, out=out)
    if not recording(x, weight, bias):
        return wrap(y)
    need_x, need_w, need_b = x.requires_grad, weight.requires_grad, bias is not None and bias.requires_grad

    def backward(gy: Any) -> Gradients:
        gx = gw = gb = None
        if need_x:
            gx = ops.conv2d_grad_input(gy, wd, xd.shape, stride, padding, dilation, groups)
            if type(xd) is not ops.Blocked:
                gx = gx.numpy()
        if need_w:
            gw = ops.conv2d_grad_weight(gy, xd, wd.shape, stride, padding, dilation, groups)
        if need_b:
            gb = ops.conv2d_grad_bias(gy)
        return gx, gw, gb

    return record(y, (x, weight, bias), backward, (x, weight), rectified=activation is not None)
