"""Checks of constructor arguments, in one place so that layers refuse the same things in the same words."""

from __future__ import annotations

from typing import Any

import numpy as np

_WORDS = {1: "an int", 2: "an int or two of them", 3: "an int or three of them"}


def sizes(layer: str, name: str, value: Any, least: int, number: int) -> tuple[int, ...]:
    """An int or `number` of them, each at least `least`, as a tuple."""
    found = tuple(value) if isinstance(value, (tuple, list)) else (value,) * number
    if len(found) != number or not all(
        isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in found
    ):
        raise TypeError(f"{layer}: {name} must be {_WORDS[number]}, is {value!r}")
    if min(found) < least:
        raise ValueError(f"{layer}: {name} must be at least {least}, is {value!r}")
    return tuple(int(n) for n in found)


def pair(layer: str, name: str, value: Any, least: int) -> tuple[int, int]:
    """An int or two of them, each at least `least`, as a pair (vertical, horizontal)."""
    vertical, horizontal = sizes(layer, name, value, least, 2)
    return vertical, horizontal


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
