"""Layers over boxes."""

from __future__ import annotations

from typing import Any

from fastnn.autograd.roi import roi_align, roi_pool
from fastnn.autograd.tensor import Tensor
from fastnn.nn._arguments import pair
from fastnn.nn.module import Module

Size = int | tuple[int, int]


def _scale(layer: str, spatial_scale: Any) -> float:
    scale = float(spatial_scale)
    if not 0 < scale < float("inf"):
        raise ValueError(f"{layer}: spatial_scale must be positive and finite, is {spatial_scale!r}")
    return scale


class RoIPool(Module):
    """Maximum over the bins of boxes on [n, c, h, w], see `fastnn.ops.roi_pool`.

    Parameters
    ----------
    output_size : bins, an int or (height, width).
    spatial_scale : pixels for one unit of the boxes' coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> boxes = np.array([[0, 0, 0, 3, 3], [1, 2, 2, 5, 5]], np.float32)
    >>> nn.RoIPool(2, 1.0)(np.zeros((2, 3, 6, 6), np.float32), boxes).shape
    (2, 3, 2, 2)
    """

    def __init__(self, output_size: Size, spatial_scale: float) -> None:
        pair("RoIPool", "output_size", output_size, 1)
        self.output_size, self.spatial_scale = output_size, _scale("RoIPool", spatial_scale)

    def forward(self, x: Tensor, boxes: Any) -> Tensor:
        """Result is [k, c, oh, ow], Blocked where x is."""
        return roi_pool(x, boxes, self.output_size, self.spatial_scale)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, spatial_scale={self.spatial_scale}"


class RoIAlign(Module):
    """Mean of bilinear samples of the bins of boxes on [n, c, h, w], see `fastnn.ops.roi_align`.

    Parameters
    ----------
    output_size : bins, an int or (height, width).
    spatial_scale : pixels for one unit of the boxes' coordinates.
    sampling_ratio : samples of a bin along each axis; 0 or less: as many as it has pixels, rounded up.
    aligned : pixel centres at half coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> boxes = np.array([[0, 0, 0, 3, 3], [1, 2, 2, 5, 5]], np.float32)
    >>> nn.RoIAlign(2, 1.0, 2)(np.zeros((2, 3, 6, 6), np.float32), boxes).shape
    (2, 3, 2, 2)
    """

    def __init__(self, output_size: Size, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        pair("RoIAlign", "output_size", output_size, 1)
        self.output_size, self.spatial_scale = output_size, _scale("RoIAlign", spatial_scale)
        self.sampling_ratio, self.aligned = sampling_ratio, aligned

    def forward(self, x: Tensor, boxes: Any) -> Tensor:
        """Result is [k, c, oh, ow], Blocked where x is."""
        return roi_align(x, boxes, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned}"
        )
