"""What the losses share: reductions, gradients of them, and the elementwise losses of csrc/kernels/loss.h."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import Blocked
from fastnn.ops._checks import as_array, new_array, same_dtype, shaped

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(op: str, reduction: Any) -> str:
    if reduction not in REDUCTIONS:
        raise ValueError(f"{op}: reduction must be one of {', '.join(REDUCTIONS)}, got {reduction!r}")
    return reduction


def incoming(op: str, gy: Any, like: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """gy as an array; a plain Python number takes x's dtype."""
    if isinstance(gy, (int, float)) and not isinstance(gy, bool):
        gy = np.asarray(gy, like.dtype)
    return shaped(op, "gy", gy, shape, like, "x")


def _plain(op: str, name: str, value: Any) -> np.ndarray:
    return value.numpy() if type(value) is Blocked else as_array(op, name, value)


class Elementwise:
    """A checked loss of x against target, element by element."""

    __slots__ = ("beta", "kind", "positive", "reduction", "target", "weight", "x")

    def __init__(
        self,
        op: str,
        kind: str,
        x: Any,
        target: Any,
        reduction: Any,
        beta: float = 0.0,
        weight: Any = None,
        positive: Any = None,
    ) -> None:
        self.reduction, self.kind, self.beta = check_reduction(op, reduction), _kernels.LOSSES[kind], beta
        self.x, self.target = _plain(op, "x", x), _plain(op, "target", target)
        if self.target.shape != self.x.shape:
            raise ValueError(f"{op}: target has shape {self.target.shape}, x has {self.x.shape}")
        same_dtype(op, "target", self.target, "x", self.x)
        self.weight = self._factor(op, "weight", weight)
        self.positive = self._factor(op, "pos_weight", positive)

    def _factor(self, op: str, name: str, value: Any) -> np.ndarray | None:
        """A factor for each element, broadcast to x's shape."""
        if value is None:
            return None
        factor = _plain(op, name, value)
        same_dtype(op, name, factor, "x", self.x)
        try:
            return np.ascontiguousarray(np.broadcast_to(factor, self.x.shape))
        except ValueError:
            raise ValueError(f"{op}: {name} of shape {factor.shape} does not broadcast to {self.x.shape}") from None

    def _arrays(self) -> tuple[Any, Any, Any, Any]:
        return self.x, self.target, self.weight, self.positive

    def loss(self) -> np.ndarray:
        """A scalar, or the losses."""
        each = new_array(self.x.shape, self.x.dtype) if self.reduction == "none" else None
        total = _kernels.loss(self.kind, self.beta, *self._arrays(), each) if self.x.size else 0.0
        if each is not None:
            return each
        if self.reduction == "mean":
            total = total / self.x.size if self.x.size else float("nan")
        return np.asarray(total, self.x.dtype)

    def grad_input(self, op: str, gy: Any) -> np.ndarray:
        """Gradient with respect to x."""
        gx = new_array(self.x.shape, self.x.dtype)
        g = incoming(op, gy, self.x, self.x.shape if self.reduction == "none" else ())
        if not gx.size:
            return gx
        if self.reduction == "none":
            _kernels.loss_grad(self.kind, self.beta, 1.0, g, *self._arrays(), gx)
        else:
            scale = float(g) / (gx.size if self.reduction == "mean" else 1)
            _kernels.loss_grad(self.kind, self.beta, scale, None, *self._arrays(), gx)
        return gx
