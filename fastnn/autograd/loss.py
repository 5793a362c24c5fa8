"""Losses on the tape."""

from __future__ import annotations

from typing import Any

from fastnn import ops
from fastnn.autograd._tape import Gradients
from fastnn.autograd.layout import to_plain
from fastnn.autograd.tensor import Tensor, as_tensor, record, recording, wrap
from fastnn.ops._backend import on_gpu
from fastnn.ops._loss import Elementwise
from fastnn.ops.loss import CrossEntropy
from fastnn.ops.loss_elementwise import logistic_error, smooth_error, squared_error
from fastnn.ops.nll_loss import NegativeLogLikelihood


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
    factors = None if weight is None else as_tensor(weight).data
    options = (factors, ignore_index, reduction, label_smoothing)
    if on_gpu(x.data):
        return _cross_entropy_on_gpu(x, as_tensor(target), options)
    labels = as_tensor(target).numpy()
    loss = CrossEntropy("cross_entropy", x.data, labels, *options)
    y = loss.loss()
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (loss.grad_input("cross_entropy_grad_input", gy),)

    return record(y, (x,), backward, (x,))


def _cross_entropy_on_gpu(x: Tensor, target: Tensor, options: tuple[Any, ...]) -> Tensor:
    xd, labels = x.data, target.data
    y = ops.cross_entropy(xd, labels, *options)
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (ops.cross_entropy_grad_input(gy, xd, labels, *options),)

    return record(y, (x,), backward, (x,))


def _record_elementwise(op: str, x: Tensor, target: Tensor, loss: Elementwise) -> Tensor:
    """A loss of x and target, whose gradients differ by their sign alone where both are wanted."""
    y = loss.loss()
    if not recording(x, target):
        return wrap(y)
    need_x, need_target = x.requires_grad, target.requires_grad

    def backward(gy: Any) -> Gradients:
        gx = loss.grad_input(f"{op}_grad_input", gy)
        return gx if need_x else None, -gx if need_target else None

    return record(y, (x, target), backward, (x, target))


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> Tensor:
    """Squared error; the recorded form of `fastnn.ops.mse_loss`, with gradients of both.

    Examples
    --------
    >>> from fastnn.autograd import Tensor, mse_loss
    >>> mse_loss(Tensor([1.0, 2.0]), Tensor([1.0, 4.0])).item()
    2.0
    """
    x, target = to_plain(as_tensor(x)), to_plain(as_tensor(target))
    return _record_elementwise("mse_loss", x, target, squared_error("mse_loss", x.data, target.data, reduction))


def smooth_l1_loss(x: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """The recorded form of `fastnn.ops.smooth_l1_loss`, with gradients of both."""
    op, x, target = "smooth_l1_loss", to_plain(as_tensor(x)), to_plain(as_tensor(target))
    return _record_elementwise(op, x, target, smooth_error(op, x.data, target.data, reduction, beta))


def binary_cross_entropy_with_logits(
    x: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """The recorded form of `fastnn.ops.binary_cross_entropy_with_logits`; a gradient of x alone.

    Raises
    ------
    NotImplementedError
        Where target requires grad.
    """
    op, x, target = "binary_cross_entropy_with_logits", to_plain(as_tensor(x)), to_plain(as_tensor(target))
    if recording(target):
        raise NotImplementedError(f"{op}: no gradient with respect to target; detach() it")
    factors = [None if w is None else as_tensor(w).data for w in (weight, pos_weight)]
    loss = logistic_error(op, x.data, target.data, factors[0], reduction, factors[1])
    y = loss.loss()
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (loss.grad_input(f"{op}_grad_input", gy),)

    return record(y, (x,), backward, (x, target))


def nll_loss(
    x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """The recorded form of `fastnn.ops.nll_loss`: log-probabilities against class indices."""
    x = to_plain(as_tensor(x))
    factors = None if weight is None else as_tensor(weight).data
    labels = as_tensor(target).numpy()
    loss = NegativeLogLikelihood("nll_loss", x.data, labels, factors, ignore_index, reduction)
    y = loss.loss()
    if not recording(x):
        return wrap(y)

    def backward(gy: Any) -> Gradients:
        return (loss.grad_input("nll_loss_grad_input", gy),)

    return record(y, (x,), backward)
