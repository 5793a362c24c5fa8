"""`Parameter` and `Buffer`: the tensors that belong to a module."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd._data import as_array, copy, to_host
from fastnn.autograd.tensor import Tensor
from fastnn.ops._device import DeviceArray


class _Stored(Tensor):
    """A tensor with memory of its own, to which `data` is a read-only window.

    Whatever is derived from the values (packed weights) is made again when the version moves. So every way to
    change them must move it: assigning `data`, ``copy_`` and the other in-place methods do, and writing into
    the array raises.
    """

    __slots__ = ("_store",)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "data":
            super().__setattr__(name, value)
            return
        found = value.data if isinstance(value, Tensor) else as_array(value)
        if type(found) is DeviceArray:
            self._store = copy(found)
            super().__setattr__("data", self._store)
            if hasattr(self, "_version"):
                self._changed()
            return
        array = np.asarray(to_host(found))
        self._store = np.array(array, order="C")
        window = self._store.view()
        window.flags.writeable = False
        super().__setattr__("data", window)
        if hasattr(self, "_version"):
            self._changed()

    def _memory(self) -> NDArray[Any]:
        return self._store


class Parameter(_Stored):
    """A tensor that training changes. A module lists those that are its attributes.

    Parameters
    ----------
    data : initial values, which are copied.
    requires_grad : False freezes it.

    Notes
    -----
    ``p.data`` and ``p.numpy()`` are read-only. To change values, write ``with no_grad(): p -= 0.1 * p.grad``,
    or ``p.copy_(values)`` in the same place, or assign ``p.data = values``.

    Examples
    --------
    >>> from fastnn.autograd import no_grad
    >>> from fastnn.nn import Parameter
    >>> p = Parameter([1.0, 2.0])
    >>> with no_grad():
    ...     p *= 2
    >>> p.numpy()
    array([2., 4.], dtype=float32)
    """

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class Buffer(_Stored):
    """State of a module that is saved with it but not trained, such as running statistics."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        super().__init__(data, requires_grad)
