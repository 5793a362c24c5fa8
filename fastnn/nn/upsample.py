"""Layers that change the size of images."""

from __future__ import annotations

from typing import Any

from fastnn.autograd.interpolate import interpolate
from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module


class Upsample(Module):
    """[n, c, ...] at another size, see `fastnn.ops.interpolate`.

    Parameters
    ----------
    size, scale_factor : one of them, a number or one for each axis.
    mode : "nearest", "linear", "bilinear", "bicubic" or "trilinear".
    align_corners : the corners of both images are the centres of their corner pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Upsample(scale_factor=2)(np.zeros((1, 3, 4, 5), np.float32)).shape
    (1, 3, 8, 10)
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample: one of size and scale_factor is needed, got {size!r} and {scale_factor!r}")
        self.size, self.scale_factor = size, scale_factor
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        """Result is [n, c, ...], Blocked where x is."""
        return interpolate(x, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"
