"""Box arguments: of all images in one array, or a list with one array an image."""

from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, same_dtype


def _joined(op: str, boxes: Any, n: int, like: np.ndarray, like_name: str) -> np.ndarray:
    """Arrays [L, 4], one an image, as one array [K, 5]."""
    if len(boxes) != n:
        raise ValueError(f"{op}: boxes has {len(boxes)} arrays for {n} images")
    parts = [as_array(op, f"boxes[{i}]", part) for i, part in enumerate(boxes)]
    for i, part in enumerate(parts):
        if part.ndim != 2 or part.shape[1] != 4:
            raise ValueError(f"{op}: boxes[{i}] has shape {part.shape}, expected [L, 4]")
        same_dtype(op, f"boxes[{i}]", part, like_name, like)
    joined = np.empty((sum(len(part) for part in parts), 5), like.dtype)
    row = 0
    for i, part in enumerate(parts):
        joined[row : row + len(part), 0] = i
        joined[row : row + len(part), 1:] = part
        row += len(part)
    return joined


def batch_boxes(op: str, boxes: Any, x_shape: tuple[int, ...], like: np.ndarray, like_name: str) -> np.ndarray:
    """Boxes [K, 5] of the images [N, ...]: batch indices that are whole numbers below N, then corners."""
    if len(x_shape) != 4:
        raise ValueError(f"{op}: x must have 4 dimensions [N, C, H, W], got shape {x_shape}")
    n = x_shape[0]
    if isinstance(boxes, (list, tuple)) and (not boxes or any(np.ndim(part) == 2 for part in boxes)):
        return _joined(op, boxes, n, like, like_name)
    array = as_array(op, "boxes", boxes)
    if array.ndim != 2 or array.shape[1] != 5:
        raise ValueError(f"{op}: boxes has shape {array.shape}, expected [K, 5] or a list of [L, 4]")
    same_dtype(op, "boxes", array, like_name, like)
    check_batch_indices(op, array[:, 0], n)
    return array


def check_batch_indices(op: str, index: np.ndarray, n: int) -> None:
    """Raise unless all are whole numbers below n."""
    wrong = ~((index >= 0) & (index < n) & (index == np.floor(index)))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"{op}: boxes row {row} has batch index {float(index[row]):g}, "
            f"not a whole number in 0..{n - 1} ({n} images)"
        )


def corner_boxes(op: str, name: str, boxes: Any) -> np.ndarray:
    """Boxes [K, 4] of (x1, y1, x2, y2)."""
    array = as_array(op, name, boxes)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{op}: {name} has shape {array.shape}, expected [K, 4]")
    return array
