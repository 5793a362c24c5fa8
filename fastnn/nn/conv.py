"""Convolution layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastnn import ops
from fastnn.autograd._tape import mode
from fastnn.autograd.conv import blocked_result, conv2d
from fastnn.autograd.tensor import Tensor, wrap
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype, pair
from fastnn.nn._packed import Entry, packed
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class Conv2d(Module):
    """Cross-correlation of [n, in_channels, h, w] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels : multiples of `groups`.
    kernel_size, stride, padding, dilation : ints or pairs (vertical, horizontal); padding also "same" or
        "valid".
    groups : number of channel groups that do not see each other.
    bias : whether there is one.
    padding_mode : "zeros".
    dtype : of the parameters, float32 or float64.

    Attributes
    ----------
    weight : [out_channels, in_channels / groups, kh, kw], uniform in +-1/sqrt(fan_in) at first.
    bias : [out_channels] or None, uniform in the same range.

    Raises
    ------
    ValueError, TypeError
        For sizes that make no sense.
    NotImplementedError
        For a padding mode, device or dtype that is not supported.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> layer = nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> layer(np.zeros((2, 3, 5, 5), dtype=np.float32)).shape
    (2, 8, 5, 5)
    """

    _packed: Entry | None = None
    fuses_relu = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if padding_mode != "zeros":
            known = padding_mode in ("reflect", "replicate", "circular")
            raise (NotImplementedError if known else ValueError)(
                f"Conv2d: padding_mode={padding_mode!r}; only 'zeros' is supported"
            )
        self.in_channels = count("Conv2d", "in_channels", in_channels)
        self.out_channels = count("Conv2d", "out_channels", out_channels)
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size, 1)
        self.stride = pair("Conv2d", "stride", stride, 1)
        self.dilation = pair("Conv2d", "dilation", dilation, 1)
        self.groups = count("Conv2d", "groups", groups)
        self.padding = self._check_padding(padding)
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ValueError(
                f"Conv2d: in_channels ({in_channels}) and out_channels ({out_channels}) must be multiples of "
                f"groups ({groups})"
            )
        wanted = float_dtype("Conv2d", device, dtype)
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, dtype=wanted))
        self.bias = Parameter(np.empty(self.out_channels, dtype=wanted)) if bias else None
        self.reset_parameters()

    def _check_padding(self, padding: Any) -> tuple[int, int] | str:
        if not isinstance(padding, str):
            return pair("Conv2d", "padding", padding, 0)
        if padding not in ("same", "valid"):
            raise ValueError(f"Conv2d: padding must be sizes, 'same' or 'valid', is {padding!r}")
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f"Conv2d: padding='same' needs stride 1, stride is {self.stride}")
        return padding

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as PyTorch does."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(math.prod(self.weight.shape[1:]))
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor, activation: str | None = None) -> Tensor:
        """Result is [n, out_channels, oh, ow], Blocked; `activation` ("relu") costs no pass of its own."""
        options = self.stride, self.padding, self.dilation, self.groups
        if not self.training and not mode.enabled:
            filters = packed(self, options, activation, ops.pack_conv2d)
            if filters is not None:
                if type(x.data) is ops.Blocked:
                    return wrap(filters(x.data))
                return wrap(filters(x.data, out=blocked_result(x.data, self.weight.data, *options)))
        return conv2d(x, self.weight, self.bias, *options, activation=activation)

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if self.bias is not None else text + ", bias=False"
