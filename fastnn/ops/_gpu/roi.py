"""RoI pooling and RoI align on GPU arrays; see `fastnn.ops.roi` for what the functions mean.

The batch indices of an array [K, 5] are looked at on the host, so the call waits for it; a list [L, 4] for each image
does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastnn.ops._boxes import check_batch_indices
from fastnn.ops._gpu._arguments import as_array, result
from fastnn.ops._shapes import image_shape
from fastnn.ops._window_shapes import roi_shape
from fastnn.ops.roi import _samples, _scale

if TYPE_CHECKING:
    from fastnn.cuda._arrays import GPUArray


def _boxes(op: str, boxes: Any, x_shape: tuple[int, ...], like: GPUArray) -> GPUArray:
    """Boxes [K, 5] of images [N, C, H, W]."""
    from fastnn.cuda import _arrays, roi

    if len(x_shape) != 4:
        raise ValueError(f"{op}: x must have 4 dimensions [N, C, H, W], got shape {x_shape}")
    n = x_shape[0]
    if isinstance(boxes, (list, tuple)):
        if len(boxes) != n:
            raise ValueError(f"{op}: boxes has {len(boxes)} arrays for {n} images")
        parts = [as_array(op, f"boxes[{i}]", part, like) for i, part in enumerate(boxes)]
        for i, part in enumerate(parts):
            if len(part.shape) != 2 or part.shape[1] != 4:
                raise ValueError(f"{op}: boxes[{i}] has shape {part.shape}, expected [L, 4]")
        return roi.joined(parts, like)
    found = as_array(op, "boxes", boxes, like)
    if len(found.shape) != 2 or found.shape[1] != 5:
        raise ValueError(f"{op}: boxes has shape {found.shape}, expected [K, 5] or a list of [L, 4]")
    if found.size:
        check_batch_indices(op, _arrays.to_host(found.array)[:, 0], n)
    return found


def _roi_pool(
    x: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0, return_indices: bool = False, *, out: Any = None
) -> Any:
    from fastnn.cuda import roi

    op = "roi_pool"
    data = as_array(op, "x", x)
    rois = _boxes(op, boxes, data.shape, data)
    y_shape = roi_shape(op, data.shape, rois.shape[0], output_size)
    scale = _scale(op, spatial_scale)
    y = result(op, out, data, y_shape, rois)
    indices = data.new(y_shape, "int64") if return_indices else None
    roi.roi_pool(data, rois, scale, y, indices)
    return y.array if indices is None else (y.array, indices.array)


def _roi_pool_grad_input(gy: Any, x: Any, y: Any, boxes: Any, spatial_scale: float = 1.0) -> Any:
    from fastnn.cuda import roi

    op = "roi_pool_grad_input"
    g = as_array(op, "gy", gy)
    data = as_array(op, "x", x, g)
    rois = _boxes(op, boxes, data.shape, g)
    y_shape = roi_shape(op, data.shape, rois.shape[0], g.shape[2:], gy_shape=g.shape)
    as_array(op, "y", y, g, y_shape)
    gx = g.new(data.shape)
    roi.roi_pool_grad_input(g, data, rois, _scale(op, spatial_scale), gx)
    return gx.array


def _roi_align(
    x: Any, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False,
    *, out: Any = None,
) -> Any:  # fmt: skip
    from fastnn.cuda import roi

    op = "roi_align"
    data = as_array(op, "x", x)
    rois = _boxes(op, boxes, data.shape, data)
    y_shape = roi_shape(op, data.shape, rois.shape[0], output_size)
    scale, samples = _scale(op, spatial_scale), _samples(op, sampling_ratio)
    y = result(op, out, data, y_shape, rois)
    roi.roi_align(data, rois, scale, samples, bool(aligned), y)
    return y.array


def _roi_align_grad_input(
    gy: Any, boxes: Any, input_shape: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1, aligned: bool = False
) -> Any:
    from fastnn.cuda import roi

    op = "roi_align_grad_input"
    g, shape = as_array(op, "gy", gy), image_shape(op, "input_shape", input_shape)
    rois = _boxes(op, boxes, shape, g)
    roi_shape(op, shape, rois.shape[0], g.shape[2:], gy_shape=g.shape)
    scale, samples = _scale(op, spatial_scale), _samples(op, sampling_ratio)
    gx = g.new(shape)
    roi.roi_align_grad_input(g, rois, scale, samples, bool(aligned), gx)
    return gx.array


TWINS: dict[str, Callable[..., Any]] = {
    "roi_align": _roi_align,
    "roi_align_grad_input": _roi_align_grad_input,
    "roi_pool": _roi_pool,
    "roi_pool_grad_input": _roi_pool_grad_input,
}
