"""Softmax on GPU arrays, along the last dimension; see `fastnn.ops.softmax` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastnn.ops._gpu._arguments import as_array, result
from fastnn.ops._shapes import normalize_dim


def _row_length(op: str, shape: tuple[int, ...], dim: Any) -> int:
    last = max(len(shape), 1) - 1
    if normalize_dim(op, "dim", dim, len(shape)) != last:
        raise NotImplementedError(f"{op}: dim={dim} has no GPU kernel yet; only the last dimension")
    return shape[-1] if shape else 1


def _softmax(op: str, logarithm: bool, x: Any, dim: Any = -1, *, out: Any = None) -> Any:
    from fastnn.cuda import activation

    data = as_array(op, "x", x)
    n = _row_length(op, data.shape, dim)
    y = result(op, out, data, data.shape)
    activation.softmax(data, y, n, logarithm)
    return y.array


def _gradient(op: str, logarithm: bool, gy: Any, y: Any, dim: Any = -1) -> Any:
    from fastnn.cuda import activation

    values = as_array(op, "y", y)
    n = _row_length(op, values.shape, dim)
    g = as_array(op, "gy", gy, values, values.shape)
    gx = g.new(g.shape)
    activation.softmax_grad(g, values, gx, n, logarithm)
    return gx.array


TWINS: dict[str, Callable[..., Any]] = {
    "softmax": partial(_softmax, "softmax", False),
    "log_softmax": partial(_softmax, "log_softmax", True),
    "softmax_grad_input": partial(_gradient, "softmax_grad_input", False),
    "log_softmax_grad_input": partial(_gradient, "log_softmax_grad_input", True),
}
