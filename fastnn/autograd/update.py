"""Steps of optimisers: parameters change in place and their versions move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastnn.autograd._data import like, move
from fastnn.autograd.tensor import Tensor
from fastnn.ops import Blocked, blocked
from fastnn.ops._device import DeviceArray
from fastnn.ops.update import adagrad_step, adam_step, rmsprop_step, sgd_step

__all__ = ["adagrad_step", "adam_step", "from_state", "rmsprop_step", "sgd_step", "to_state", "update_", "zeros"]


def update_(step: Callable[..., None], tensors: Sequence[Tensor], *states: Any, **options: Any) -> None:
    """Change tensors by their gradients with a step of `fastnn.ops.update`; states lie as the tensors do."""
    gradients = []
    for p in tensors:
        gradient: Any = p.grad
        data = gradient.data
        if type(data) is not type(p.data):
            data = like(data, p.data, "step")
        gradients.append(data.data if type(data) is Blocked else data)
    step = _step_for(step, tensors)
    step([p._memory() for p in tensors], gradients, *states, **options)
    for p in tensors:
        p._changed()
        if type(p.data) is Blocked:
            _clear_lanes(p.data)


def _step_for(step: Callable[..., None], tensors: Sequence[Tensor]) -> Callable[..., None]:
    """The step itself, or its twin for parameters on a GPU."""
    places = {p.device for p in tensors}
    if places == {"cpu"}:
        return step
    if len(places) > 1:
        raise ValueError(f"{step.__name__}: parameters lie on {' and '.join(sorted(places))}; give each place a group")
    from fastnn.ops import _gpu

    return _gpu.twin(step.__name__)


def zeros(p: Tensor) -> Any:
    """An array of the state of `p`, before the first step."""
    if p.device != "cpu":
        return move(np.zeros(p.shape, p.dtype), p.device)
    return np.zeros_like(p._memory(), order="C")


def _clear_lanes(image: Blocked) -> None:
    """Zero again beyond the channels, where 0 / 0 may have come up: convolutions rely on it."""
    lanes = image.shape[1] % image.data.shape[-1]
    if lanes:
        image.data[:, -1, ..., lanes:] = 0


def from_state(p: Tensor, value: Any) -> Any:
    """A copy of an entry of the state of `p`; arrays that lie as a Blocked parameter does or on a GPU become plain."""
    if type(value) is DeviceArray:
        return value.numpy()
    if not isinstance(value, np.ndarray):
        return value
    if type(p.data) is Blocked and value.shape == p._memory().shape:
        return Blocked(value, p.data.shape).numpy()
    return value.copy()


def to_state(p: Tensor, array: np.ndarray) -> np.ndarray:
    """A copy of an array of the shape of `p` that lies as `p` does, of its dtype."""
    fresh = np.array(array, dtype=p.dtype, order="C")
    if p.device != "cpu":
        return move(fresh, p.device)
    return blocked(fresh).data if type(p.data) is Blocked else fresh
