"""Layers that only reshape."""

from __future__ import annotations

from fastnn.autograd.shape import flatten
from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module


class Flatten(Module):
    """Dimensions `start_dim` to `end_dim`, inclusive, as one; images become rows of a matrix by default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Flatten()(np.zeros((5, 3, 2, 2), dtype=np.float32)).shape
    (5, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Tensor) -> Tensor:
        """Result is a plain array, in the order of NCHW."""
        return flatten(x, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
