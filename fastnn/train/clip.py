"""Limits on gradients, between ``backward`` and ``step``."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.autograd.tensor import Tensor


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> float:
    """Scale all gradients by ``min(1, max_norm / (norm + 1e-6))``, where `norm` is that of all of them together.

    Parameters
    ----------
    parameters : tensors; those without a gradient count as nothing.
    max_norm : the largest norm that is left as it is.
    norm_type : p of the norm ``sum(|g| ** p) ** (1 / p)``; ``inf`` for the largest absolute value.
    error_if_nonfinite : whether a norm that is NaN or infinite is an error. Otherwise gradients become NaN, or
        zero but for the infinite ones, as in PyTorch.

    Returns
    -------
    The norm before.

    Raises
    ------
    RuntimeError
        For a non-finite norm with `error_if_nonfinite`; gradients are unchanged.
    ValueError
        For a negative or NaN `max_norm`, and a `norm_type` that is not positive.

    References
    ----------
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", arXiv:1211.5063.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([0.0, 0.0])
    >>> p.backward([3.0, 4.0])
    >>> train.clip_grad_norm_([p], 1.0)
    5.0
    >>> p.grad.numpy().round(4)
    array([0.6, 0.8], dtype=float32)
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: max_norm must not be negative, is {max_norm}")
    if not norm_type > 0:
        raise ValueError(f"clip_grad_norm_: norm_type must be positive, is {norm_type}")
    gradients = _gradients("clip_grad_norm_", parameters)
    norms = np.array([_norm(g._memory(), norm_type) for g in gradients])
    total = _norm(norms, norm_type) if len(norms) else 0.0
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(f"clip_grad_norm_: the norm of order {norm_type} of the gradients is {total}")
    scale = max_norm / (total + 1e-6)
    if not scale >= 1:  # also NaN
        for g in gradients:
            memory = g._memory()
            with np.errstate(invalid="ignore"):  # 0 * infinity
                np.multiply(memory, memory.dtype.type(scale), out=memory)
            g._changed()
    return total


def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Move every element of the gradients into ``[-clip_value, clip_value]``; NaN stays.

    Raises
    ------
    ValueError
        For a negative or NaN `clip_value`.

    Examples
    --------
    >>> from fastnn import nn, train
    >>> p = nn.Parameter([0.0, 0.0])
    >>> p.backward([3.0, -0.5])
    >>> train.clip_grad_value_([p], 1.0)
    >>> p.grad.numpy()
    array([ 1. , -0.5], dtype=float32)
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: clip_value must not be negative, is {clip_value}")
    for g in _gradients("clip_grad_value_", parameters):
        memory = g._memory()
        np.clip(memory, -clip_value, clip_value, out=memory)
        g._changed()


def _gradients(name: str, parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for p in given:
        if not isinstance(p, Tensor):
            raise TypeError(f"{name}: {type(p).__name__} is no Tensor")
    return [p.grad for p in given if p.grad is not None]


def _norm(g: NDArray[Any], order: float) -> float:
    """The norm of all elements; in float64 where float32 is too small for it."""
    flat = g.reshape(-1)
    if not flat.size:
        return 0.0
    if order == 2.0:
        with np.errstate(over="ignore", invalid="ignore"):
            square = float(np.dot(flat, flat))
        tiny = square < np.finfo(flat.dtype).tiny / np.finfo(flat.dtype).eps
        if math.isfinite(square) and not tiny:
            return math.sqrt(square)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.linalg.norm(flat.astype(np.float64), order))
