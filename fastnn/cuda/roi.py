"""RoI pooling and align: the twins of `fastnn._kernels`' roi_pool, roi_align and their gradients, on `GPUArray`s."""

from math import prod

import numpy as np

from fastnn.cuda._arrays import GPUArray
from fastnn.cuda._cuda import NAMES, SIMULATED
from fastnn.cuda._launch import build, run
from fastnn.cuda.kernels import boxes as box_kernels
from fastnn.cuda.kernels import roi as kernels
from fastnn.cuda.kernels import roi_pool as pool_kernels

# Pixels of a block's tile, and channels of a thread, which share its weights.
_TILE = (4, 2, 2) if SIMULATED else (32, 8, 8)


def joined(parts: list[GPUArray], like: GPUArray) -> GPUArray:
    """Boxes [L, 4], one array an image, as [K, 5] with the image's number first."""
    boxes = like.new((sum(part.shape[0] for part in parts), 5))
    kernel, row = build(box_kernels.numbered, NAMES[like.dtype]), 0
    for image, part in enumerate(parts):
        count = part.shape[0]
        run(kernel, count, like, part.pointer, boxes.pointer, row, image, count)
        row += count
    return boxes


def roi_pool(x: GPUArray, boxes: GPUArray, scale: float, y: GPUArray, indices: GPUArray | None) -> None:
    kernel = build(pool_kernels.roi_pool, NAMES[x.dtype], "y" if indices is None else "both")
    pointers = x.pointer, boxes.pointer, y.pointer, (indices or y).pointer
    run(kernel, y.size, x, *pointers, y.size, x.shape[1], *x.shape[2:], *y.shape[2:], scale)


def roi_pool_grad_input(gy: GPUArray, x: GPUArray, boxes: GPUArray, scale: float, gx: GPUArray) -> None:
    real, sizes = NAMES[x.dtype], (*x.shape[2:], *gy.shape[2:])
    winner = x.new(gy.shape, np.int32)
    pointers = x.pointer, boxes.pointer, gy.pointer, winner.pointer
    run(build(pool_kernels.roi_pool, real, "winner"), gy.size, x, *pointers, gy.size, x.shape[1], *sizes, scale)
    pointers = gy.pointer, winner.pointer, boxes.pointer, gx.pointer
    _gather(pool_kernels.roi_pool_grad_input, gx, gy, *pointers, numbers=(scale,))


def roi_align(
    x: GPUArray, boxes: GPUArray, scale: float, samples: int, aligned: bool, y: GPUArray
) -> None:  # fmt: skip
    kernel, offset = build(kernels.roi_align, NAMES[x.dtype]), 0.5 if aligned else 0.0
    pointers = x.pointer, boxes.pointer, y.pointer
    run(kernel, y.size, x, *pointers, y.size, x.shape[1], *x.shape[2:], *y.shape[2:], samples, scale, offset)


def roi_align_grad_input(
    gy: GPUArray, boxes: GPUArray, scale: float, samples: int, aligned: bool, gx: GPUArray
) -> None:  # fmt: skip
    numbers = samples, scale, 0.5 if aligned else 0.0
    _gather(kernels.roi_align_grad_input, gx, gy, gy.pointer, boxes.pointer, gx.pointer, numbers=numbers)


def _gather(factory: object, gx: GPUArray, gy: GPUArray, *pointers: object, numbers: tuple[float, ...]) -> None:
    """A block for each tile of an image's pixels and group of its channels."""
    n, channels, h, w = gx.shape
    wide, high, each = _TILE
    groups = -(-channels // each)
    blocks = n * groups * -(-h // high) * -(-w // wide)
    if prod(gx.shape):
        kernel = build(factory, NAMES[gx.dtype], *_TILE)
        kernel(blocks, wide * high, gx.place, *pointers, gy.shape[0], channels, groups, h, w, *gy.shape[2:], *numbers)
