"""Pooling layers: means, and results of a given size."""

from __future__ import annotations

from typing import Any

from fastnn import autograd
from fastnn.autograd.tensor import Tensor
from fastnn.nn._arguments import count, sizes
from fastnn.nn.module import Module
from fastnn.nn.pool import Size, _check_window


class _AvgPool(Module):
    """Mean over windows of an image of `rank` axes."""

    rank: int
    divisor_override: int | None = None

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        _check_window(type(self).__name__, self.rank, kernel_size, stride, padding)
        self.kernel_size, self.padding = kernel_size, padding
        self.stride = kernel_size if stride is None else stride
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, c, ...], Blocked where x is."""
        pool = getattr(autograd, f"avg_pool{self.rank}d")
        window = self.kernel_size, self.stride, self.padding
        return pool(x, *window, self.ceil_mode, self.count_include_pad, self.divisor_override)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _Divided(_AvgPool):
    """With `divisor_override`, which a 1-D layer of PyTorch lacks."""

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding, ceil_mode, count_include_pad)
        if divisor_override is not None:
            count(type(self).__name__, "divisor_override", divisor_override)
        self.divisor_override = divisor_override


class _Adaptive(Module):
    """Pooling of an image of `rank` axes to a given size."""

    rank: int

    def __init__(self, output_size: Any) -> None:
        asked = output_size if isinstance(output_size, (tuple, list)) else (output_size,)
        given = [size for size in asked if size is not None]
        if len(asked) not in (1, self.rank):
            raise TypeError(f"{type(self).__name__}: output_size must be one size or {self.rank}, is {output_size!r}")
        for size in given:
            sizes(type(self).__name__, "output_size", size, 1, 1)
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPool(_Adaptive):
    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, c, *output_size], Blocked where x is."""
        return getattr(autograd, f"adaptive_avg_pool{self.rank}d")(x, self.output_size)


class _AdaptiveMaxPool(_Adaptive):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Result is [n, c, *output_size], Blocked where x is."""
        return getattr(autograd, f"adaptive_max_pool{self.rank}d")(x, self.output_size, self.return_indices)


class AvgPool1d(_AvgPool):
    """Mean over windows of [n, c, l].

    Parameters
    ----------
    kernel_size, stride, padding : int; stride None means kernel_size.
    ceil_mode : keep windows that only start inside the image.
    count_include_pad : whether the padding's zeros count as elements of the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AvgPool1d(2)(np.ones((1, 1, 2), dtype=np.float32)).item()
    1.0
    """

    rank = 1


class AvgPool2d(_Divided):
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

    rank = 2


class AvgPool3d(_Divided):
    """Mean over windows of [n, c, d, h, w].

    Parameters
    ----------
    kernel_size, stride, padding : ints or triples; stride None means kernel_size.
    ceil_mode : keep windows that only start inside the image.
    count_include_pad : whether the padding's zeros count as elements of the mean.
    divisor_override : divide the sum by this instead of the number of elements.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AvgPool3d(2)(np.ones((1, 1, 2, 2, 2), dtype=np.float32)).item()
    1.0
    """

    rank = 3


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Mean over windows that divide [n, c, l] evenly into `output_size` results.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AdaptiveAvgPool1d(3)(np.ones((1, 2, 7), dtype=np.float32)).shape
    (1, 2, 3)
    """

    rank = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Mean over windows that divide [n, c, h, w] evenly into `output_size` results.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AdaptiveAvgPool2d(3)(np.ones((1, 2, 7, 7), dtype=np.float32)).shape
    (1, 2, 3, 3)
    """

    rank = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Mean over windows that divide [n, c, d, h, w] evenly into `output_size` results.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AdaptiveAvgPool3d(3)(np.ones((1, 2, 7, 7, 7), dtype=np.float32)).shape
    (1, 2, 3, 3, 3)
    """

    rank = 3


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maximum over windows that divide [n, c, l] evenly into `output_size` results.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AdaptiveMaxPool1d(3)(np.ones((1, 2, 7), dtype=np.float32)).shape
    (1, 2, 3)
    """

    rank = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maximum over windows that divide [n, c, h, w] evenly into `output_size` results.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AdaptiveMaxPool2d(3)(np.ones((1, 2, 7, 7), dtype=np.float32)).shape
    (1, 2, 3, 3)
    """

    rank = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maximum over windows that divide [n, c, d, h, w] evenly into `output_size` results.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.AdaptiveMaxPool3d(3)(np.ones((1, 2, 7, 7, 7), dtype=np.float32)).shape
    (1, 2, 3, 3, 3)
    """

    rank = 3
