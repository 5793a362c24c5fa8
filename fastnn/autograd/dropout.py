"""Dropout on the tape. Blocked images stay Blocked."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap


def dropout(
    x: Any, p: float = 0.5, training: bool = True, seed: int | np.random.Generator | None = None
) -> Tensor:
    """The recorded form of `fastnn.ops.dropout`: zeros with probability `p`, the rest divided by ``1 - p``.

    Parameters
    ----------
    seed : of the mask; a generator that gives one, or None for one from the operating system.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, dropout
    >>> dropout(Tensor([1.0, 2.0]), 0.5, training=False).numpy()
    array([1., 2.], dtype=float32)
    """
    x = as_tensor(x)
    if not training:
        ops.dropout(np.zeros(0, np.float32), p, False)  # checks p
        return x
    if seed is None:
        seed = secrets.randbits(64)
    elif isinstance(seed, np.random.Generator):
        seed = int(seed.integers(1 << 63))
    key = seed
    y = ops.dropout(x.data, p, True, key)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.dropout_grad_input(gy, p, True, key),)

    return record(y, (x,), backward)
