"""RoI align and RoI pooling of 100 to 1000 boxes, next to other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import BEST_OF_THREE, Arrays, Goal, Op

SCALE = 1 / 16  # of the feature map of an image of 800 x 1088 pixels


def _boxes(k: int, seed: int = 30) -> np.ndarray:
    """[k, 5] boxes of 30 to 400 pixels inside the image."""
    rng = np.random.default_rng(seed)
    size = rng.uniform(30, 400, (k, 2))
    first = rng.uniform(0, 1, (k, 2)) * ((1088, 800) - size)
    return np.hstack([np.zeros((k, 1)), first, first + size]).astype(np.float32)


@dataclass(frozen=True)
class Regions(Op):
    """Bins of k boxes on one feature map."""

    k: int
    bins: int
    sampling: int = 0
    c: int = 256
    independent = False
    constant = (1,)

    def shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return (batch, self.c, 50, 68), (self.k, 5)

    def inputs(self, batch: int) -> Arrays:
        rng = np.random.default_rng(30)
        return rng.standard_normal(self.shapes(batch)[0], dtype=np.float32), _boxes(self.k)

    def result_shapes(self, batch: int) -> tuple[tuple[int, ...], ...]:
        return ((self.k, self.c, self.bins, self.bins),)


class Align(Regions):
    """RoI align."""

    passes = ("forward", "backward")

    def _matrix(self, first: float, last: float, size: int) -> np.ndarray:
        """[bins, size]: the weights of the pixels of one axis."""
        step = max(last - first, 1) / self.bins
        samples = self.sampling or int(np.ceil(step))
        at = first + (np.arange(self.bins * samples) + 0.5) * step / samples
        inside = (at >= -1) & (at <= size)
        at = np.clip(at, 0, size - 1)
        low = np.minimum(at.astype(int), size - 1)
        weights = np.zeros((len(at), size + 1))
        rows = np.arange(len(at))
        weights[rows, low] = (1 - (at - low)) * inside
        weights[rows, low + 1] += (at - low) * inside
        return weights[:, :size].reshape(self.bins, samples, size).mean(axis=1)

    def _matrices(self, boxes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _, x1, y1, x2, y2 in boxes.astype(np.float64) * (1, *[SCALE] * 4):
            yield self._matrix(y1, y2, 50).astype(np.float32), self._matrix(x1, x2, 68).astype(np.float32)

    def numpy(self, x: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        return np.stack([rows @ x[0] @ columns.T for rows, columns in self._matrices(boxes)])

    def numpy_backward(self, gradient: np.ndarray, x: np.ndarray, boxes: np.ndarray) -> Arrays:
        gx = np.zeros_like(x)
        for g, (rows, columns) in zip(gradient, self._matrices(boxes), strict=True):
            gx[0] += rows.T @ g @ columns
        return self.numpy(x, boxes), gx

    def fastnn(self, x: np.ndarray, boxes: np.ndarray) -> Callable[..., Any]:
        from fastnn import ops

        return lambda **out: ops.roi_align(x, boxes, self.bins, SCALE, self.sampling, **out)

    def fastnn_blocked(self, x: np.ndarray, boxes: np.ndarray) -> Callable[..., Any]:
        import fastnn

        return self.fastnn(fastnn.blocked(x), boxes)

    def fastnn_backward(self, gradient: np.ndarray, x: np.ndarray, boxes: np.ndarray) -> Callable[[], Arrays]:
        from fastnn import ops

        def run() -> Arrays:
            y = ops.roi_align(x, boxes, self.bins, SCALE, self.sampling)
            return y, ops.roi_align_grad_input(gradient, boxes, x.shape, SCALE, self.sampling)

        return run

    def torch(self, x: Any, boxes: Any) -> Callable[[], Any]:
        try:
            from torchvision.ops import roi_align
        except ImportError as error:
            raise NotImplementedError("torchvision is not installed") from error
        return lambda: roi_align(x, boxes, self.bins, SCALE, self.sampling)

    def onnx(self) -> tuple[list[Any], int]:
        from onnx import TensorProto, helper, numpy_helper

        def constant(name: str, value: Any) -> Any:
            tensor = numpy_helper.from_array(np.array(value, np.int64))
            return helper.make_node("Constant", [], [name], value=tensor)

        return [
            *(constant(name, value) for name, value in (("i0", [0]), ("i1", [1]), ("i5", [5]))),
            helper.make_node("Slice", ["x1", "i1", "i5", "i1"], ["corners"]),
            helper.make_node("Slice", ["x1", "i0", "i1", "i1"], ["index"]),
            helper.make_node("Squeeze", ["index", "i1"], ["flat"]),
            helper.make_node("Cast", ["flat"], ["images"], to=TensorProto.INT64),
            helper.make_node(
                "RoiAlign",
                ["x0", "corners", "images"],
                ["y0"],
                output_height=self.bins,
                output_width=self.bins,
                sampling_ratio=self.sampling,
                spatial_scale=SCALE,
                coordinate_transformation_mode="output_half_pixel",
            ),
        ], 16


class MaxPool(Regions):
    """Fast R-CNN's RoI pooling."""

    def numpy(self, x: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        y = np.zeros(self.result_shapes(1)[0], x.dtype)
        for k, box in enumerate(boxes):
            corners = box[1:] * np.float32(SCALE)
            x1, y1, x2, y2 = (int(v) for v in np.sign(corners) * np.floor(np.abs(corners) + np.float32(0.5)))
            rows, columns = self._edges(y1, y2, 50), self._edges(x1, x2, 68)
            for i, (top, bottom) in enumerate(rows):
                for j, (left, right) in enumerate(columns):
                    if top < bottom and left < right:
                        y[k, :, i, j] = x[0, :, top:bottom, left:right].max(axis=(1, 2))
        return y

    def _edges(self, first: int, last: int, size: int) -> list[tuple[int, int]]:
        length = max(last - first + 1, 1)
        step = np.float32(length) / np.float32(self.bins)
        begin = np.floor(np.arange(self.bins, dtype=np.float32) * step).astype(int) + first
        end = np.ceil(np.arange(1, self.bins + 1, dtype=np.float32) * step).astype(int) + first
        return list(zip(np.clip(begin, 0, size).tolist(), np.clip(end, 0, size).tolist(), strict=True))

    def fastnn(self, x: np.ndarray, boxes: np.ndarray) -> Callable[..., Any]:
        from fastnn import ops

        return lambda **out: ops.roi_pool(x, boxes, self.bins, SCALE, **out)

    def fastnn_blocked(self, x: np.ndarray, boxes: np.ndarray) -> Callable[..., Any]:
        import fastnn

        return self.fastnn(fastnn.blocked(x), boxes)

    def torch(self, x: Any, boxes: Any) -> Callable[[], Any]:
        try:
            from torchvision.ops import roi_pool
        except ImportError as error:
            raise NotImplementedError("torchvision is not installed") from error
        return lambda: roi_pool(x, boxes, self.bins, SCALE)

    def onnx(self) -> tuple[list[Any], int]:
        from onnx import helper

        more = {"pooled_shape": [self.bins] * 2, "spatial_scale": SCALE}
        return [helper.make_node("MaxRoiPool", ["x0", "x1"], ["y0"], **more)], 16


CASES: dict[str, Op] = {
    **{
        f"align.{k}.{bins}x{bins}.{'adaptive' if s == 0 else f'sampling{s}'}": Align(k, bins, s)
        for k in (100, 300, 1000)
        for bins in (7, 14)
        for s in (2, 0)
    },
    **{f"pool.{k}.{bins}x{bins}": MaxPool(k, bins) for k in (100, 300, 1000) for bins in (7, 14)},
}

GOALS = (
    Goal("RoI align, best of three", ("align.*",), BEST_OF_THREE, 7.0, 4.0),
    Goal("RoI max pooling, best of three", ("pool.*",), BEST_OF_THREE, 2.5, 1.5),
)
