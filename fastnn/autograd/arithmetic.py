"""Arithmetic, element by element with broadcasting.

Blocked images stay Blocked where the zeros in their pad lanes stay zeros: sums, differences and products of
two of them, negation, and a product with a finite number. Anything else becomes an NCHW array first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_blocked, to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap

Operand = Any  # Tensor, array or number


def operands(name: str, a: Operand, b: Operand) -> tuple[Tensor, Tensor]:
    """Both as tensors of one dtype: a number takes the other's, integers and truth values take a float's."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        pass
    elif isinstance(a, (int, float, np.number)):
        b = as_tensor(b)
        a = wrap(np.asarray(a, dtype=_number_dtype(a, b)))
    elif isinstance(b, (int, float, np.number)):
        a = as_tensor(a)
        b = wrap(np.asarray(b, dtype=_number_dtype(b, a)))
    else:
        a, b = as_tensor(a), as_tensor(b)
    if a.data.dtype is not b.data.dtype and a.data.dtype != b.data.dtype:
        a_float, b_float = a.dtype.kind == "f", b.dtype.kind == "f"
        if a_float and b_float:
            raise TypeError(f"{name}: operands are {a.dtype} and {b.dtype}; convert one of them")
        if a_float:
            b = wrap(b.numpy().astype(a.dtype))
        elif b_float:
            a = wrap(a.numpy().astype(b.dtype))
    return a, b


def _number_dtype(number: Any, other: Tensor) -> Any:
    """The other operand's dtype, or float32 where a fraction meets integers."""
    if other.dtype.kind == "f":
        return other.dtype
    dtype = np.result_type(other.dtype, number)
    return np.float32 if dtype.kind == "f" else dtype


def _one_kind(a: Tensor, b: Tensor, scaling: bool = False) -> tuple[Tensor, Tensor]:
    """Both Blocked where that keeps pad lanes zero, else both arrays; with `scaling` b may be a number."""
    if type(a.data) is not ops.Blocked and type(b.data) is not ops.Blocked:
        return a, b
    if a.shape == b.shape:
        return to_blocked(a), to_blocked(b)
    if scaling and not b.ndim and math.isfinite(b.item()):
        return a, b
    return to_plain(a), to_plain(b)


def _apply(name: str, function: Callable[..., Any], a: Any, b: Any) -> Any:
    """`function` on the raw values of two operands that `_one_kind` made fit; Blocked where `a` is."""
    if type(a) is ops.Blocked:
        y = ops.Blocked.empty(a.shape, a.dtype)
        function(a.data, b.data if type(b) is ops.Blocked else b, out=y.data)
        return y
    try:
        return np.asarray(function(a, b))
    except ValueError:
        raise ValueError(f"{name}: shapes {a.shape} and {b.shape} do not broadcast") from None


def unbroadcast(gy: Any, shape: tuple[int, ...]) -> Any:
    """Sum of a gradient over the axes along which `shape` was broadcast."""
    if gy.shape == shape:
        return gy
    if type(gy) is ops.Blocked:  # against a number
        return np.asarray(gy.data.sum())
    extra = gy.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and gy.shape[i + extra] != 1
    )
    return np.asarray(gy.sum(axis=axes, keepdims=True)).reshape(shape)


def add(a: Operand, b: Operand) -> Tensor:
    """a + b."""
    a, b = _one_kind(*operands("add", a, b))
    y = _apply("add", np.add, a.data, b.data)
    if not recording(a, b):
        return wrap(y)
    need_a, need_b, a_shape, b_shape = a.requires_grad, b.requires_grad, a.data.shape, b.data.shape

    def backward(gy: Any) -> Gradients:
        return unbroadcast(gy, a_shape) if need_a else None, unbroadcast(gy, b_shape) if need_b else None

    return record(y, (a, b), backward)


def sub(a: Operand, b: Operand) -> Tensor:
    """a - b."""
    a, b = _one_kind(*operands("sub", a, b))
    y = _apply("sub", np.subtract, a.data, b.data)
    if not recording(a, b):
        return wrap(y)
    need_a, need_b, a_shape, b_shape = a.requires_grad, b.requires_grad, a.data.shape, b.data.shape

    def backward(gy: Any) -> Gradients:
        return unbroadcast(gy, a_shape) if need_a else None, unbroadcast(
            _negative(gy), b_shape
        ) if need_b else None

    return record(y, (a, b), backward)


def mul(a: Operand, b: Operand) -> Tensor:
    """a * b."""
    a, b = operands("mul", a, b)
    if type(b.data) is ops.Blocked and not a.ndim:
        a, b = b, a
    a, b = _one_kind(a, b, scaling=True)
    ad, bd = a.data, b.data
    y = _apply("mul", np.multiply, ad, bd)
    if not recording(a, b):
        return wrap(y)
    need_a, need_b = a.requires_grad, b.requires_grad

    def backward(gy: Any) -> Gradients:
        ga = unbroadcast(_apply("mul", np.multiply, gy, bd), ad.shape) if need_a else None
        gb = unbroadcast(_apply("mul", np.multiply, gy, ad), bd.shape) if need_b else None
        return ga, gb

    return record(y, (a, b), backward, (a, b))


def div(a: Operand, b: Operand) -> Tensor:
    """a / b; a Blocked image divided by a number stays Blocked."""
    a, b = operands("div", a, b)
    if type(a.data) is ops.Blocked and not b.ndim and not b.requires_grad and b.item():
        return mul(a, 1.0 / b.item())
    a, b = to_plain(a), to_plain(b)
    ad, bd = a.data, b.data
    y = _apply("div", np.divide, ad, bd)
    if not recording(a, b):
        return wrap(y)
    need_a, need_b = a.requires_grad, b.requires_grad

    def backward(gy: Any) -> Gradients:
        g = gy / bd
        return unbroadcast(g, ad.shape) if need_a else None, unbroadcast(-g * y, bd.shape) if need_b else None

    return record(y, (a, b), backward, (a, b), saves_result=True)


def pow(a: Operand, b: Operand) -> Tensor:
    """a ** b; the gradient for b is 0 where a is 0, as in PyTorch."""
    a, b = operands("pow", a, b)
    a, b = to_plain(a), to_plain(b)
    ad, bd = a.data, b.data
    y = _apply("pow", np.power, ad, bd)
    if not recording(a, b):
        return wrap(y)
    need_a, need_b = a.requires_grad, b.requires_grad

    def backward(gy: Any) -> Gradients:
        ga = gb = None
        if need_a:
            slope = np.where(bd == 0, 0, bd * np.power(np.where((ad == 0) & (bd == 0), 1, ad), bd - 1))
            ga = unbroadcast(gy * slope.astype(y.dtype, copy=False), ad.shape)
        if need_b:
            gb = unbroadcast(gy * y * np.log(np.where(ad == 0, 1, ad)), bd.shape)
        return ga, gb

    return record(y, (a, b), backward, (a, b), saves_result=True)


def _negative(x: Any) -> Any:
    if type(x) is ops.Blocked:
        y = ops.Blocked.empty(x.shape, x.dtype)
        np.negative(x.data, out=y.data)
        return y
    return np.asarray(-x)


def neg(x: Tensor) -> Tensor:
    """-x."""
    y = _negative(x.data)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (_negative(gy),)

    return record(y, (x,), backward)


def compare(how: str, a: Operand, b: Operand) -> Tensor:
    """Truth values of a comparison named as in NumPy ("less", "equal", ...); never recorded."""
    a, b = operands(how, a, b)
    return wrap(_apply(how, getattr(np, how), a.numpy(), b.numpy()))
