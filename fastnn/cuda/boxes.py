"""Overlaps of boxes and non-maximum suppression on `GPUArray`s."""

import numpy as np

from fastnn.cuda import _arrays
from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import boxes as kernels

_THREADS = 4 if SIMULATED else 256  # of the one block that goes down the matrix


def box_iou(a: GPUArray, b: GPUArray, iou: GPUArray) -> None:
    kernel = build(kernels.box_iou, NAMES[a.dtype])
    run(kernel, iou.size, a, a.pointer, b.pointer, iou.pointer, iou.size, b.shape[0])


def nms(boxes: GPUArray, scores: GPUArray, classes: GPUArray | None, threshold: float) -> tuple[GPUArray, int]:
    """(kept, count): the first `count` of kept, int64, are the boxes that stay, by falling score. Waits for them."""
    k, real = boxes.shape[0], NAMES[boxes.dtype]
    kept = boxes.new((k,), np.int64)
    if k == 0:
        return kept, 0
    words = -(-k // kernels.BITS)
    order, suppressed = boxes.new((k,), np.int32), boxes.new((k, words), np.int32)
    removed, count = boxes.new((words,), np.int32), boxes.new((1,), np.int32)
    run(build(kernels.by_score, real), k, boxes, scores.pointer, order.pointer, k)
    mark = build(kernels.suppression, real, "" if classes is None else NAMES[classes.dtype])
    pointers = boxes.pointer, order.pointer, (classes or order).pointer, suppressed.pointer
    run(mark, suppressed.size, boxes, *pointers, suppressed.size, k, words, threshold)
    results = suppressed.pointer, order.pointer, removed.pointer, kept.pointer, count.pointer
    build(kernels.keep, _THREADS)(1, _THREADS, boxes.place, *results, k, words)
    return kept, int(_arrays.to_host(count.array)[0])
