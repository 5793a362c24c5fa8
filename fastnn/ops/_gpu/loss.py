"""Cross-entropy on GPU arrays; see `fastnn.ops.loss` for what the functions mean. Labels are looked at on the host, so
a call waits for them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from fastnn.ops._checks import integer
from fastnn.ops._gpu._arguments import any_array, as_array, together
from fastnn.ops._loss import check_reduction
from fastnn.ops.loss import class_labels

if TYPE_CHECKING:
    from fastnn.cuda.loss import Scores


def _scores(
    op: str, x: Any, target: Any, weight: Any, ignore_index: Any, reduction: Any, label_smoothing: Any
) -> tuple[Scores, tuple[int, ...]]:
    """The checked call, and the shape of its losses."""
    from fastnn.cuda import _arrays, loss

    check_reduction(op, reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing must be in 0..1, got {label_smoothing}")
    ignored = integer(op, "ignore_index", ignore_index, -(1 << 62))
    data, labels = as_array(op, "x", x), any_array(op, "target", target)
    together(op, "target", labels, data)
    if not data.shape or not data.size:
        raise ValueError(f"{op}: x has shape {data.shape}, expected [C], [N, C] or [N, C, ...] that is not empty")
    if labels.dtype.kind == "f":
        raise NotImplementedError(f"{op}: target of probabilities has no GPU kernel yet; only class indices")
    if labels.dtype.name not in ("int32", "int64"):
        raise TypeError(f"{op}: target has dtype {labels.dtype}; int32 or int64 is needed")
    n, classes = data.shape[:2] if len(data.shape) > 1 else (1, data.shape[0])
    inner, shape = prod(data.shape[2:]), data.shape[:1] + data.shape[2:] if len(data.shape) > 1 else ()
    seen = np.broadcast_to(np.float32(0), (n * inner, classes))  # of this shape, and nothing else
    class_labels(op, _arrays.to_host(labels.array), seen, shape, ignored)
    w = None if weight is None else as_array(op, "weight", weight, data, (classes,))
    return loss.Scores(data, labels, w, n * inner, classes, inner, ignored, float(label_smoothing)), shape


def _cross_entropy(
    x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    from fastnn.cuda import loss

    scores, shape = _scores("cross_entropy", x, target, weight, ignore_index, reduction, label_smoothing)
    y = scores.x.new(shape if reduction == "none" else ())
    loss.cross_entropy(scores, reduction, y)
    return y.array


def _grad_input(
    gy: Any, x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:  # fmt: skip
    from fastnn.cuda import loss

    op = "cross_entropy_grad_input"
    scores, shape = _scores(op, x, target, weight, ignore_index, reduction, label_smoothing)
    plain = isinstance(gy, (int, float)) and not isinstance(gy, bool) and reduction != "none"
    g = gy if plain else as_array(op, "gy", gy, scores.x, shape if reduction == "none" else ())
    gx = scores.x.new(scores.x.shape)
    loss.cross_entropy_grad(scores, reduction, g, gx)
    return gx.array


TWINS: dict[str, Callable[..., Any]] = {
    "cross_entropy": _cross_entropy,
    "cross_entropy_grad_input": _grad_input,
}
