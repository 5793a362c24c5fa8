"""Convolution layers."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from fastnn import ops
from fastnn.nn._conv import Conv


class Conv1d(Conv):
    """Cross-correlation of [n, in_channels, l] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype : as for
        `Conv2d`, with one size where that has two.

    Attributes
    ----------
    weight : [out_channels, in_channels / groups, k], uniform in +-1/sqrt(fan_in) at first.
    bias : [out_channels] or None, uniform in the same range.

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `Conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Conv1d(3, 8, kernel_size=3, dilation=2)(np.zeros((2, 3, 9), dtype=np.float32)).shape
    (2, 8, 5)
    """

    op, rank, pack = "conv1d", 1, staticmethod(ops.pack_conv1d)
    fuses_relu = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: int | tuple[int] | str = 0,
        dilation: int | tuple[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        channels = in_channels, out_channels
        self._set_up(
            channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )


class Conv2d(Conv):
    """Cross-correlation of [n, in_channels, h, w] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels : multiples of `groups`.
    kernel_size, stride, padding, dilation : ints or pairs (vertical, horizontal); padding also "same" or
        "valid".
    groups : number of channel groups that do not see each other.
    bias : whether there is one.
    padding_mode : "zeros", "reflect", "replicate" or "circular".
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
        For a device or dtype that is not supported.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> layer = nn.Conv2d(3, 8, kernel_size=3, padding=1)
    >>> layer(np.zeros((2, 3, 5, 5), dtype=np.float32)).shape
    (2, 8, 5, 5)
    """

    op, rank, pack = "conv2d", 2, staticmethod(ops.pack_conv2d)
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
        channels = in_channels, out_channels
        self._set_up(
            channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )


class Conv3d(Conv):
    """Cross-correlation of [n, in_channels, d, h, w] with trained filters, plus bias.

    Parameters
    ----------
    in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, dtype : as for
        `Conv2d`, with three sizes (depth, vertical, horizontal) where that has two.

    Attributes
    ----------
    weight : [out_channels, in_channels / groups, kd, kh, kw], uniform in +-1/sqrt(fan_in) at first.
    bias : [out_channels] or None, uniform in the same range.

    Raises
    ------
    ValueError, TypeError, NotImplementedError
        As `Conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Conv3d(3, 8, kernel_size=3, padding=1)(np.zeros((2, 3, 4, 5, 5), dtype=np.float32)).shape
    (2, 8, 4, 5, 5)
    """

    op, rank, pack = "conv3d", 3, staticmethod(ops.pack_conv3d)
    fuses_relu = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] = 1,
        padding: int | tuple[int, int, int] | str = 0,
        dilation: int | tuple[int, int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        channels = in_channels, out_channels
        self._set_up(
            channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
