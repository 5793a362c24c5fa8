"""RoI pooling and RoI align with their gradients. Kernels: csrc/ops/roi.c."""

from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import NCHW, blocked, image_argument, image_result
from fastnn.ops._boxes import batch_boxes
from fastnn.ops._checks import integer, number
from fastnn.ops._images import ImageOut
from fastnn.ops._shapes import image_shape, roi_shape

__all__ = ["roi_align", "roi_align_grad_input", "roi_pool", "roi_pool_grad_input"]

MOST_SAMPLES = 1 << 16  # of a bin and axis: more is a mistake that would run for hours


def _scale(op: str, spatial_scale: Any) -> float:
    scale = number(op, "spatial_scale", spatial_scale)
    if scale <= 0:
        raise ValueError(f"{op}: spatial_scale must be positive, got {scale}")
    return scale


def _samples(op: str, sampling_ratio: Any) -> int:
    samples = integer(op, "sampling_ratio", sampling_ratio, -(1 << 62))
    if samples > MOST_SAMPLES:
        raise ValueError(f"{op}: sampling_ratio must be at most {MOST_SAMPLES}, got {samples}")
    return max(samples, 0)


def _like(op: str, name: str, value: Any, layout: int, shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """The data of an image argument of this shape and of gy's dtype, in this layout."""
    data, kind, value_shape = image_argument(op, name, value)
    if value_shape != shape:
        raise ValueError(f"{op}: {name} has shape {value_shape}, expected {shape}")
    if data.dtype is not like.dtype:
        raise TypeError(f"{op}: {name} is {data.dtype} but gy is {like.dtype}; convert one of them")
    if kind == layout:
        return data
    return value.numpy() if layout == NCHW else blocked(data).data


def roi_pool(
    x: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    return_indices: bool = False,
    *,
    out: Any = None,
) -> Any:
    """Maximum over each bin of each box (Girshick, "Fast R-CNN", arXiv:1504.08083), as `torchvision.ops.roi_pool`.

    Corners times `spatial_scale` are rounded to whole pixels, halves away from zero; the box holds both of them and
    is at least one pixel wide. Bin i of an axis begins at pixel ``floor(i * length / bins)`` of the box and ends
    before ``ceil((i + 1) * length / bins)``; parts outside the image are cut off. A bin without pixels gives 0.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    boxes : array [K, 5] of (image, x1, y1, x2, y2), or a list of N arrays [L, 4] of (x1, y1, x2, y2)
        In the dtype of x. Any coordinates: a box with one that is NaN or infinite covers nothing (all 0), one whose
        second corner is not beyond the first is one pixel wide; pixels beyond 2**30 count as that.
    output_size : int or pair (height, width), the bins
    spatial_scale : number, positive
        Pixels of x for one unit of the boxes' coordinates.
    return_indices : also return where the maxima are, int64 [K, C, OH, OW]: row * W + column, -1 for an empty bin
    out : array or Blocked [K, C, OH, OW], optional

    Returns
    -------
    array or Blocked [K, C, OH, OW], of x's kind and dtype; with `return_indices` a pair
        NaN where a bin holds one.

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit; a batch index that is no whole number from 0 to N - 1, by its row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> ops.roi_pool(x, [np.array([[0.0, 0.0, 3.0, 3.0]])], 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    op = "roi_pool"
    data, layout, shape = image_argument(op, "x", x)
    rois = batch_boxes(op, boxes, shape, data, "x")
    y_shape = roi_shape(op, shape, len(rois), output_size)
    params = _kernels.RoiParams(shape, y_shape, _scale(op, spatial_scale), 0, False)
    y = ImageOut(op, out, layout, y_shape, data.dtype, data, rois)
    if y.layout != layout:
        data = x.numpy() if y.layout == NCHW else blocked(x).data
    indices = np.empty(y_shape, np.int64) if return_indices else None
    if indices is None or y.layout == NCHW:
        _kernels.roi_pool(params, y.layout, data, rois, y.data, indices)
    else:
        _kernels.roi_pool(params, y.layout, data, rois, y.data, None)
        _kernels.roi_pool(params, NCHW, np.asarray(x), rois, np.empty(y_shape, data.dtype), indices)
    return y.finish() if indices is None else (y.finish(), indices)


def roi_pool_grad_input(gy: Any, x: Any, y: Any, boxes: Any, spatial_scale: float = 1.0) -> Any:
    """Gradient of `roi_pool`: each gy goes whole to the first maximum of its bin, or to its last NaN.

    Sums over overlapping boxes are taken in the order of the boxes, whatever the number of threads.

    Parameters
    ----------
    gy : array or Blocked [K, C, OH, OW]
    x : array or Blocked [N, C, H, W], the input
    y : array or Blocked [K, C, OH, OW], the result
    boxes, spatial_scale : as in `roi_pool`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x, box = np.array([[[[1.0, 4.0], [3.0, 2.0]]]]), np.array([[0.0, 0.0, 0.0, 1.0, 1.0]])
    >>> ops.roi_pool_grad_input(np.array([[[[5.0]]]]), x, ops.roi_pool(x, box, 1), box)[0, 0]
    array([[0., 5.],
           [0., 0.]])
    """
    op = "roi_pool_grad_input"
    g, layout, g_shape = image_argument(op, "gy", gy)
    x_shape = tuple(x.shape) if hasattr(x, "shape") else np.shape(x)
    rois = batch_boxes(op, boxes, x_shape, g, "gy")
    y_shape = roi_shape(op, x_shape, len(rois), g_shape[2:], gy_shape=g_shape)
    params = _kernels.RoiParams(x_shape, y_shape, _scale(op, spatial_scale), 0, False)
    x_data, y_data = _like(op, "x", x, layout, x_shape, g), _like(op, "y", y, layout, y_shape, g)
    gx, gx_data = image_result(layout, x_shape, g.dtype)
    _kernels.roi_pool_grad_input(params, layout, g, x_data, y_data, rois, gx_data)
    return gx


def roi_align(
    x: Any,
    boxes: Any,
    output_size: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
    *,
    out: Any = None,
) -> Any:
    """Mean of bilinear samples of each bin of each box (He et al., "Mask R-CNN", arXiv:1703.06870), as
    `torchvision.ops.roi_align`.

    Corners are ``coordinate * spatial_scale`` (less 1/2 where `aligned`), and nothing is rounded. Each bin of
    ``length / bins`` is sampled at ``sampling_ratio`` places an axis, evenly spaced. A sample within a pixel of the
    image has the edge's value, one farther out counts as 0.

    Parameters
    ----------
    x : array or Blocked [N, C, H, W], float32 or float64
    boxes : array [K, 5] of (image, x1, y1, x2, y2), or a list of N arrays [L, 4] of (x1, y1, x2, y2)
        In the dtype of x. Any coordinates: a box with one that is NaN or infinite covers nothing (all 0).
    output_size : int or pair (height, width), the bins
    spatial_scale : number, positive
        Pixels of x for one unit of the boxes' coordinates.
    sampling_ratio : int
        Samples of a bin along each axis; 0 or less: as many as the bin has pixels there, rounded up.
    aligned : pixel centres at half coordinates, the convention of ONNX's ``half_pixel``
        Without it boxes are made at least one pixel wide. With it an inverted or empty box keeps its size: its
        samples run backwards or coincide and, where their number follows the size, there are none (all 0).
    out : array or Blocked [K, C, OH, OW], optional

    Returns
    -------
    array or Blocked [K, C, OH, OW], of x's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit; a batch index that is no whole number from 0 to N - 1, by its row.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.arange(16.0).reshape(1, 1, 4, 4)
    >>> ops.roi_align(x, [np.array([[0.0, 0.0, 2.0, 2.0]])], 1, sampling_ratio=1)
    array([[[[5.]]]])
    """
    op = "roi_align"
    data, layout, shape = image_argument(op, "x", x)
    rois = batch_boxes(op, boxes, shape, data, "x")
    y_shape = roi_shape(op, shape, len(rois), output_size)
    scale, samples = _scale(op, spatial_scale), _samples(op, sampling_ratio)
    params = _kernels.RoiParams(shape, y_shape, scale, samples, bool(aligned))
    y = ImageOut(op, out, layout, y_shape, data.dtype, data, rois)
    if y.layout != layout:
        data = x.numpy() if y.layout == NCHW else blocked(x).data
    _kernels.roi_align(params, y.layout, data, rois, y.data)
    return y.finish()


def roi_align_grad_input(
    gy: Any,
    boxes: Any,
    input_shape: Any,
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Any:
    """Gradient of `roi_align`: each gy is shared among the pixels of its samples by their weights.

    Sums over overlapping boxes are taken in the order of the boxes, whatever the number of threads.

    Parameters
    ----------
    gy : array or Blocked [K, C, OH, OW]
    boxes : as in `roi_align`
    input_shape : (N, C, H, W)
    spatial_scale, sampling_ratio, aligned : as in `roi_align`

    Returns
    -------
    array or Blocked [N, C, H, W], of gy's kind and dtype

    Raises
    ------
    ValueError, TypeError
        Shapes, numbers or dtypes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> box = np.array([[0.0, 0.0, 0.0, 1.0, 1.0]])
    >>> ops.roi_align_grad_input(np.array([[[[4.0]]]]), box, (1, 1, 2, 2), sampling_ratio=1)[0, 0]
    array([[1., 1.],
           [1., 1.]])
    """
    op = "roi_align_grad_input"
    g, layout, g_shape = image_argument(op, "gy", gy)
    shape = image_shape(op, "input_shape", input_shape)
    rois = batch_boxes(op, boxes, shape, g, "gy")
    y_shape = roi_shape(op, shape, len(rois), g_shape[2:], gy_shape=g_shape)
    scale, samples = _scale(op, spatial_scale), _samples(op, sampling_ratio)
    params = _kernels.RoiParams(shape, y_shape, scale, samples, bool(aligned))
    gx, gx_data = image_result(layout, shape, g.dtype)
    _kernels.roi_align_grad_input(params, layout, g, rois, gx_data)
    return gx
