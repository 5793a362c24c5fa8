"""Moving tensors between the host and a GPU."""

from __future__ import annotations

from typing import Any

from fastnn.autograd._data import move
from fastnn.autograd._tape import Gradients
from fastnn.autograd.elementwise import astype
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def to(x: Any, *args: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """x in another dtype, on another device, or both; x itself where nothing changes. Recorded.

    Parameters
    ----------
    args : a dtype, a device ("cpu", "cuda", "cuda:0"), a device and a dtype, or a tensor that has both.

    Raises
    ------
    RuntimeError
        For "cuda" without a GPU or without Numba; the message says what is missing.

    Examples
    --------
    >>> from fastnn.autograd import Tensor
    >>> Tensor([1.0]).to("cpu", "float64").dtype
    dtype('float64')
    """
    x = as_tensor(x)
    device, dtype = destination(args, device, dtype)
    if device == "cpu":
        x = to_device(x, device)
    if dtype is not None:
        x = astype(x, dtype)
    return x if device in (None, "cpu") else to_device(x, device)


def destination(args: tuple[Any, ...], device: Any = None, dtype: Any = None) -> tuple[str | None, Any]:
    """(device or None, dtype or None) from the arguments of `to`."""
    for arg in args:
        if isinstance(arg, Tensor):
            device, dtype = arg.device, arg.dtype
        elif is_device(arg):
            device = arg
        else:
            dtype = arg
    if device is not None and not is_device(device):
        raise ValueError(f"to: device must be 'cpu', 'cuda' or 'cuda:0', is {device!r}")
    return None if device is None else str(device), dtype


def is_device(value: Any) -> bool:
    """Whether it names a device rather than a dtype."""
    name, _, number = str(value).partition(":")
    return name in ("cpu", "cuda") and (not number or number.isdigit())


def to_device(x: Tensor, device: str) -> Tensor:
    """x on a device, recorded."""
    data = move(x.data, device)
    if data is x.data:
        return x
    if not recording(x):
        return wrap(data)
    home = x.device

    def backward(gy: Any) -> Gradients:
        return (move(gy, home),)

    return record(data, (x,), backward)
