"""The operators and methods of `Tensor`; each is one call of a function of `fastnn.autograd`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastnn.autograd as F

if TYPE_CHECKING:
    from fastnn.autograd.tensor import Tensor

Axes = int | tuple[int, ...] | None
Number = float  # the name `float` is a method below


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

    def sin(self: Any) -> Tensor:
        return F.sin(self)

    def cos(self: Any) -> Tensor:
        return F.cos(self)

    def pow(self: Any, exponent: Any) -> Tensor:
        return F.pow(self, exponent)

    def square(self: Any) -> Tensor:
        return F.mul(self, self)

    def clamp(self: Any, min: Number | None = None, max: Number | None = None) -> Tensor:
        return F.clip(self, min, max)

    clip = clamp

    def matmul(self: Any, other: Any) -> Tensor:
        return F.matmul(self, other)

    def softmax(self: Any, dim: int) -> Tensor:
        return F.softmax(self, dim)

    def log_softmax(self: Any, dim: int) -> Tensor:
        return F.log_softmax(self, dim)

    # Dtype and device

    def to(self: Any, *args: Any, dtype: Any = None, device: Any = None) -> Tensor:
        """The values in another dtype, on another device, or both, recorded; the tensor itself where nothing changes.

        ``to(dtype)``, ``to("cuda")``, ``to("cpu", dtype)``, ``to(other)`` for both of another tensor.
        """
        return F.to(self, *args, dtype=dtype, device=device)

    def cpu(self: Any) -> Tensor:
        """``to("cpu")``."""
        return F.to(self, "cpu")

    def cuda(self: Any) -> Tensor:
        """``to("cuda")``: on the current GPU."""
        return F.to(self, "cuda")

    def float(self: Any) -> Tensor:
        return F.astype(self, "float32")

    def double(self: Any) -> Tensor:
        return F.astype(self, "float64")

    def long(self: Any) -> Tensor:
        return F.astype(self, "int64")

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

    def __and__(self: Any, other: Any) -> Tensor:
        return F.compare("bitwise_and", self, other)

    def __or__(self: Any, other: Any) -> Tensor:
        return F.compare("bitwise_or", self, other)

    def __invert__(self: Any) -> Tensor:
        return F.compare("bitwise_xor", self, True) if self.dtype == "bool" else F.compare("bitwise_xor", self, -1)

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

    def fill_(self: Any, value: Number) -> Tensor:
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

    def expand(self: Any, *shape: Any) -> Tensor:
        return F.expand(self, shape)

    def split(self: Any, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
        return F.split(self, split_size, dim)

    def chunk(self: Any, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        return F.chunk(self, chunks, dim)

    def flip(self: Any, *dims: int) -> Tensor:
        return F.flip(self, dims)

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

    def var(self: Any, dim: Axes = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return F.var(self, dim, correction, keepdim)

    def std(self: Any, dim: Axes = None, correction: int = 1, keepdim: bool = False) -> Tensor:
        return F.std(self, dim, correction, keepdim)

    def prod(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return F.prod(self, dim, keepdim)

    def cumsum(self: Any, dim: int) -> Tensor:
        return F.cumsum(self, dim)

    def logsumexp(self: Any, dim: Axes = None, keepdim: bool = False) -> Tensor:
        return F.logsumexp(self, dim, keepdim)

    def any(self: Any) -> bool:
        return bool(self.numpy().any())

    def all(self: Any) -> bool:
        return bool(self.numpy().all())

    # Choosing

    def max(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        return F.max(self, dim, keepdim)

    def min(self: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        return F.min(self, dim, keepdim)

    def argmax(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return F.argmax(self, dim, keepdim)

    def argmin(self: Any, dim: int | None = None, keepdim: bool = False) -> Tensor:
        return F.argmin(self, dim, keepdim)

    def argsort(self: Any, dim: int = -1, descending: bool = False) -> Tensor:
        return F.argsort(self, dim, descending)

    def topk(self: Any, k: int, dim: int = -1) -> Any:
        return F.topk(self, k, dim)

    def gather(self: Any, dim: int, index: Any) -> Tensor:
        return F.gather(self, dim, index)

    def where(self: Any, condition: Any, other: Any) -> Tensor:
        return F.where(condition, self, other)

    def masked_fill(self: Any, mask: Any, value: Number) -> Tensor:
        return F.masked_fill(self, mask, value)
