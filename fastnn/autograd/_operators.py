"""The operators and methods of `Tensor`; each is one call of a function of `fastnn.autograd`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastnn.autograd as F

if TYPE_CHECKING:
    from fastnn.autograd.tensor import Tensor

Axes = int | tuple[int, ...] | None


class Operators:
    """Mixin of `Tensor`."""

    __slots__ = ()

    # Arithmetic; the other operand may be a Tensor, an array or a number.

    def __add__(self: Any, other: Any) -> Tensor:
        return F.add(self, other)

    def __sub__(self: Any, other: Any) -> Tensor:
        return F.sub(self, other)

    def __mul__(self: Any, other: Any) -> Tensor:
        return F.mul(self, other)

    def __truediv__(self: Any, other: Any) -> Tensor:
        return F.div(self, other)

    def __pow__(self: Any, other: Any) -> Tensor:
        return F.pow(self, other)

    def __matmul__(self: Any, other: Any) -> Tensor:
        return F.matmul(self, other)

    def __radd__(self: Any, other: Any) -> Tensor:
        return F.add(other, self)

    def __rsub__(self: Any, other: Any) -> Tensor:
        return F.sub(other, self)

    def __rmul__(self: Any, other: Any) -> Tensor:
        return F.mul(other, self)

    def __rtruediv__(self: Any, other: Any) -> Tensor:
        return F.div(other, self)

    def __rpow__(self: Any, other: Any) -> Tensor:
        return F.pow(other, self)

    def __rmatmul__(self: Any, other: Any) -> Tensor:
        return F.matmul(other, self)

    def __neg__(self: Any) -> Tensor:
        return F.neg(self)

    def exp(self: Any) -> Tensor:
        return F.exp(self)

    def log(self: Any) -> Tensor:
        return F.log(self)

    def sqrt(self: Any) -> Tensor:
        return F.sqrt(self)

    def abs(self: Any) -> Tensor:
        return F.abs(self)

    def tanh(self: Any) -> Tensor:
        return F.tanh(self)

    def sigmoid(self: Any) -> Tensor:
        return F.sigmoid(self)

    def relu(self: Any) -> Tensor:
        return F.relu(self)

    # Comparison, element by element; never recorded.

    def __lt__(self: Any, other: Any) -> Tensor:
        return F.compare("less", self, other)

    def __le__(self: Any, other: Any) -> Tensor:
        return F.compare("less_equal", self, other)

    def __gt__(self: Any, other: Any) -> Tensor:
        return F.compare("greater", self, other)

    def __ge__(self: Any, other: Any) -> Tensor:
        return F.compare("greater_equal", self, other)

    def __eq__(self: Any, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else F.compare("equal", self, other)

    def __ne__(self: Any, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else F.compare("not_equal", self, other)

    __hash__ = object.__hash__

    # In place: the same Tensor object afterwards, see `fastnn.autograd.inplace`.

    def __iadd__(self: Any, other: Any) -> Tensor:
        return F.replace("add_", self, F.add(self, other))

    def __isub__(self: Any, other: Any) -> Tensor:
        return F.replace("sub_", self, F.sub(self, other))

    def __imul__(self: Any, other: Any) -> Tensor:
        return F.replace("mul_", self, F.mul(self, other))

    def __itruediv__(self: Any, other: Any) -> Tensor:
        return F.replace("div_", self, F.div(self, other))

    add_, sub_, mul_, div_ = __iadd__, __isub__, __imul__, __itruediv__

    def copy_(self: Any, source: Any) -> Tensor:
        """Take over the values of `source`, which must broadcast to this shape."""
        return F.copy_(self, source)

    def fill_(self: Any, value: float) -> Tensor:
        return F.copy_(self, value)

    def zero_(self: Any) -> Tensor:
        return F.copy_(self, 0)

    def __setitem__(self: Any, index: Any, value: Any) -> None:
        F.set_item(self, index, value)

    # Shape

    def __getitem__(self: Any, index: Any) -> Tensor:
        return F.get_item(self, index)

    def reshape(self: Any, *shape: Any) -> Tensor:
        return F.reshape(self, shape)

    view = reshape

    def flatten(self: Any, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        return F.flatten(self, start_dim, end_dim)

    def permute(self: Any, *dims: Any) -> Tensor:
        return F.permute(self, dims)

    def transpose(self: Any, dim0: int, dim1: int) -> Tensor:
        return F.transpose(self, dim0, dim1)

    @property
    def T(self: Any) -> Tensor:
        """All dimensions in reverse order."""
        return F.permute(self, tuple(range(self.ndim))[::-1])

    def squeeze(self: Any, dim: int | None = None) -> Tensor:
        return F.squeeze(self, dim)

    def unsqueeze(self: Any, dim: int) -> Tensor:
        return F.unsqueeze(self, dim)

    def clone(self: Any) -> Tensor:
        """The same values in memory of their own."""
        return F.clone(self)

    # Reduction

    def sum(self: Any, dim: Axes = None, keepdim: bool = False) -> Tensor:
        return F.sum(self, dim, keepdim)

    def mean(self: Any, dim: Axes = None, keepdim: bool = False) -> Tensor:
        return F.mean(self, dim, keepdim)

    def amax(self: Any, dim: Axes = None, keepdim: bool = False) -> Tensor:
        return F.amax(self, dim, keepdim)

    def amin(self: Any, dim: Axes = None, keepdim: bool = False) -> Tensor:
        return F.amin(self, dim, keepdim)

    def max(self: Any) -> Tensor:
        return F.amax(self)

    def min(self: Any) -> Tensor:
        return F.amin(self)

    def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return F.argmax(self, dim, keepdim)
