"""The fully connected layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fastnn import ops
from fastnn.autograd._tape import mode
from fastnn.autograd.layout import to_plain
from fastnn.autograd.linear import linear
from fastnn.autograd.tensor import Tensor, wrap
from fastnn.nn import init
from fastnn.nn._arguments import count, float_dtype
from fastnn.nn._packed import Entry, packed
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter


class Linear(Module):
    """x [..., in_features] times the transpose of a trained matrix, plus bias.

    Attributes
    ----------
    weight : [out_features, in_features], uniform in +-1/sqrt(in_features) at first.
    bias : [out_features] or None, uniform in the same range.

    Raises
    ------
    ValueError, TypeError
        For sizes that are not positive ints.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> nn.Linear(4, 2)(np.zeros((3, 4), dtype=np.float32)).shape
    (3, 2)
    """

    _packed: Entry | None = None
    fuses_relu = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.in_features = count("Linear", "in_features", in_features)
        self.out_features = count("Linear", "out_features", out_features)
        wanted = float_dtype("Linear", device, dtype)
        self.weight = Parameter(np.empty((self.out_features, self.in_features), dtype=wanted))
        self.bias: Any = Parameter(np.empty(self.out_features, dtype=wanted)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, as PyTorch does."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor, activation: str | None = None) -> Tensor:
        """Result is [..., out_features]; `activation` ("relu") costs no pass of its own."""
        if not self.training and not mode.enabled:
            matrix = packed(self, (), activation, ops.pack_linear)
            if matrix is not None:
                return wrap(matrix(to_plain(x).data))
        return linear(x, self.weight, self.bias, activation=activation)

    def extra_repr(self) -> str:
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"
