"""Pooling layers."""

from __future__ import annotations

from typing import Any

from fastnn.autograd.pool import avg_pool2d, max_pool2d
from fastnn.autograd.tensor import Tensor
from fastnn.nn._arguments import count, pair
from fastnn.nn.module import Module

Size = int | tuple[int, int]


def _check_window(layer: str, kernel_size: Any, stride: Any, padding: Any) -> None:
    kernel = pair(layer, "kernel_size", kernel_size, 1)
    if stride is not None:
        pair(layer, "stride", stride, 1)
    if any(2 * p > k for p, k in zip(pair(layer, "padding", padding, 0), kernel, strict=True)):
        raise ValueError(f"{layer}: padding {padding} is more than half of kernel_size {kernel_size}")


class MaxPool2d(Module):
    """Maximum over windows of [n, c, h, w].

    Parameters
    ----------
    kernel_size, stride, padding, dilation : ints or pairs; stride None means kernel_size, padding counts as
        -inf.
    return_indices : return (result, indices) with the positions of the maxima within their planes.
    ceil_mode : keep windows that only start inside the image.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.MaxPool2d(2)(np.zeros((1, 3, 6, 6), dtype=np.float32)).shape
    (1, 3, 3, 3)
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        _check_window("MaxPool2d", kernel_size, stride, padding)
        pair("MaxPool2d", "dilation", dilation, 1)
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Result is [n, c, oh, ow], Blocked where x is."""
        window = self.kernel_size, self.stride, self.padding, self.dilation
        return max_pool2d(x, *window, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """Mean over windows of [n, c, h, w].

    Parameters
    ----------
    kernel_size, stride, padding : ints or pairs; stride None means kernel_size.
    ceil_mode : keep windows that only start inside the image.
    count_include_pad : whether the padding's zeros count as elements of the mean.
    divisor_override : divide the sum by this instead of the number of elements.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AvgPool2d(2)(np.ones((1, 1, 2, 2), dtype=np.float32)).item()
    1.0
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        _check_window("AvgPool2d", kernel_size, stride, padding)
        if divisor_override is not None:
            count("AvgPool2d", "divisor_override", divisor_override)
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.count_include_pad, self.divisor_override = (
            ceil_mode,
            count_include_pad,
            divisor_override,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, c, oh, ow], Blocked where x is."""
        window = self.kernel_size, self.stride, self.padding
        return avg_pool2d(x, *window, self.ceil_mode, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
