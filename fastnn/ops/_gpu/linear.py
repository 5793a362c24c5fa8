"""Linear layers on GPU arrays; see `fastnn.ops.linear` for what the functions mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fastnn.ops._gpu._arguments import activation_name, as_array, result


def _linear(x: Any, weight: Any, bias: Any = None, *, activation: Any = None, out: Any = None) -> Any:
    from fastnn.cuda import gemm

    op = "linear"
    a = as_array(op, "x", x)
    w = as_array(op, "weight", weight, a)
    if len(w.shape) != 2:
        raise ValueError(f"{op}: weight must have 2 dimensions [out, in], got shape {w.shape}")
    if not a.shape or a.shape[-1] != w.shape[1]:
        raise ValueError(f"{op}: x of shape {a.shape} does not end in the weight's {w.shape[1]} features")
    n, k = w.shape
    added = None if bias is None else as_array(op, "bias", bias, a, (n,))
    y = result(op, out, a, (*a.shape[:-1], n), w, added)
    gemm.gemm(a, False, w, True, y, math.prod(a.shape[:-1]), n, k, added, *activation_name(op, activation))
    return y.array


def _grad_input(gy: Any, weight: Any) -> Any:
    from fastnn.cuda import gemm

    op = "linear_grad_input"
    g = as_array(op, "gy", gy)
    w = as_array(op, "weight", weight, g)
    if len(w.shape) != 2 or not g.shape or g.shape[-1] != w.shape[0]:
        raise ValueError(f"{op}: gy of shape {g.shape} does not fit a weight of shape {w.shape}")
    n, k = w.shape
    gx = g.new((*g.shape[:-1], k))
    gemm.gemm(g, False, w, False, gx, math.prod(g.shape[:-1]), k, n, None)
    return gx.array


def _grad_weight(gy: Any, x: Any) -> Any:
    from fastnn.cuda import gemm

    op = "linear_grad_weight"
    g = as_array(op, "gy", gy)
    a = as_array(op, "x", x, g)
    if not g.shape or g.shape[:-1] != a.shape[:-1] or len(g.shape) != len(a.shape):
        raise ValueError(f"{op}: gy of shape {g.shape} and x of shape {a.shape} differ before their last dimension")
    n, k = g.shape[-1], a.shape[-1]
    gw = g.new((n, k))
    gemm.gemm(g, True, a, False, gw, n, k, math.prod(g.shape[:-1]), None)
    return gw.array


def _grad_bias(gy: Any) -> Any:
    from fastnn.cuda import gemm

    g = as_array("linear_grad_bias", "gy", gy)
    if not g.shape:
        raise ValueError("linear_grad_bias: gy must have at least 1 dimension")
    gb = g.new(g.shape[-1:])
    gemm.sum_parts(g, gb, math.prod(g.shape[:-1]))
    return gb.array


TWINS: dict[str, Callable[..., Any]] = {
    "linear": _linear,
    "linear_grad_input": _grad_input,
    "linear_grad_weight": _grad_weight,
    "linear_grad_bias": _grad_bias,
}
