"""Steps of optimisers: parameters change in place and their versions move."""

from __future__ import annotations

from typing import Any

from fastnn.autograd.tensor import Tensor
from fastnn.ops.update import sgd_step


def sgd_(p: Tensor, velocity: Any, *options: Any) -> Any:
    """Change `p` by its gradient; the velocity for the next step (`fastnn.ops.update.sgd_step`)."""
    gradient: Any = p.grad
    velocity = sgd_step(p._memory(), gradient._memory(), velocity, *options)
    p._changed()
    return velocity
