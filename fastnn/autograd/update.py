"""Steps of optimisers: parameters change in place and their versions move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn.autograd._data import like
from fastnn.autograd.tensor import Tensor
from fastnn.ops import Blocked, blocked
from fastnn.ops.update import adagrad_step, adam_step, rmsprop_step, sgd_step

__all__ = ["adagrad_step", "adam_step", "from_state", "rmsprop_step", "sgd_step", "to_state", "update_"]


def update_(step: Callable[..., None], tensors: Sequence[Tensor], *states: Any, **options: Any) -> None:
    """Change tensors by their gradients with a step of `fastnn.ops.update`; states lie as the tensors do."""
    gradients = []
    for p in tensors:
        gradient: Any = p.grad
        data = gradient.data
        if type(data) is not type(p.data):
            data = like(data, p.data, "step")
        gradients.append(data.data if type(data) is Blocked else data)
    step([p._memory() for p in tensors], gradients, *states, **options)
    for p in tensors:
        p._changed()
        if type(p.data) is Blocked:
            _clear_lanes(p.data)


def _clear_lanes(image: Blocked) -> None:
    """Zero again beyond the channels, where 0 / 0 may have come up: convolutions rely on it."""
    lanes = image.shape[1] % image.data.shape[-1]
    if lanes:
        image.data[:, -1, ..., lanes:] = 0


def from_state(p: Tensor, value: Any) -> Any:
    """A copy of an entry of the state of `p`; arrays that lie as a Blocked parameter does become plain."""
    if not isinstance(value, np.ndarray):
        return value
    if type(p.data) is Blocked and value.shape == p._memory().shape:
        return Blocked(value, p.data.shape).numpy()
    return value.copy()


def to_state(p: Tensor, array: np.ndarray) -> np.ndarray:
    """A copy of an array of the shape of `p` that lies as `p` does, of its dtype."""
    fresh = np.array(array, dtype=p.dtype, order="C")
    return blocked(fresh).data if type(p.data) is Blocked else fresh
