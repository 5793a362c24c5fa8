"""Overlaps of boxes and non-maximum suppression. Kernels: csrc/ops/boxes.c."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._boxes import corner_boxes
from fastnn.ops._checks import as_numpy, check_out, check_size, finish_out, new_array, number, same_dtype, shaped

__all__ = ["batched_nms", "box_iou", "nms"]


def box_iou(a: Any, b: Any, *, out: Any = None) -> np.ndarray:
    """Intersection over union of every pair of boxes, as `torchvision.ops.box_iou`.

    ``iou[i, j] = I / (area(a[i]) + area(b[j]) - I)``; an inverted box has no intersection with any.

    Parameters
    ----------
    a : array [M, 4] of (x1, y1, x2, y2), float32 or float64
    b : array [N, 4], of the same dtype
    out : array [M, N], optional

    Returns
    -------
    array [M, N]
        NaN where a coordinate is NaN and where both areas are 0.

    Raises
    ------
    ValueError, TypeError
        Shapes or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.box_iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 3.0, 2.0], [5.0, 5.0, 6.0, 6.0]]))
    array([[0.33333333, 0.        ]])
    """
    left, right = corner_boxes("box_iou", "a", a), corner_boxes("box_iou", "b", b)
    same_dtype("box_iou", "b", right, "a", left)
    shape = len(left), len(right)
    check_size("box_iou", "output", shape)
    iou = new_array(shape, left.dtype) if out is None else check_out("box_iou", out, shape, left.dtype, left, right)
    _kernels.box_iou(left, right, iou, *shape)
    return finish_out(out, iou)


def _by_score(scores: np.ndarray) -> np.ndarray:
    """Positions by falling score, equal ones in their order, NaN before all numbers as in PyTorch's sort."""
    nan = np.isnan(scores)
    if not nan.any():
        return np.argsort(-scores, kind="stable")
    return np.lexsort((np.where(nan, 0, -scores), ~nan))


def _arguments(op: str, boxes: Any, scores: Any, iou_threshold: Any) -> tuple[np.ndarray, np.ndarray, float]:
    array = corner_boxes(op, "boxes", boxes)
    score = shaped(op, "scores", scores, (len(array),), array, "boxes")
    return array, score, number(op, "iou_threshold", iou_threshold)


def nms(boxes: Any, scores: Any, iou_threshold: float) -> np.ndarray:
    """Non-maximum suppression: boxes that no better one kept overlaps too much, as `torchvision.ops.nms`.

    From the highest score down, a box stays unless its intersection over union with one that stays is greater than
    the threshold.

    Parameters
    ----------
    boxes : array [K, 4] of (x1, y1, x2, y2), float32 or float64
    scores : array [K], of the same dtype
        Equal scores count in their order; NaN counts as the highest.
    iou_threshold : number

    Returns
    -------
    int64 array
        Positions of the boxes that stay, by falling score. A box with a NaN coordinate, or of no area, overlaps
        none and stays.

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> boxes = np.array([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [6.0, 6.0, 8.0, 8.0]])
    >>> ops.nms(boxes, np.array([0.7, 0.9, 0.3]), 0.5)
    array([1, 2])
    """
    array, score, threshold = _arguments("nms", boxes, scores, iou_threshold)
    order = _by_score(score).astype(np.int64, copy=False)
    keep = np.empty(len(order), np.int8)
    _kernels.nms(array, order, np.array([0, len(order)], np.int64), threshold, keep)
    return order[keep != 0]


def batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> np.ndarray:
    """`nms` of each class by itself, as `torchvision.ops.batched_nms`.

    Parameters
    ----------
    boxes : array [K, 4] of (x1, y1, x2, y2), float32 or float64
    scores : array [K], of the same dtype
    idxs : integer array [K], the class of each box
    iou_threshold : number

    Returns
    -------
    int64 array
        Positions of the boxes that stay, of all classes, by falling score.

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> boxes = np.array([[0.0, 0.0, 4.0, 4.0], [0.0, 0.0, 4.0, 5.0], [0.0, 0.0, 4.0, 4.0]])
    >>> ops.batched_nms(boxes, np.array([0.7, 0.9, 0.3]), np.array([0, 0, 1]), 0.5)
    array([1, 2])
    """
    op = "batched_nms"
    array, score, threshold = _arguments(op, boxes, scores, iou_threshold)
    classes = as_numpy(op, "idxs", idxs)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"{op}: idxs has dtype {classes.dtype}; integers are needed")
    if classes.shape != (len(array),):
        raise ValueError(f"{op}: idxs has shape {classes.shape}, expected {(len(array),)}")
    by_score = _by_score(score)
    by_class = np.argsort(classes[by_score], kind="stable")  # positions in by_score, class after class
    ends = np.flatnonzero(np.diff(classes[by_score][by_class])) + 1
    start = np.concatenate(([0], ends, [len(array)])).astype(np.int64)
    keep = np.empty(len(array), np.int8)
    _kernels.nms(array, by_score[by_class].astype(np.int64, copy=False), start, threshold, keep)
    kept = np.sort(by_class[keep != 0])
    return by_score[kept].astype(np.int64, copy=False)
