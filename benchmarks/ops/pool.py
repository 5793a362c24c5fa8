"""Max and average pooling of VGG16, ResNet-50 and SqueezeNet, next to other libraries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import BEST_OF_THREE, BEYOND_CACHES, Arrays, Goal, Op


@dataclass(frozen=True)
class Pool(Op):
    """A pooling of square images; ``padding`` on all sides."""

    kind: str  # "max" or "avg"
    c: int
    size: int
    kernel: int
    stride: int
    padding: int = 0
    ceil_mode: bool = False
    batches = (1, 32)

    @property
    def passes(self) -> tuple[str, ...]:
        return ("forward", "backward") if self.kind == "max" else ("forward",)

    @property
    def out(self) -> int:
        span = self.size + 2 * self.padding - self.kernel
        return (-(-span // self.stride) if self.ceil_mode else span // self.stride) + 1

    def shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.c, self.size, self.size),)

    def result_shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.c, self.out, self.out),)

    def _windows(self, x: np.ndarray, fill: float) -> np.ndarray:
        """[n, c, oh, ow, kh, kw], the image extended by ``fill`` where windows reach beyond it."""
        beyond = max(0, (self.out - 1) * self.stride + self.kernel - self.size - self.padding)
        sides = [(0, 0), (0, 0), (self.padding, beyond), (self.padding, beyond)]
        padded = np.pad(x, sides, constant_values=fill)
        seen = np.lib.stride_tricks.sliding_window_view(padded, (self.kernel, self.kernel), (2, 3))
        return seen[:, :, :: self.stride, :: self.stride][:, :, : self.out, : self.out]

    def numpy(self, x: np.ndarray) -> np.ndarray:
        if self.kind == "max":
            return self._windows(x, -np.inf).max(axis=(4, 5))
        return self._windows(x, 0.0).mean(axis=(4, 5))

    def numpy_backward(self, gradient: np.ndarray, x: np.ndarray) -> Arrays:
        windows = self._windows(x, -np.inf).reshape(*gradient.shape, -1)
        first = windows.argmax(axis=-1)
        beyond = max(0, (self.out - 1) * self.stride + self.kernel - self.size - self.padding)
        full = self.size + self.padding + beyond
        gx = np.zeros((*x.shape[:2], full, full), x.dtype)
        n, c, i, j = np.ogrid[tuple(slice(size) for size in gradient.shape)]
        rows, columns = i * self.stride + first // self.kernel, j * self.stride + first % self.kernel
        np.add.at(gx, (n, c, rows, columns), gradient)
        inside = slice(self.padding, self.padding + self.size)
        return windows.max(axis=-1), np.ascontiguousarray(gx[:, :, inside, inside])

    def _options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "ceil_mode": self.ceil_mode}

    def fastnn(self, x: np.ndarray) -> Callable[..., Any]:
        from fastnn import ops

        function = getattr(ops, f"{self.kind}_pool2d")
        return lambda **out: function(x, self.kernel, **self._options(), **out)

    def fastnn_blocked(self, x: np.ndarray) -> Callable[..., Any]:
        import fastnn

        return self.fastnn(fastnn.blocked(x))

    def fastnn_backward(self, gradient: np.ndarray, x: np.ndarray) -> Callable[[], Arrays]:
        from fastnn import ops

        def run() -> Arrays:
            y = ops.max_pool2d(x, self.kernel, **self._options())
            return y, ops.max_pool2d_grad_input(gradient, x, y, self.kernel, **self._options())

        return run

    def torch(self, x: Any) -> Callable[[], Any]:
        from torch.nn import functional

        function = getattr(functional, f"{self.kind}_pool2d")
        return lambda: function(x, self.kernel, **self._options())

    def onnx(self) -> tuple[list[Any], int]:
        from onnx import helper

        kind, more = ("MaxPool", {}) if self.kind == "max" else ("AveragePool", {"count_include_pad": 1})
        sides = {"kernel_shape": [self.kernel] * 2, "strides": [self.stride] * 2, "pads": [self.padding] * 4}
        return [helper.make_node(kind, ["x0"], ["y0"], **sides, ceil_mode=int(self.ceil_mode), **more)], 11

    def ncnn(self) -> str:
        mode = 0 if self.ceil_mode else 1
        kind = 0 if self.kind == "max" else 1
        include = "" if self.kind == "max" else " 6=1"
        return f"Pooling 0={kind} 1={self.kernel} 2={self.stride} 3={self.padding} 5={mode}{include}"


def _both(name: str, *geometry: Any) -> dict[str, Pool]:
    """The same windows with a maximum and with a mean."""
    return {f"{kind}.{name}": Pool(kind, *geometry) for kind in ("max", "avg")}


CASES: dict[str, Pool] = {
    **_both("vgg16.1", 64, 224, 2, 2),
    **_both("vgg16.2", 128, 112, 2, 2),
    **_both("vgg16.3", 256, 56, 2, 2),
    **_both("vgg16.4", 512, 28, 2, 2),
    **_both("vgg16.5", 512, 14, 2, 2),
    **_both("resnet50.stem", 64, 112, 3, 2, 1),
    **_both("squeezenet.1", 64, 111, 3, 2, 0, True),
    **_both("squeezenet.2", 128, 55, 3, 2, 0, True),
    **_both("squeezenet.3", 256, 27, 3, 2, 0, True),
    "avg.resnet50.last": Pool("avg", 2048, 7, 7, 1),
    "avg.squeezenet.last": Pool("avg", 1000, 13, 13, 1),
}

GOALS = (
    Goal("pooling, best of three", ("*",), BEST_OF_THREE, 1.3, 0.95),
    Goal("pooling, PyTorch", ("*",), ("torch",), 6.0, 3.0),
    Goal("max pooling both ways, PyTorch", ("max.*",), ("torch",), 4.0, 2.0, "backward"),
    Goal("beyond the caches, of a copy", ("*",), (), 0.7, 0.6, least_bytes=BEYOND_CACHES),
)
