"""Padding layers: one class for each mode and number of dimensions, as PyTorch has them."""

from __future__ import annotations

import numpy as np

from fastnn.autograd.pad import pad
from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module


class _Pad(Module):
    """Padding of the last `_dims` dimensions in one mode, see `fastnn.ops.pad`.

    `padding` is one int for all sides, or (left, right, top, bottom, front, back) as far as `_dims` goes.
    Negative sizes crop (not in circular mode).
    """

    _mode = "constant"
    _dims = 2

    def __init__(self, padding: int | tuple[int, ...]) -> None:
        name, sides = type(self).__name__, 2 * self._dims
        sizes = tuple(padding) if isinstance(padding, (tuple, list)) else (padding,) * sides
        if len(sizes) != sides:
            raise ValueError(f"{name}: padding must be an int or {sides} of them, is {padding!r}")
        if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in sizes):
            raise TypeError(f"{name}: padding must be an int or {sides} of them, is {padding!r}")
        self.padding = tuple(int(n) for n in sizes)

    def _check_rank(self, x: Tensor) -> None:
        if len(x.shape) not in (self._dims + 1, self._dims + 2):
            raise ValueError(
                f"{type(self).__name__}: x must have {self._dims + 1} or {self._dims + 2} dimensions, "
                f"got shape {tuple(x.shape)}"
            )

    def forward(self, x: Tensor) -> Tensor:
        """Result is Blocked where x is."""
        self._check_rank(x)
        return pad(x, self.padding, self._mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(_Pad):
    def __init__(self, padding: int | tuple[int, ...], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        """Result is Blocked where x is."""
        self._check_rank(x)
        return pad(x, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A constant around the last dimension.

    `padding` is one int or (left, right).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ConstantPad1d(1, 2.5)(np.zeros((2, 3, 5))).shape
    (2, 3, 7)
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """A constant around height and width.

    `padding` is one int or (left, right, top, bottom).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ConstantPad2d(1, 2.5)(np.zeros((2, 3, 5, 6))).shape
    (2, 3, 7, 8)
    """

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """A constant around depth, height and width.

    `padding` is one int or (left, right, top, bottom, front, back).
    """

    _dims = 3


class ZeroPad1d(_Pad):
    """Zeros around the last dimension.

    `padding` is one int or (left, right).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ZeroPad1d(1)(np.zeros((2, 3, 5))).shape
    (2, 3, 7)
    """

    _dims = 1


class ZeroPad2d(_Pad):
    """Zeros around height and width.

    `padding` is one int or (left, right, top, bottom).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ZeroPad2d(1)(np.zeros((2, 3, 5, 6))).shape
    (2, 3, 7, 8)
    """

    _dims = 2


class ZeroPad3d(_Pad):
    """Zeros around depth, height and width.

    `padding` is one int or (left, right, top, bottom, front, back).
    """

    _dims = 3


class ReflectionPad1d(_Pad):
    """The last dimension mirrored at the edge elements.

    `padding` is one int or (left, right).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ReflectionPad1d(1)(np.zeros((2, 3, 5))).shape
    (2, 3, 7)
    """

    _mode = "reflect"
    _dims = 1


class ReflectionPad2d(_Pad):
    """Height and width mirrored at the edge elements.

    `padding` is one int or (left, right, top, bottom).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ReflectionPad2d(1)(np.zeros((2, 3, 5, 6))).shape
    (2, 3, 7, 8)
    """

    _mode = "reflect"
    _dims = 2


class ReflectionPad3d(_Pad):
    """Depth, height and width mirrored at the edge elements.

    `padding` is one int or (left, right, top, bottom, front, back).
    """

    _mode = "reflect"
    _dims = 3


class ReplicationPad1d(_Pad):
    """The last dimension continued by the edge elements.

    `padding` is one int or (left, right).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ReplicationPad1d(1)(np.zeros((2, 3, 5))).shape
    (2, 3, 7)
    """

    _mode = "replicate"
    _dims = 1


class ReplicationPad2d(_Pad):
    """Height and width continued by the edge elements.

    `padding` is one int or (left, right, top, bottom).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ReplicationPad2d(1)(np.zeros((2, 3, 5, 6))).shape
    (2, 3, 7, 8)
    """

    _mode = "replicate"
    _dims = 2


class ReplicationPad3d(_Pad):
    """Depth, height and width continued by the edge elements.

    `padding` is one int or (left, right, top, bottom, front, back).
    """

    _mode = "replicate"
    _dims = 3


class CircularPad1d(_Pad):
    """The last dimension continued by the other end.

    `padding` is one int or (left, right).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.CircularPad1d(1)(np.zeros((2, 3, 5))).shape
    (2, 3, 7)
    """

    _mode = "circular"
    _dims = 1


class CircularPad2d(_Pad):
    """Height and width continued by the other end.

    `padding` is one int or (left, right, top, bottom).

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.CircularPad2d(1)(np.zeros((2, 3, 5, 6))).shape
    (2, 3, 7, 8)
    """

    _mode = "circular"
    _dims = 2


class CircularPad3d(_Pad):
    """Depth, height and width continued by the other end.

    `padding` is one int or (left, right, top, bottom, front, back).
    """

    _mode = "circular"
    _dims = 3
