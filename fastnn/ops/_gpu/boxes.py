"""Overlaps of boxes and non-maximum suppression on GPU arrays; see `fastnn.ops.boxes` for what the functions mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnn.ops._checks import number
from fastnn.ops._gpu._arguments import any_array, as_array, result, together

if TYPE_CHECKING:
    from fastnn.cuda._arrays import GPUArray


def _corners(op: str, name: str, boxes: Any, like: GPUArray | None = None) -> GPUArray:
    found = as_array(op, name, boxes, like)
    if len(found.shape) != 2 or found.shape[1] != 4:
        raise ValueError(f"{op}: {name} has shape {found.shape}, expected [K, 4]")
    return found


def _box_iou(a: Any, b: Any, *, out: Any = None) -> Any:
    from fastnn.cuda import boxes

    left = _corners("box_iou", "a", a)
    right = _corners("box_iou", "b", b, left)
    iou = result("box_iou", out, left, (left.shape[0], right.shape[0]), right)
    boxes.box_iou(left, right, iou)
    return iou.array


def _suppressed(op: str, boxes: Any, scores: Any, classes: Any, iou_threshold: Any) -> Any:
    from fastnn.cuda import boxes as family

    array = _corners(op, "boxes", boxes)
    score = as_array(op, "scores", scores, array, array.shape[:1])
    kept, count = family.nms(array, score, classes, number(op, "iou_threshold", iou_threshold))
    return kept.array[:count]


def _nms(boxes: Any, scores: Any, iou_threshold: float) -> Any:
    return _suppressed("nms", boxes, scores, None, iou_threshold)


def _batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    op = "batched_nms"
    array, classes = _corners(op, "boxes", boxes), any_array(op, "idxs", idxs)
    together(op, "idxs", classes, array)
    if classes.dtype.name not in ("int32", "int64"):
        raise TypeError(f"{op}: idxs has dtype {classes.dtype}; int32 or int64 is needed")
    if classes.shape != array.shape[:1]:
        raise ValueError(f"{op}: idxs has shape {classes.shape}, expected {array.shape[:1]}")
    return _suppressed(op, boxes, scores, classes, iou_threshold)


TWINS: dict[str, Callable[..., Any]] = {"batched_nms": _batched_nms, "box_iou": _box_iou, "nms": _nms}
