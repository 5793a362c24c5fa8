"""Losses on the tape."""

from __future__ import annotations

from typing import Any

from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops.loss import CrossEntropy


def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of logits against class indices; the recorded form of `fastnn.ops.cross_entropy`.

    Parameters
    ----------
    x : [n, classes], unnormalised scores.
    target : [n], integers in [0, classes), or `ignore_index`.
    weight : [classes] or None, a factor for each class.
    reduction : "mean", "sum" or "none".
    label_smoothing : share of the target spread evenly over all classes.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, cross_entropy
    >>> round(cross_entropy(Tensor([[0.0, 0.0]]), [1]).item(), 4)
    0.6931
    """
    x = to_plain(as_tensor(x))
    labels = as_tensor(target).numpy()
    factors = None if weight is None else as_tensor(weight).data
    options = (factors, ignore_index, reduction, label_smoothing)
    loss = CrossEntropy("cross_entropy", x.data, labels, *options)
    y = loss.loss()
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (loss.grad_input("cross_entropy_grad_input", gy),)

    return record(y, (x,), backward, (x,))
