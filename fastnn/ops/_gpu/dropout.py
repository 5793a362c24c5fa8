"""Dropout on GPU arrays; see `fastnn.ops.dropout` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.ops._checks import integer, number
from fastnn.ops._gpu._arguments import as_array, result


def _dropped(op: str, name: str, x: Any, p: Any, training: bool, seed: Any, out: Any) -> Any:
    from fastnn.cuda import dropout

    rate, key = number(op, "p", p), seed if type(seed) is int else integer(op, "seed", seed, 0)
    if not 0 <= rate <= 1:
        raise ValueError(f"{op}: p must be in 0..1, got {p!r}")
    if not 0 <= key < 1 << 64:
        raise ValueError(f"{op}: seed must be in 0..2**64 - 1, got {seed}")
    data = as_array(op, name, x)
    y = result(op, out, data, data.shape)
    dropout.dropout(data, y, rate if training else 0.0, key)
    return y.array


def _dropout(x: Any, p: float = 0.5, training: bool = True, seed: int = 0, *, out: Any = None) -> Any:
    return _dropped("dropout", "x", x, p, training, seed, out)


def _grad_input(gy: Any, p: float = 0.5, training: bool = True, seed: int = 0) -> Any:
    return _dropped("dropout_grad_input", "gy", gy, p, training, seed, None)


TWINS: dict[str, Callable[..., Any]] = {"dropout": _dropout, "dropout_grad_input": _grad_input}
