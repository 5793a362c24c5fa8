"""`Tensor`: an array with a place on the tape; and what every recorded operation is written with."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastnn import ops
from fastnn.autograd import _tape
from fastnn.autograd._data import add_gradients, as_array, copy, like, memory, move, to_host
from fastnn.autograd._operators import Operators
from fastnn.autograd._tape import Gradients, HookHandle, Node, mode
from fastnn.ops._device import DeviceArray


class Tensor(Operators):
    """An array that remembers how it was made, so that gradients can flow back to what it was made from.

    Parameters
    ----------
    data : array of numbers, Blocked, nested lists (floats become float32), or anything with the buffer
        protocol, ``__array__`` or DLPack. Memory is shared where possible.
    requires_grad : whether `backward` should leave a gradient in `grad`; float dtypes only.

    Attributes
    ----------
    data : NumPy array or `fastnn.ops.Blocked`. Convolutions make Blocked images and everything after them
        keeps them so, gradients included. Writing into this array goes unnoticed by the check for saved
        tensors.
    grad : Tensor or None, the sum of the gradients of all `backward` calls so far; same kind as `data`.

    Raises
    ------
    TypeError
        For complex, object or string data, and for `requires_grad` with a dtype that is not float.

    Examples
    --------
    >>> from fastnn.autograd import Tensor
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad.numpy()
    array([2., 4., 6.], dtype=float32)
    """

    __slots__ = ("__weakref__", "_hooks", "_node", "_version", "data", "grad", "requires_grad")
    __array_ufunc__ = None  # ndarray + Tensor comes to Tensor.__radd__

    data: Any

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        array = data.data if isinstance(data, Tensor) else as_array(data)
        if requires_grad and array.dtype.kind != "f":
            raise TypeError(f"Tensor: only floats can require grad, data is {array.dtype}")
        self.data = array
        self.grad: Tensor | None = None
        self.requires_grad = requires_grad
        self._node: Node | None = None
        self._version = [0]  # one element, shared by all tensors on the same memory
        self._hooks: _tape.Hooks | None = None

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes in the usual order: NCHW for images, Blocked or not."""
        return tuple(self.data.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.data.size

    @property
    def device(self) -> str:
        """Where it lies: "cpu", "cuda:0", ..."""
        return self.data.device if type(self.data) is DeviceArray else "cpu"

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, not by a recorded operation."""
        return self._node is None

    def numpy(self) -> NDArray[Any]:
        """The values as an array, images as NCHW: the tensor's own memory, a new array where it is
        Blocked."""
        if type(self.data) is np.ndarray:
            return self.data
        if type(self.data) is DeviceArray:
            raise TypeError(f"numpy: the tensor lies on {self.device}; copy it to the host with cpu() first")
        return self.data.numpy() if type(self.data) is ops.Blocked else self.data

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy and array is self.data else array

    def item(self) -> float | int | bool:
        """The value of a tensor of one element as a Python number."""
        return to_host(self.data).item()

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d Tensor")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __repr__(self) -> str:
        text = np.array2string(to_host(self.data), separator=", ", prefix="Tensor(")
        return f"Tensor({text}, dtype={self.dtype}{', requires_grad=True' if self.requires_grad else ''})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._node is not None:
            raise TypeError("Tensor: only leaves can be copied deeply or pickled; detach() it first")
        return type(self), (self.data, self.requires_grad)

    # Its place on the tape

    def backward(self, gradient: ArrayLike | Tensor | None = None, retain_graph: bool = False) -> None:
        """Send a gradient back to every leaf that this tensor was made from and add it to their `grad`.

        Parameters
        ----------
        gradient : same shape as the tensor; may be left out where that has one element (then it is 1).
        retain_graph : keep what the operations saved, so that `backward` can run again.

        Raises
        ------
        RuntimeError
            Where nothing was recorded, the graph was freed before, a saved tensor was changed in place since,
            or the gradient is missing.
        ValueError
            Where the gradient has another shape.
        """
        if not self.requires_grad:
            raise RuntimeError("backward: the tensor does not require grad, nothing was recorded for it")
        start = initial_gradient("backward", self, gradient)
        for leaf, g, owned in _tape.walk_back([(self._node or self, start)], retain_graph):
            leaf._accumulate(g, owned)

    def _accumulate(self, gradient: Any, owned: bool) -> None:
        """Add to `grad`, after the hooks; memory that somebody else may hold is copied first."""
        if self._hooks:
            gradient, owned = _tape.run_hooks(self._hooks, gradient), False
        if self.grad is not None:
            self.grad = wrap(add_gradients(self.grad.data, gradient))
        else:
            self.grad = wrap(gradient if owned else copy(gradient))

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
        """Call ``hook(gradient)`` whenever the gradient of this tensor is known; what it returns replaces the
        gradient.

        Examples
        --------
        >>> from fastnn.autograd import Tensor
        >>> x = Tensor([1.0], requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> (x * 2).backward()
        >>> x.grad.item()
        20.0
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook: the tensor does not require grad")
        if self._node is not None:
            if self._node.hooks is None:
                self._node.hooks = {}
            return HookHandle(self._node.hooks, _raw_hook(hook))
        if self._hooks is None:
            self._hooks = {}
        return HookHandle(self._hooks, _raw_hook(hook))

    def retain_grad(self) -> None:
        """Leave the gradient in `grad` also where this tensor is not a leaf."""
        if self._node is not None:
            owner = weakref.ref(self)

            def keep(gradient: Tensor) -> None:
                tensor = owner()
                if tensor is not None:
                    tensor._accumulate(gradient.data, False)

            self.register_hook(keep)

    def detach(self) -> Tensor:
        """The same memory as a tensor of its own, cut off from the tape."""
        return wrap(self.data, self._version)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch recording for this leaf."""
        if self._node is not None and not requires_grad:
            raise RuntimeError("requires_grad_: only leaves can stop requiring grad; use detach()")
        if requires_grad and self.dtype.kind != "f":
            raise TypeError(f"requires_grad_: only floats can require grad, data is {self.dtype}")
        self.requires_grad = requires_grad
        return self

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def _memory(self) -> NDArray[Any]:
        """The array to write into; whoever does calls `_changed` too."""
        return memory(self.data)

    def _changed(self) -> None:
        self._version[0] = _tape.tick()


_new = object.__new__


def wrap(data: Any, version: list[int] | None = None) -> Tensor:
    """A tensor without history around an array or Blocked that is known to be good.

    `version` is given where the memory belongs to another tensor as well.
    """
    tensor = _new(Tensor)
    tensor.data = data
    tensor.grad = None
    tensor.requires_grad = False
    tensor._node = None
    tensor._version = [0] if version is None else version
    tensor._hooks = None
    return tensor


def recording(*tensors: Tensor | None) -> bool:
    """Whether an operation on these inputs has to be recorded."""
    for tensor in tensors:
        if tensor is not None and tensor.requires_grad:
            return mode.enabled
    return False


def record(
    data: Any,
    inputs: tuple[Tensor | None, ...],
    backward: Callable[[Any], Gradients],
    saved: tuple[Tensor, ...] = (),
    *,
    saves_result: bool = False,
    version: list[int] | None = None,
    rectified: bool = False,
    gated: Callable[[Any], Gradients] | None = None,
) -> Tensor:
    """The result of a recorded operation.

    Parameters
    ----------
    data : the result.
    inputs : what gradients go to, in the order in which `backward` returns them.
    backward : gradient of the result -> gradients of the inputs, each of the input's kind (array or Blocked),
        None where the input does not require grad.
    saved : inputs whose values `backward` reads; `saves_result` where it reads the result as well.
    version : the version of the tensor whose memory the result shares, if it does.
    rectified : the result went through a ReLU; `backward` is given the gradient of what went into that.
    gated : see `Node`.
    """
    out = wrap(data, version)
    out.requires_grad = True
    edges = [(t._node or t) if t is not None and t.requires_grad else None for t in inputs]
    versions = [t._version for t in saved]
    if saves_result or rectified:
        versions.append(out._version)
    out._node = Node(edges, backward, versions, data if rectified else None, gated)
    return out


def as_tensor(data: Any) -> Tensor:
    """`data` itself where it is a Tensor, else a Tensor around it."""
    return data if isinstance(data, Tensor) else Tensor(data)


def initial_gradient(name: str, tensor: Tensor, gradient: Any) -> Any:
    """The gradient that a walk starts with at `tensor`: the given one as raw data, or 1 for a single element."""
    if gradient is not None:
        if isinstance(gradient, Tensor):
            gradient = gradient.data
        elif not isinstance(gradient, (np.ndarray, ops.Blocked)):
            gradient = move(np.asarray(gradient, dtype=tensor.dtype), tensor.device)
        return like(gradient, tensor.data, name)
    if tensor.size != 1:
        raise RuntimeError(
            f"{name}: the tensor has shape {tensor.shape}; pass a gradient, or sum it to one element"
        )
    return like(move(np.ones(tensor.shape, dtype=tensor.dtype), tensor.device), tensor.data, name)


def _raw_hook(hook: Callable[[Tensor], Tensor | None]) -> Callable[[Any], Any]:
    """The user's hook, which sees tensors, as the tape calls it."""

    def raw(gradient: Any) -> Any:
        replaced = hook(wrap(gradient))
        if replaced is None:
            return gradient
        return like(
            replaced.data if isinstance(replaced, Tensor) else np.asarray(replaced), gradient, "register_hook"
        )

    return raw
