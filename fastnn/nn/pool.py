"""Pooling layers: maxima, means, power averages, and the undoing of maxima."""

from __future__ import annotations

from typing import Any

from fastnn import autograd
from fastnn.autograd.tensor import Tensor
from fastnn.nn._arguments import sizes
from fastnn.nn.module import Module

Size = int | tuple[int, ...]


def _check_window(layer: str, rank: int, kernel_size: Any, stride: Any, padding: Any) -> None:
    kernel = sizes(layer, "kernel_size", kernel_size, 1, rank)
    if stride is not None:
        sizes(layer, "stride", stride, 1, rank)
    if any(2 * p > k for p, k in zip(sizes(layer, "padding", padding, 0, rank), kernel, strict=True)):
        raise ValueError(f"{layer}: padding {padding} is more than half of kernel_size {kernel_size}")


class _MaxPool(Module):
    """Maximum over windows of an image of `rank` axes."""

    rank: int

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        layer = type(self).__name__
        _check_window(layer, self.rank, kernel_size, stride, padding)
        sizes(layer, "dilation", dilation, 1, self.rank)
        self.kernel_size, self.padding, self.dilation = kernel_size, padding, dilation
        self.stride = kernel_size if stride is None else stride
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Result is [n, c, ...], Blocked where x is."""
        pool = getattr(autograd, f"max_pool{self.rank}d")
        window = self.kernel_size, self.stride, self.padding, self.dilation
        return pool(x, *window, self.ceil_mode, self.return_indices)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class _MaxUnpool(Module):
    """Values back at the positions that max pooling of an image of `rank` axes took them from."""

    rank: int

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        _check_window(type(self).__name__, self.rank, kernel_size, stride, padding)
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride

    def forward(self, x: Tensor, indices: Any, output_size: Any = None) -> Tensor:
        """Result is [n, c, ...], of `output_size` where that is given."""
        unpool = getattr(autograd, f"max_unpool{self.rank}d")
        return unpool(x, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPool(Module):
    """(sum of x^p)^(1/p) over windows of an image of `rank` axes."""

    rank: int

    def __init__(
        self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
    ) -> None:
        layer = type(self).__name__
        _check_window(layer, self.rank, kernel_size, stride, 0)
        if not norm_type > 0:
            raise ValueError(f"{layer}: norm_type must be positive, is {norm_type}")
        self.norm_type, self.kernel_size, self.stride, self.ceil_mode = norm_type, kernel_size, stride, ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, c, ...], Blocked where x is."""
        pool = getattr(autograd, f"lp_pool{self.rank}d")
        return pool(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """Maximum over windows of [n, c, l].

    Parameters
    ----------
    kernel_size, stride, padding, dilation : int; stride None means kernel_size, padding counts as -inf.
    return_indices : return (result, indices) with the positions of the maxima within their channels.
    ceil_mode : keep windows that only start inside the image.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.MaxPool1d(2)(np.zeros((1, 3, 6), dtype=np.float32)).shape
    (1, 3, 3)
    """

    rank = 1


class MaxPool2d(_MaxPool):
    """Maximum over windows of [n, c, h, w].

    Parameters
    ----------
    kernel_size, stride, padding, dilation : ints or pairs; stride None means kernel_size, padding counts as -inf.
    return_indices : return (result, indices) with the positions of the maxima within their channels.
    ceil_mode : keep windows that only start inside the image.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.MaxPool2d(2)(np.zeros((1, 3, 6, 6), dtype=np.float32)).shape
    (1, 3, 3, 3)
    """

    rank = 2


class MaxPool3d(_MaxPool):
    """Maximum over windows of [n, c, d, h, w].

    Parameters
    ----------
    kernel_size, stride, padding, dilation : ints or triples; stride None means kernel_size, padding counts as -inf.
    return_indices : return (result, indices) with the positions of the maxima within their channels.
    ceil_mode : keep windows that only start inside the image.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.MaxPool3d(2)(np.zeros((1, 3, 6, 6, 6), dtype=np.float32)).shape
    (1, 3, 3, 3, 3)
    """

    rank = 3


class MaxUnpool1d(_MaxUnpool):
    """Undoes `MaxPool1d(kernel_size, stride, padding, return_indices=True)`; other positions are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y, indices = nn.MaxPool1d(2, return_indices=True)(np.zeros((1, 3, 6)))
    >>> nn.MaxUnpool1d(2)(y, indices).shape
    (1, 3, 6)
    """

    rank = 1


class MaxUnpool2d(_MaxUnpool):
    """Undoes `MaxPool2d(kernel_size, stride, padding, return_indices=True)`; other positions are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y, indices = nn.MaxPool2d(2, return_indices=True)(np.zeros((1, 3, 6, 6)))
    >>> nn.MaxUnpool2d(2)(y, indices).shape
    (1, 3, 6, 6)
    """

    rank = 2


class MaxUnpool3d(_MaxUnpool):
    """Undoes `MaxPool3d(kernel_size, stride, padding, return_indices=True)`; other positions are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y, indices = nn.MaxPool3d(2, return_indices=True)(np.zeros((1, 3, 6, 6, 6)))
    >>> nn.MaxUnpool3d(2)(y, indices).shape
    (1, 3, 6, 6, 6)
    """

    rank = 3


class LPPool1d(_LPPool):
    """(sum of x^p)^(1/p) over windows of [n, c, l], p = norm_type.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y = nn.LPPool1d(2, 2)(np.full((1, 1, 2), 2.0, dtype=np.float32))
    >>> round(y.item(), 4)
    2.8284
    """

    rank = 1


class LPPool2d(_LPPool):
    """(sum of x^p)^(1/p) over windows of [n, c, h, w], p = norm_type.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y = nn.LPPool2d(2, 2)(np.full((1, 1, 2, 2), 2.0, dtype=np.float32))
    >>> round(y.item(), 4)
    4.0
    """

    rank = 2


class LPPool3d(_LPPool):
    """(sum of x^p)^(1/p) over windows of [n, c, d, h, w], p = norm_type.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> y = nn.LPPool3d(2, 2)(np.full((1, 1, 2, 2, 2), 2.0, dtype=np.float32))
    >>> round(y.item(), 4)
    5.6569
    """

    rank = 3
