"""Activations on GPU arrays; see `fastnn.ops.activation` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from fastnn.ops._activation import parameter, positive
from fastnn.ops._gpu._arguments import as_array, result


def _apply(op: str, kind: str, x: Any, *, out: Any = None, numbers: tuple[float, float] = (0.0, 0.0)) -> Any:
    from fastnn.cuda import activation

    data = as_array(op, "x", x)
    y = result(op, out, data, data.shape)
    activation.activate(data, y, kind, *numbers)
    return y.array


def _gradient(op: str, kind: str, gy: Any, x: Any, *, numbers: tuple[float, float] = (0.0, 0.0)) -> Any:
    from fastnn.cuda import activation

    name = "y" if kind in ("relu", "sigmoid", "tanh") else "x"
    data = as_array(op, name, x)
    g = as_array(op, "gy", gy, data, data.shape)
    gx = g.new(g.shape)
    activation.activate_grad(g, data, gx, kind, *numbers)
    return gx.array


def _leaky(function: Any, op: str, kind: str, *args: Any, **named: Any) -> Any:
    arrays, negative_slope = _last(op, args, named, "negative_slope", 0.01)
    return function(op, kind, *arrays, numbers=(parameter(op, "negative_slope", negative_slope), 0.0), **named)


def _elu(function: Any, op: str, kind: str, *args: Any, **named: Any) -> Any:
    arrays, alpha = _last(op, args, named, "alpha", 1.0)
    return function(op, kind, *arrays, numbers=(parameter(op, "alpha", alpha), 0.0), **named)


def _gelu(function: Any, op: str, kind: str, *args: Any, **named: Any) -> Any:
    arrays, approximate = _last(op, args, named, "approximate", "none")
    if approximate not in ("none", "tanh"):
        raise ValueError(f"{op}: approximate must be 'none' or 'tanh', got {approximate!r}")
    return function(op, "gelu_tanh" if approximate == "tanh" else kind, *arrays, **named)


def _softplus(function: Any, op: str, kind: str, *args: Any, **named: Any) -> Any:
    count = _arrays(op)
    threshold = named.pop("threshold", args[count + 1] if len(args) > count + 1 else 20.0)
    beta = named.pop("beta", args[count] if len(args) > count else 1.0)
    numbers = positive(op, "beta", beta), parameter(op, "threshold", threshold)
    return function(op, kind, *args[:count], numbers=numbers, **named)


def _arrays(op: str) -> int:
    """How many arguments are arrays."""
    return 2 if op.endswith("_grad_input") else 1


def _last(op: str, args: Any, named: dict[str, Any], name: str, default: Any) -> tuple[Any, Any]:
    """(the arrays, the parameter that follows them)."""
    count = _arrays(op)
    return args[:count], named.pop(name, args[count] if len(args) > count else default)


_ROUTES = {"leaky_relu": _leaky, "elu": _elu, "gelu": _gelu, "softplus": _softplus}
_NAMES = ("relu", "sigmoid", "tanh", "hardsigmoid", "hardswish", "silu", "mish", "selu", *_ROUTES)


def _twin(function: Any, op: str, kind: str) -> Callable[..., Any]:
    route = _ROUTES.get(kind)
    return partial(route, function, op, kind) if route else partial(function, op, kind)


TWINS: dict[str, Callable[..., Any]] = {
    f"{name}{suffix}": _twin(function, f"{name}{suffix}", name)
    for name in _NAMES
    for suffix, function in (("", _apply), ("_grad_input", _gradient))
}
TWINS["relu6"] = partial(_apply, "relu6", "clip", numbers=(0.0, 6.0))
TWINS["relu6_grad_input"] = partial(_gradient, "relu6_grad_input", "clip", numbers=(0.0, 6.0))
