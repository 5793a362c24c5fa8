"""Batch norm in training and layer norm on arrays of 1 to 50 MB, next to other libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import BEST_OF_THREE, BEYOND_CACHES, Arrays, Goal, Op

EPS = 1e-5


def _backward(gh: np.ndarray, h: np.ndarray, root: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Gradient of x from that of h = (x - mean) / root."""
    return (gh - gh.mean(axis=axes, keepdims=True) - h * (gh * h).mean(axis=axes, keepdims=True)) / root


@dataclass(frozen=True)
class Norm(Op):
    """Of [n, c, h, w] over all but the channels, or of [rows, n] over each row; with weight and bias."""

    kind: str  # "batch_norm" (in training) or "layer_norm"
    x: tuple[int, ...]
    passes = ("forward", "backward")
    differentiable = (0, 1, 2)
    constant = (1, 2)
    independent = False

    @property
    def axes(self) -> tuple[int, ...]:
        return (0, 2, 3) if self.kind == "batch_norm" else (1,)

    def shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return self.x, (self.x[1],), (self.x[1],)

    def result_shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return (self.x,)

    def _spread(self, values: np.ndarray) -> np.ndarray:
        return values[:, None, None] if self.kind == "batch_norm" else values

    def _standardised(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        d = x - x.mean(axis=self.axes, keepdims=True)
        root = np.sqrt((d * d).mean(axis=self.axes, keepdims=True) + EPS)
        return d / root, root

    def numpy(self, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        return self._standardised(x)[0] * self._spread(w) + self._spread(b)

    def numpy_backward(self, gradient: np.ndarray, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Arrays:
        h, root = self._standardised(x)
        others = self.axes if self.kind == "batch_norm" else (0,)
        gx = _backward(gradient * self._spread(w), h, root, self.axes)
        return self.numpy(x, w, b), gx, (gradient * h).sum(axis=others), gradient.sum(axis=others)

    def fastnn(self, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Callable[..., Any]:
        from fastnn import ops

        if self.kind == "layer_norm":
            return lambda **out: ops.layer_norm(x, self.x[1], w, b, EPS, **out)
        running = np.zeros(self.x[1], np.float32), np.ones(self.x[1], np.float32)
        return lambda **out: ops.batch_norm(x, *running, w, b, True, 0.1, EPS, **out)

    def fastnn_blocked(self, x: np.ndarray, w: np.ndarray, b: np.ndarray) -> Callable[..., Any]:
        import fastnn

        if self.kind == "layer_norm":
            raise NotImplementedError("no images")
        return self.fastnn(fastnn.blocked(x), w, b)

    def fastnn_backward(
        self, gradient: np.ndarray, x: np.ndarray, w: np.ndarray, b: np.ndarray
    ) -> Callable[[], Arrays]:
        from fastnn import autograd
        from fastnn.autograd import Tensor

        tensors = [Tensor(array, requires_grad=True) for array in (x, w, b)]
        running = [Tensor(np.full(self.x[1], value, np.float32)) for value in (0, 1)]

        def run() -> Arrays:
            for tensor in tensors:
                tensor.grad = None
            if self.kind == "layer_norm":
                y = autograd.layer_norm(tensors[0], self.x[1], *tensors[1:], EPS)
            else:
                y = autograd.batch_norm(tensors[0], *running, *tensors[1:], True, 0.1, EPS)
            y.backward(gradient)
            return y.numpy(), *(tensor.grad.numpy() for tensor in tensors)

        return run

    def torch(self, x: Any, w: Any, b: Any) -> Callable[[], Any]:
        import torch
        from torch.nn import functional

        if self.kind == "layer_norm":
            return lambda: functional.layer_norm(x, (self.x[1],), w, b, EPS)
        running = torch.zeros(self.x[1]), torch.ones(self.x[1])
        return lambda: functional.batch_norm(x, *running, w, b, True, 0.1, EPS)

    def onnx(self) -> tuple[list[Any], int]:
        from onnx import helper

        if self.kind == "batch_norm":
            raise NotImplementedError("no training")
        return [helper.make_node("LayerNormalization", ["x0", "x1", "x2"], ["y0"], axis=-1, epsilon=EPS)], 17


CASES: dict[str, Norm] = {
    "batch_norm.56": Norm("batch_norm", (32, 64, 56, 56)),
    "batch_norm.28": Norm("batch_norm", (32, 128, 28, 28)),
    "batch_norm.14": Norm("batch_norm", (32, 256, 14, 14)),
    "batch_norm.7": Norm("batch_norm", (32, 512, 7, 7)),
    "batch_norm.112": Norm("batch_norm", (16, 64, 112, 112)),
    "layer_norm.768": Norm("layer_norm", (4096, 768)),
    "layer_norm.1024": Norm("layer_norm", (512, 1024)),
    "layer_norm.4096": Norm("layer_norm", (3072, 4096)),
}

GOALS = (
    Goal("norms, best of three", ("*",), BEST_OF_THREE, 1.2, 0.9),
    Goal("batch norm both ways, PyTorch", ("batch_norm.*",), ("torch", "torch:compile"), 1.2, 0.9, "backward"),
    Goal("layer norm both ways, PyTorch", ("layer_norm.*",), ("torch", "torch:compile"), 1.2, 0.9, "backward"),
    Goal("beyond the caches, of a copy", ("*",), (), 0.7, 0.6, least_bytes=BEYOND_CACHES),
)
