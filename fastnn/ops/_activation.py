"""What all activations do around their kernel: plain arrays of any rank, Blocked images, out=."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import BLOCK, Blocked, new_image
from fastnn.ops._checks import as_array, check_out, finish_out, new_array, number, same_dtype

_CODES = _kernels.ACTIVATIONS
_MOVES_ZERO = {_CODES[name] for name in ("sigmoid", "hardsigmoid", "softplus")}  # their value at 0 is not 0


def parameter(op: str, name: str, value: Any) -> float:
    """A parameter of an activation: a finite number."""
    return value if type(value) is float and value - value == 0 else number(op, name, value)


def positive(op: str, name: str, value: Any) -> float:
    """A parameter that must be positive."""
    checked = parameter(op, name, value)
    if checked <= 0:
        raise ValueError(f"{op}: {name} must be positive, got {value!r}")
    return checked


def _blocked_out(op: str, out: Any, x: Blocked) -> Blocked:
    if type(out) is not Blocked or out.shape != x.shape:
        got = f"shape {out.shape}" if type(out) is Blocked else type(out).__name__
        raise ValueError(f"{op}: out must be a Blocked image of shape {x.shape}, got {got}")
    if check_out(op, out.data, x.data.shape, x.dtype, x.data) is not out.data:
        raise ValueError(f"{op}: out.data is not contiguous")
    return out


def apply(op: str, x: Any, out: Any, kind: str, alpha: float = 0.0, beta: float = 0.0) -> Any:
    """f(x) as an array or Blocked like x, in `out` where that is given."""
    code = _CODES[kind]
    if type(x) is Blocked:
        image = Blocked.empty(x.shape, x.dtype) if out is None else _blocked_out(op, out, x)
        _kernels.activate(as_array(op, "x", x.data), image.data, code, alpha, beta)
        if code in _MOVES_ZERO and x.shape[1] % BLOCK:
            image.data[:, -1, :, :, x.shape[1] % BLOCK :] = 0
        return image
    data = as_array(op, "x", x)
    y = new_array(data.shape, data.dtype) if out is None else check_out(op, out, data.shape, data.dtype, data)
    _kernels.activate(data, y, code, alpha, beta)
    return finish_out(out, y)


def gradient(
    op: str, gy: Any, x: Any, kind: str, alpha: float = 0.0, beta: float = 0.0, name: str = "x"
) -> Any:
    """gy f'(x) as an array or Blocked like gy; `name` is "y" where x is the activation's result."""
    if tuple(np.shape(gy) if not hasattr(gy, "shape") else gy.shape) != tuple(
        np.shape(x) if not hasattr(x, "shape") else x.shape
    ):
        raise ValueError(f"{op}: gy has shape {np.shape(gy)}, {name} has {np.shape(x)}")
    if type(gy) is Blocked and type(x) is Blocked:
        g, values = as_array(op, "gy", gy.data), as_array(op, name, x.data)
        same_dtype(op, "gy", g, name, values)
        gx = new_image(gy.shape, g.dtype)
        _kernels.activate_grad(g, values, gx.data, _CODES[kind], alpha, beta)
        return gx
    g, values = as_array(op, "gy", gy), as_array(op, name, x)
    same_dtype(op, "gy", g, name, values)
    plain = new_array(g.shape, g.dtype)
    _kernels.activate_grad(g, values, plain, _CODES[kind], alpha, beta)
    return plain
