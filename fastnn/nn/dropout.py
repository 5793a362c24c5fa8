"""Dropout as a layer."""

from __future__ import annotations

from fastnn.autograd.dropout import dropout
from fastnn.autograd.tensor import Tensor
from fastnn.nn import init
from fastnn.nn.module import Module


class Dropout(Module):
    """Zeros with probability `p` in training, everything else divided by ``1 - p``; x itself in evaluation.

    Each call draws a seed from the generator of `fastnn.nn.init`, so that ``nn.init.manual_seed`` repeats a run.

    Parameters
    ----------
    p : probability of a zero.
    inplace : only False is supported.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Dropout(0.5).eval()(np.ones(3)).numpy()
    array([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p must be in 0..1, is {p}")
        if inplace:
            raise NotImplementedError("Dropout: inplace=True")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Result has the shape and kind of x."""
        return dropout(x, self.p, True, init.draw_seed()) if self.training else x

    def extra_repr(self) -> str:
        return f"p={self.p}"
