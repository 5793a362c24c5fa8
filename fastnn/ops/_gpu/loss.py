"""Cross-entropy on GPU arrays; see `fastnn.ops.loss` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastnn.ops._checks import integer
from fastnn.ops._gpu._arguments import any_array, as_array, together
from fastnn.ops._loss import check_reduction


def _checked(
    op: str, x: Any, target: Any, weight: Any, ignore_index: Any, reduction: str, label_smoothing: float
) -> tuple[Any, Any, Any, Any, int]:
    """(log-probabilities, labels, loss, divisor, ignored class): the forward pass, which the gradient needs."""
    from fastnn.cuda import activation, loss

    check_reduction(op, reduction)
    for name, value in (("weight", weight), ("label_smoothing", label_smoothing or None)):
        if value is not None:
            raise NotImplementedError(f"{op}: {name} has no GPU kernel yet")
    if reduction == "none":
        raise NotImplementedError(f"{op}: reduction='none' has no GPU kernel yet")
    ignored = integer(op, "ignore_index", ignore_index, -(1 << 62))
    scores = as_array(op, "x", x)
    labels = any_array(op, "target", target)
    together(op, "target", labels, scores)
    if len(scores.shape) != 2 or not scores.shape[1]:
        raise NotImplementedError(f"{op}: x of shape {scores.shape} has no GPU kernel yet; only scores [N, C]")
    if labels.dtype not in (np.int32, np.int64):
        raise TypeError(f"{op}: target has dtype {labels.dtype}; int32 or int64 is needed")
    if labels.shape != scores.shape[:1]:
        raise ValueError(f"{op}: target has shape {labels.shape}, expected {scores.shape[:1]}")
    log_p = scores.new(scores.shape)
    activation.softmax(scores, log_p, scores.shape[1], True)
    y, divisor = scores.new(()), scores.new((), np.float64 if scores.dtype == np.float64 else np.float32)
    loss.cross_entropy(log_p, labels, ignored, reduction == "mean", y, divisor)
    return log_p, labels, y, divisor, ignored


def _cross_entropy(
    x: Any, target: Any, weight: Any = None, ignore_index: Any = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    return _checked("cross_entropy", x, target, weight, ignore_index, reduction, label_smoothing)[2].array


def _grad_input(
    gy: Any, x: Any, target: Any, weight: Any = None, ignore_index: Any = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    from fastnn.cuda import loss

    op = "cross_entropy_grad_input"
    log_p, labels, y, divisor, ignored = _checked(op, x, target, weight, ignore_index, reduction, label_smoothing)
    g = as_array(op, "gy", gy, y, ())
    gx = log_p.new(log_p.shape)
    loss.cross_entropy_grad(g, log_p, labels, divisor, ignored, gx)
    return gx.array


TWINS: dict[str, Callable[..., Any]] = {"cross_entropy": _cross_entropy, "cross_entropy_grad_input": _grad_input}
