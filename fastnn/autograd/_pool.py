"""What the poolings on the tape share. A maximum is recorded with one byte per result, the position in its window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops import _pool
from fastnn.ops._backend import on_gpu


def max_pool(
    op: str, x: Any, geometry: Callable[[Any], Any], call: Callable, gradient: Callable, return_indices: bool
) -> Tensor | tuple[Tensor, Tensor]:
    """Record ``call(x, return_indices=)``.

    Parameters
    ----------
    geometry : shape -> the pooling's parameters for the kernels.
    gradient : (gy, x, y, **options) -> gx, for windows whose positions no byte holds.
    """
    x = as_tensor(x)
    if not recording(x):
        y = call(x.data, return_indices=return_indices)
        return (wrap(y[0]), wrap(y[1])) if return_indices else wrap(y)
    xd = x.data
    if return_indices:
        (y, indices), taps = call(xd, return_indices=True), None
    elif on_gpu(xd):
        y, taps = call(xd, return_indices=False), None
    else:
        params = geometry(xd.shape)
        y, taps = _pool.max_pool_with_taps(op, xd, params)

    def backward(gy: Any) -> Gradients:
        if taps is None:
            return (gradient(gy, xd, y),)
        return (_pool.max_pool_grad_taps(gy, taps, y, params, False),)

    def gated(gy: Any) -> Gradients:
        if taps is None:
            return (gradient(gy, xd, y, rectified=True),)
        return (_pool.max_pool_grad_taps(gy, taps, y, params, True),)

    if taps is not None:
        xd = None  # not read again: let go of it
    result = record(y, (x,), backward, (x,) if taps is None else (), saves_result=True, gated=gated)
    return (result, wrap(indices)) if return_indices else result


def linear_map(x: Any, call: Callable[[Any], Any], gradient: Callable[[Any, Any], Any]) -> Tensor:
    """Record an op that is linear in x: ``gradient(gy, shape of x)``."""
    x = as_tensor(x)
    shape = x.data.shape
    y = call(x.data)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (gradient(gy, shape),)

    return record(y, (x,), backward)


def adaptive_gradient(op: str, rank: int, gy: Any, x: Any, y: Any, rectified: bool) -> Any:
    """The gradient of adaptive maxima from their input."""
    params = _pool.adaptive_params(op, rank, x.shape, y.shape[2:])
    return _pool.max_pool_grad(op, rank, gy, x, y, params, rectified)
