"""The cross-entropy of classes."""

from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, as_numpy, integer, same_dtype, shaped
from fastnn.ops._loss import check_reduction, incoming
from fastnn.ops.softmax import log_softmax

__all__ = ["cross_entropy", "cross_entropy_grad_input"]

def class_rows(op: str, scores: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Scores [N, C, ...] as rows [M, C], and the shape of one loss per row."""
    if scores.ndim == 1:
        return scores.reshape(1, -1), ()
    if scores.ndim < 1 or scores.shape[1] == 0:
        raise ValueError(f"{op}: x must be scores [N, C, ...] with at least one class, got shape {scores.shape}")
    shape = (scores.shape[0], *scores.shape[2:])
    return np.moveaxis(scores, 1, -1).reshape(-1, scores.shape[1]), shape


def class_weights(op: str, weight: Any, scores: np.ndarray) -> np.ndarray:
    if weight is None:
        return np.ones(scores.shape[1], scores.dtype)
    return shaped(op, "weight", weight, (scores.shape[1],), scores, "x")


def class_labels(
    op: str, given: np.ndarray, scores: np.ndarray, loss_shape: tuple[int, ...], ignore_index: int
) -> np.ndarray:
    """Checked class indices [M]."""
    m, classes = scores.shape
    if given.dtype.kind not in "iu":
        raise TypeError(f"{op}: target has dtype {given.dtype}; class indices or probabilities are needed")
    if given.shape != loss_shape:
        raise ValueError(f"{op}: target has shape {given.shape}, expected {loss_shape}")
    labels = given.reshape(m)
    kept = labels != ignore_index
    wrong = kept & ((labels < 0) | (labels >= classes))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"{op}: target {int(labels[row])} at position {row} is not in 0..{classes - 1}")
    return labels


def _targets(
    op: str,
    given: np.ndarray,
    x_shape: tuple[int, ...],
    scores: np.ndarray,
    loss_shape: tuple[int, ...],
    ignore_index: int,
) -> np.ndarray:
    """Target as probabilities [M, C]; rows of an ignored class are zero."""
    m, classes = scores.shape
    if given.dtype.kind == "f":
        if given.shape != x_shape:
            raise ValueError(f"{op}: target of probabilities has shape {given.shape}, expected {x_shape}")
        probabilities = as_array(op, "target", given)
        same_dtype(op, "target", probabilities, "x", scores)
        last = probabilities if given.ndim == 1 else np.moveaxis(probabilities, 1, -1)
        return last.reshape(scores.shape)
    labels = class_labels(op, given, scores, loss_shape, ignore_index)
    kept = labels != ignore_index
    one_hot = np.zeros((m, classes), scores.dtype)
    rows = np.flatnonzero(kept)
    one_hot[rows, labels[rows].astype(np.intp)] = 1
    return one_hot


def _weighted(
    op: str,
    x: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> tuple[np.ndarray, np.ndarray, Any, tuple[int, ...]]:
    """(rows of scores, q with loss = -sum q log p, divisor of the mean, shape of the losses)."""
    check_reduction(op, reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"{op}: label_smoothing must be in 0..1, got {label_smoothing}")
    ignore_index = integer(op, "ignore_index", ignore_index, -(1 << 62))
    x = as_array(op, "x", x)
    scores, loss_shape = class_rows(op, x)
    weights = class_weights(op, weight, scores)
    target = as_numpy(op, "target", target)
    p = _targets(op, target, x.shape, scores, loss_shape, ignore_index)
    indices = target.dtype.kind != "f"
    divisor: Any = (p * weights).sum(dtype=np.float64) if indices else scores.shape[0]
    if label_smoothing:
        present = p.any(axis=1, keepdims=True) if indices else True
        p = np.where(present, p * (1 - label_smoothing) + label_smoothing / scores.shape[1], 0)
    return scores, (p * weights).astype(scores.dtype), divisor, loss_shape


def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> np.ndarray:
    """Cross-entropy between scores and classes, as `torch.nn.functional.cross_entropy`.

    ``loss = -sum_c weight[c] q[c] log softmax(x)[c]`` with q the (smoothed) target distribution; "mean" divides by the
    sum of the targets' weights, or by the number of rows where targets are probabilities.

    Parameters
    ----------
    x : array [N, C], [N, C, ...] or [C], unnormalised scores
    target : integers [N], [N, ...] or scalar, classes 0..C-1; or probabilities of x's shape and dtype
    weight : array [C], optional
    ignore_index : a class that contributes nothing
    reduction : "mean", "sum" or "none"
    label_smoothing : share of the target spread evenly over all classes, 0..1

    Returns
    -------
    array: a scalar, or one loss a row with reduction="none". The mean over no rows is NaN.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or classes that do not fit; the message names the first wrong target.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> float(ops.cross_entropy(np.zeros((2, 4)), [0, 3]))  # ln 4
    1.3862943611198906
    """
    return CrossEntropy("cross_entropy", x, target, weight, ignore_index, reduction, label_smoothing).loss()


class CrossEntropy:
    """A checked cross-entropy: its loss and, from the same logarithms, its gradient."""

    __slots__ = ("divisor", "log_p", "q", "reduction", "scores", "shape")

    def __init__(
        self,
        op: str,
        x: Any,
        target: Any,
        weight: Any,
        ignore_index: int,
        reduction: str,
        label_smoothing: float,
    ) -> None:
        self.reduction = reduction
        self.scores, self.q, self.divisor, self.shape = _weighted(
            op, x, target, weight, ignore_index, reduction, label_smoothing
        )
        self.log_p = log_softmax(self.scores)

    def loss(self) -> np.ndarray:
        """What `cross_entropy` returns."""
        # 0 * -inf counts as 0: a class of probability 0 that is not the target adds nothing.
        losses = -np.where(self.q != 0, self.q * self.log_p, 0).sum(axis=1, dtype=np.float64)
        dtype, divisor = self.scores.dtype, self.divisor
        if self.reduction == "none":
            return losses.astype(dtype).reshape(self.shape)
        total = losses.sum()
        if self.reduction == "mean":
            total = np.divide(total, divisor) if divisor else np.float64("nan")
        return np.asarray(total, dtype=dtype)

    def grad_input(self, op: str, gy: Any) -> np.ndarray:
        """What `cross_entropy_grad_input` returns."""
        scores, q, shape, divisor = self.scores, self.q, self.shape, self.divisor
        each = self.reduction == "none"
        g = incoming(op, gy, scores, shape if each else ())
        gradient = np.exp(self.log_p) * q.sum(axis=1, keepdims=True) - q
        factor = g.reshape(-1, 1) if each else g / divisor if self.reduction == "mean" and divisor else g
        gradient = (gradient * factor).astype(scores.dtype)
        if len(shape) <= 1:
            return gradient if shape else gradient.reshape(-1)
        return np.ascontiguousarray(np.moveaxis(gradient.reshape(*shape, gradient.shape[1]), -1, 1))


def cross_entropy_grad_input(
    gy: Any,
    x: Any,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> np.ndarray:
    """Gradient of `cross_entropy` with respect to its scores: ``gy (softmax(x) sum q - q)`` over the divisor.

    Parameters
    ----------
    gy : scalar, or one a row with reduction="none"
    x, target, weight, ignore_index, reduction, label_smoothing : as in `cross_entropy`

    Returns
    -------
    array like `x`

    Raises
    ------
    ValueError, TypeError
        As `cross_entropy`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.cross_entropy_grad_input(1.0, np.zeros((1, 2)), [0])
    array([[-0.5,  0.5]])
    """
    op = "cross_entropy_grad_input"
    return CrossEntropy(op, x, target, weight, ignore_index, reduction, label_smoothing).grad_input(op, gy)
