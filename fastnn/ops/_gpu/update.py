"""Steps of optimisers on GPU arrays; see `fastnn.ops.update` for what they mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastnn.ops._gpu._arguments import as_array


def _sgd_step(
    p: Any, g: Any, velocity: Any, first: Any = None, *, lr: float, momentum: float = 0.0, dampening: float = 0.0,
    weight_decay: float = 0.0, nesterov: bool = False, maximize: bool = False, l1: float = 0.0,
) -> None:  # fmt: skip
    from fastnn.cuda import update

    op, sign = "sgd_step", -1.0 if maximize else 1.0
    velocities, new = velocity or p, first or [False] * len(p)
    for parameter, gradient, moved, is_first in zip(p, g, velocities, new, strict=True):
        values = as_array(op, "p", parameter)
        slope = as_array(op, "g", gradient, values, values.shape)
        kept = as_array(op, "velocity", moved, values, values.shape)
        share = 1.0 if is_first else 1.0 - dampening  # a new velocity is zero and becomes d
        update.sgd(values, slope, kept, lr, momentum if velocity else 0.0, share, weight_decay, l1, sign, nesterov)


TWINS: dict[str, Callable[..., Any]] = {"sgd_step": _sgd_step}
