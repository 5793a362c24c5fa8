"""Activation layers."""

from __future__ import annotations

from fastnn.autograd.activation import relu
from fastnn.autograd.inplace import replace
from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module


class ReLU(Module):
    """max(x, 0).

    Parameters
    ----------
    inplace : the input tensor takes over the result as well, as in PyTorch.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.ReLU()(np.array([-1.0, 2.0])).numpy()
    array([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = inplace

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return replace("relu_", x, relu(x)) if self.inplace else relu(x)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""
