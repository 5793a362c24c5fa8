"""Transposed convolution layers."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from fastnn import ops
from fastnn.nn._arguments import sizes
from fastnn.nn._conv import ConvTranspose


class ConvTranspose1d(ConvTranspose):
    """Transposed convolution of [n, in_channels, l] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels : multiples of `groups`.
    kernel_size, stride, padding, dilation : ints; padding is cut off the result.
    output_padding : added to the result at its end; less than stride or dilation.
    groups : number of channel groups that do not see each other.
    bias : whether there is one.
    padding_mode : "zeros".
    dtype : of the parameters, float32 or float64.

    Attributes
    ----------
    weight : [in_channels, out_channels / groups, k], uniform in +-1/sqrt(fan_in) at first, where fan_in counts
        what PyTorch counts: out_channels / groups times the kernel's size.
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
    >>> nn.ConvTranspose1d(4, 8, kernel_size=2, stride=2)(np.zeros((1, 4, 5), dtype=np.float32)).shape
    (1, 8, 10)
    """

    op, rank, pack = "conv_transpose1d", 1, staticmethod(ops.pack_conv_transpose1d)
    fuses_relu = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: int | tuple[int] = 0,
        output_padding: int | tuple[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        channels = in_channels, out_channels
        self._set_up(
            channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = sizes("ConvTranspose1d", "output_padding", output_padding, 0, 1)


class ConvTranspose2d(ConvTranspose):
    """Transposed convolution of [n, in_channels, h, w] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels : multiples of `groups`.
    kernel_size, stride, padding, dilation : ints or pairs (vertical, horizontal); padding is cut off the result.
    output_padding : added to the result at its end; less than stride or dilation.
    groups : number of channel groups that do not see each other.
    bias : whether there is one.
    padding_mode : "zeros".
    dtype : of the parameters, float32 or float64.

    Attributes
    ----------
    weight : [in_channels, out_channels / groups, kh, kw], uniform in +-1/sqrt(fan_in) at first, where fan_in counts
        what PyTorch counts: out_channels / groups times the kernel's size.
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
    >>> nn.ConvTranspose2d(4, 8, kernel_size=2, stride=2)(np.zeros((1, 4, 5, 6), dtype=np.float32)).shape
    (1, 8, 10, 12)
    """

    op, rank, pack = "conv_transpose2d", 2, staticmethod(ops.pack_conv_transpose2d)
    fuses_relu = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        output_padding: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        channels = in_channels, out_channels
        self._set_up(
            channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = sizes("ConvTranspose2d", "output_padding", output_padding, 0, 2)


class ConvTranspose3d(ConvTranspose):
    """Transposed convolution of [n, in_channels, d, h, w] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels : multiples of `groups`.
    kernel_size, stride, padding, dilation : ints or three (depth, vertical, horizontal); padding is cut off the result.
    output_padding : added to the result at its end; less than stride or dilation.
    groups : number of channel groups that do not see each other.
    bias : whether there is one.
    padding_mode : "zeros".
    dtype : of the parameters, float32 or float64.

    Attributes
    ----------
    weight : [in_channels, out_channels / groups, kd, kh, kw], uniform in +-1/sqrt(fan_in) at first, where fan_in counts
        what PyTorch counts: out_channels / groups times the kernel's size.
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
    >>> nn.ConvTranspose3d(4, 8, kernel_size=2, stride=2)(np.zeros((1, 4, 2, 3, 3), dtype=np.float32)).shape
    (1, 8, 4, 6, 6)
    """

    op, rank, pack = "conv_transpose3d", 3, staticmethod(ops.pack_conv_transpose3d)
    fuses_relu = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] = 1,
        padding: int | tuple[int, int, int] = 0,
        output_padding: int | tuple[int, int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | tuple[int, int, int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        channels = in_channels, out_channels
        self._set_up(
            channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = sizes("ConvTranspose3d", "output_padding", output_padding, 0, 3)
