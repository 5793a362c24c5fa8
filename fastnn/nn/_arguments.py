"""Checks of constructor arguments, in one place so that layers refuse the same things in the same words."""

from __future__ import annotations

from typing import Any

import numpy as np


def pair(layer: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """An int or two of them, each at least `least`, as a pair (vertical, horizontal)."""
    sizes = value if isinstance(value, (tuple, list)) else (value, value)
    if len(sizes) != 2 or not all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in sizes
    ):
        raise TypeError(f"{layer}: {name} must be an int or two of them, is {value!r}")
    if min(sizes) < least:
        raise ValueError(f"{layer}: {name} must be at least {least}, is {value!r}")
    return int(sizes[0]), int(sizes[1])


def count(layer: str, name: str, value: Any) -> int:
    """A positive int."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool):
        raise TypeError(f"{layer}: {name} must be an int, is {value!r}")
    if value < 1:
        raise ValueError(f"{layer}: {name} must be positive, is {value}")
    return int(value)


def float_dtype(layer: str, device: Any, dtype: Any) -> np.dtype[Any]:
    """The parameters' dtype, float32 unless said otherwise; the only device is the CPU."""
    if device is not None and str(device) != "cpu":
        raise NotImplementedError(f"{layer}: device={device!r}; only the CPU is supported")
    wanted = np.dtype(np.float32 if dtype is None else dtype)
    if wanted not in (np.float32, np.float64):
        raise NotImplementedError(f"{layer}: dtype={wanted}; float32 and float64 are supported")
    return wanted
