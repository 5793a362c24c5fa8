"""Layers that take images apart into their windows, and put them together again."""

from __future__ import annotations

from fastnn.autograd.im2col import col2im, im2col
from fastnn.autograd.tensor import Tensor
from fastnn.nn._arguments import pair
from fastnn.nn.module import Module

Size = int | tuple[int, int]


class Unfold(Module):
    """The windows of [n, c, h, w] as columns: [n, c * kh * kw, oh * ow], see `fastnn.ops.im2col`.

    Parameters
    ----------
    kernel_size, dilation, padding, stride : ints or pairs (vertical, horizontal).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Unfold(kernel_size=3, padding=1)(np.zeros((2, 4, 5, 6), dtype=np.float32)).shape
    (2, 36, 30)
    """

    def __init__(self, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> None:
        self.kernel_size = pair("Unfold", "kernel_size", kernel_size, 1)
        self.dilation = pair("Unfold", "dilation", dilation, 1)
        self.padding = pair("Unfold", "padding", padding, 0)
        self.stride = pair("Unfold", "stride", stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Result is a plain array."""
        return im2col(x, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """Columns [n, c * kh * kw, oh * ow] summed into images [n, c, h, w], see `fastnn.ops.col2im`.

    Parameters
    ----------
    output_size : (h, w), or one int for both.
    kernel_size, dilation, padding, stride : ints or pairs (vertical, horizontal).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Fold((5, 6), kernel_size=3, padding=1)(np.zeros((2, 36, 30), dtype=np.float32)).shape
    (2, 4, 5, 6)
    """

    def __init__(
        self, output_size: Size, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
    ) -> None:
        self.output_size = pair("Fold", "output_size", output_size, 1)
        self.kernel_size = pair("Fold", "kernel_size", kernel_size, 1)
        self.dilation = pair("Fold", "dilation", dilation, 1)
        self.padding = pair("Fold", "padding", padding, 0)
        self.stride = pair("Fold", "stride", stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Result is a plain NCHW array."""
        return col2im(x, self.output_size, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
