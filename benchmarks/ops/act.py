"""Activations and softmax on arrays of 1 to 50 MB, next to other libraries."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import BEST_OF_THREE, BEYOND_CACHES, Goal, Op


@dataclass(frozen=True)
class Activation(Op):
    """A function of each element of [rows, columns], or softmax of each row; the rows are the batch."""

    kind: str
    rows: int
    columns: int

    @property
    def batches(self) -> tuple[int, ...]:  # type: ignore[override]
        return (self.rows,)

    def shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.columns),)

    def result_shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return self.shapes(batch)

    def numpy(self, x: np.ndarray) -> np.ndarray:
        if self.kind == "softmax":
            e = np.exp(x - x.max(axis=-1, keepdims=True))
            return e / e.sum(axis=-1, keepdims=True)
        if self.kind == "gelu":
            erf = np.frompyfunc(math.erf, 1, 1)
            return x * 0.5 * (1 + erf(x / math.sqrt(2)).astype(x.dtype))
        return {
            "sigmoid": lambda: 1 / (1 + np.exp(-x)),
            "tanh": lambda: np.tanh(x),
            "relu": lambda: np.maximum(x, 0),
            "silu": lambda: x / (1 + np.exp(-x)),
        }[self.kind]()

    def fastnn(self, x: np.ndarray) -> Callable[..., Any]:
        from fastnn import ops

        function = getattr(ops, self.kind)
        return lambda **out: function(x, **out)

    def torch(self, x: Any) -> Callable[[], Any]:
        """Into a given array, as fastnn, where the public function has out=."""
        import torch
        from torch.nn import functional

        y = torch.empty_like(x)
        if self.kind == "softmax":
            return lambda: torch.softmax(x, dim=-1, out=y)
        if self.kind in ("sigmoid", "tanh"):
            function = getattr(torch, self.kind)
            return lambda: function(x, out=y)
        function = getattr(functional, self.kind)
        return lambda: function(x)

    def onnx(self) -> tuple[list[Any], int]:
        from onnx import helper

        if self.kind == "silu":
            nodes = [helper.make_node("Sigmoid", ["x0"], ["s"]), helper.make_node("Mul", ["x0", "s"], ["y0"])]
            return nodes, 13
        name = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax", "gelu": "Gelu"}[self.kind]
        return [helper.make_node(name, ["x0"], ["y0"])], 20


CASES: dict[str, Activation] = {
    **{f"{kind}.1MB": Activation(kind, 256, 1024) for kind in ("gelu", "sigmoid", "tanh", "relu", "silu")},
    **{f"{kind}.12MB": Activation(kind, 1024, 3072) for kind in ("gelu", "sigmoid")},
    **{f"{kind}.50MB": Activation(kind, 4096, 3072) for kind in ("gelu", "sigmoid", "relu")},
    "softmax.imagenet.4MB": Activation("softmax", 1024, 1000),
    "softmax.attention.25MB": Activation("softmax", 49152, 128),
    "softmax.vocabulary.13MB": Activation("softmax", 64, 50257),
}

GOALS = (
    Goal("activations and softmax, best of three", ("*",), BEST_OF_THREE, 1.2, 0.9),
    Goal("beyond the caches, of a copy", ("*",), (), 0.7, 0.6, least_bytes=BEYOND_CACHES),
)
