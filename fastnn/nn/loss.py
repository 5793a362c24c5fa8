"""Losses as modules."""

from __future__ import annotations

from typing import Any

from fastnn.autograd.loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from fastnn.autograd.tensor import Tensor
from fastnn.nn.module import Module
from fastnn.nn.parameter import Buffer


class CrossEntropyLoss(Module):
    """Cross-entropy of logits [n, classes] against class indices [n].

    Parameters
    ----------
    weight : [classes] or None, a factor for each class.
    size_average, reduce : PyTorch's old names for `reduction`; not supported.
    ignore_index : a target that does not count.
    reduction : "mean", "sum" or "none".
    label_smoothing : share of the target spread evenly over all classes, in [0, 1].

    Raises
    ------
    NotImplementedError
        For `size_average` and `reduce`.
    ValueError
        For an unknown `reduction` or a `label_smoothing` outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import nn
    >>> loss = nn.CrossEntropyLoss()(np.zeros((1, 4)), np.array([2]))
    >>> round(loss.item(), 4)
    1.3863
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        for name, value in (("size_average", size_average), ("reduce", reduce)):
            if value is not None:
                raise NotImplementedError(f"CrossEntropyLoss: {name}={value!r}; use reduction")
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"CrossEntropyLoss: reduction must be 'mean', 'sum' or 'none', is {reduction!r}")
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"CrossEntropyLoss: label_smoothing must be in [0, 1], is {label_smoothing}")
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Result has no dimensions, or [n] where `reduction` is "none"."""
        return cross_entropy(x, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class _Reduced(Module):
    """A loss whose only state is how it is reduced."""

    def __init__(self, size_average: None = None, reduce: None = None, reduction: str = "mean") -> None:
        self._set_reduction(size_average, reduce, reduction)

    def _set_reduction(self, size_average: None, reduce: None, reduction: str) -> None:
        name = type(self).__name__
        for old, value in (("size_average", size_average), ("reduce", reduce)):
            if value is not None:
                raise NotImplementedError(f"{name}: {old}={value!r}; use reduction")
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', is {reduction!r}")
        self.reduction = reduction


class MSELoss(_Reduced):
    """Squared error.

    Parameters
    ----------
    size_average, reduce : PyTorch's old names for `reduction`; not supported.
    reduction : "mean", "sum" or "none".
    """

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Result has no dimensions, or those of x where `reduction` is "none"."""
        return mse_loss(x, target, self.reduction)


class SmoothL1Loss(_Reduced):
    """Squared error near 0, absolute error beyond `beta`.

    Parameters
    ----------
    size_average, reduce : PyTorch's old names for `reduction`; not supported.
    reduction : "mean", "sum" or "none".
    beta : where the parabola ends.
    """

    def __init__(
        self, size_average: None = None, reduce: None = None, reduction: str = "mean", beta: float = 1.0
    ) -> None:
        self._set_reduction(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Result has no dimensions, or those of x where `reduction` is "none"."""
        return smooth_l1_loss(x, target, self.reduction, self.beta)


class BCEWithLogitsLoss(_Reduced):
    """Cross-entropy of sigmoid(x) against probabilities.

    Parameters
    ----------
    weight, pos_weight : factors of each loss and of its positive part, broadcast to x, or None.
    size_average, reduce : PyTorch's old names for `reduction`; not supported.
    reduction : "mean", "sum" or "none".
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        reduce: None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        self._set_reduction(size_average, reduce, reduction)
        self.weight = None if weight is None else Buffer(weight)
        self.pos_weight = None if pos_weight is None else Buffer(pos_weight)

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Result has no dimensions, or those of x where `reduction` is "none"."""
        return binary_cross_entropy_with_logits(x, target, self.weight, self.reduction, self.pos_weight)


class NLLLoss(_Reduced):
    """Negative log-likelihood of classes [n], x being log-probabilities [n, classes].

    Parameters
    ----------
    weight : [classes] or None, a factor for each class.
    size_average, reduce : PyTorch's old names for `reduction`; not supported.
    ignore_index : a target that does not count.
    reduction : "mean", "sum" or "none".
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: None = None,
        ignore_index: int = -100,
        reduce: None = None,
        reduction: str = "mean",
    ) -> None:
        self._set_reduction(size_average, reduce, reduction)
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index = ignore_index

    def forward(self, x: Tensor, target: Any) -> Tensor:
        """Result has no dimensions, or those of the target where `reduction` is "none"."""
        return nll_loss(x, target, self.weight, self.ignore_index, self.reduction)
