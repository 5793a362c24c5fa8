"""The cross-entropy of classes."""

from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, as_numpy, integer, same_dtype, shaped
from fastnn.ops._loss import check_reduction, incoming
from fastnn.ops.softmax import log_softmax

__all__ = ["cross_entropy", "cross_entropy_grad_input"]

def class_rows(op: str, scores: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Scores [N, C, ...] as rows [M, C], and the shape of one loss per row."""
    if scores.ndim == 2 and scores.shape[1]:
        return scores, (scores.shape[0],)
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


def _indexed(
    op: str, target: np.ndarray, scores: np.ndarray, weights: Any, loss_shape: tuple[int, ...], ignore_index: int
) -> tuple[np.ndarray, np.ndarray]:
    """The class of each row, 0 where it is ignored, and its weight, 0 likewise."""
    labels = class_labels(op, target, scores, loss_shape, ignore_index)
    kept = labels != ignore_index
    labels = np.where(kept, labels, 0).astype(np.intp, copy=False)
    return labels, np.where(kept, weights[labels], 0)


def _probabilities(op: str, target: np.ndarray, x_shape: tuple[int, ...], scores: np.ndarray) -> np.ndarray:
    """Given probabilities as rows [M, C]."""
    if target.shape != x_shape:
        raise ValueError(f"{op}: target of probabilities has shape {target.shape}, expected {x_shape}")
    probabilities = as_array(op, "target", target)
    same_dtype(op, "target", probabilities, "x", scores)
    last = probabilities if target.ndim == 1 else np.moveaxis(probabilities, 1, -1)
    return last.reshape(scores.shape)


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
    """A checked cross-entropy: its loss and, from the same logarithms, its gradient.

    The loss of a row is ``-sum q log p``. `q` holds that row [M, C] of weighted targets, or, where one class has them
    all, its weight [M]; then `labels` holds the classes.
    """

    __slots__ = ("divisor", "labels", "log_p", "q", "reduction", "scores", "shape")

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
        self.reduction = check_reduction(op, reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"{op}: label_smoothing must be in 0..1, got {label_smoothing}")
        ignore_index = integer(op, "ignore_index", ignore_index, -(1 << 62))
        x = as_array(op, "x", x)
        self.scores, self.shape = class_rows(op, x)
        weights = class_weights(op, weight, self.scores)
        target = as_numpy(op, "target", target)
        self.labels: np.ndarray | None = None
        present: Any = 1
        if target.dtype.kind == "f":
            p, self.divisor = _probabilities(op, target, x.shape, self.scores), self.scores.shape[0]
        else:
            self.labels, self.q = _indexed(op, target, self.scores, weights, self.shape, ignore_index)
            self.divisor = self.q.sum(dtype=np.float64)
            if label_smoothing:
                p = np.zeros(self.scores.shape, self.scores.dtype)
                present = (target.reshape(-1) != ignore_index)[:, None]
                p[np.arange(len(p)), self.labels] = 1
        if label_smoothing:
            p = present * (p * (1 - label_smoothing) + label_smoothing / self.scores.shape[1])
            self.labels = None
        if self.labels is None:
            self.q = (p * weights).astype(self.scores.dtype)
        self.log_p = log_softmax(self.scores)

    def loss(self) -> np.ndarray:
        """What `cross_entropy` returns."""
        log_p = self.log_p if self.labels is None else self.log_p[np.arange(len(self.labels)), self.labels]
        # 0 * -inf counts as 0: a class of probability 0 that is not the target adds nothing.
        losses = -np.where(self.q != 0, self.q * log_p, 0).astype(np.float64, copy=False)
        if self.labels is None:
            losses = losses.sum(axis=1)
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
        if self.labels is None:
            gradient = np.exp(self.log_p) * q.sum(axis=1, keepdims=True) - q
        else:
            gradient = np.exp(self.log_p) * q[:, None]
            gradient[np.arange(len(q)), self.labels] -= q
        factor = g.reshape(-1, 1) if each else g / divisor if self.reduction == "mean" and divisor else g
        gradient = (gradient * factor).astype(scores.dtype, copy=False)
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
