"""The negative log-likelihood of classes."""

from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, as_numpy, integer
from fastnn.ops._loss import check_reduction, incoming
from fastnn.ops.loss import class_labels, class_rows, class_weights

__all__ = ["nll_loss", "nll_loss_grad_input"]


class NegativeLogLikelihood:
    """A checked loss: rows [M, C], of which `kept` count, with the classes `labels` and their weights."""

    def __init__(
        self, op: str, x: Any, target: Any, weight: Any, ignore_index: Any, reduction: Any
    ) -> None:
        self.reduction = check_reduction(op, reduction)
        ignored = integer(op, "ignore_index", ignore_index, -(1 << 62))
        self.x = as_array(op, "x", x)
        self.rows, self.shape = class_rows(op, self.x)
        weights = class_weights(op, weight, self.rows)
        labels = class_labels(op, as_numpy(op, "target", target), self.rows, self.shape, ignored)
        self.kept = np.flatnonzero(labels != ignored)
        self.labels = labels[self.kept].astype(np.intp)
        self.weights = weights[self.labels]
        self.divisor = self.weights.sum(dtype=np.float64) if self.reduction == "mean" else 1.0

    def loss(self) -> np.ndarray:
        """What `nll_loss` returns."""
        losses = -self.weights * self.rows[self.kept, self.labels]
        if self.reduction == "none":
            each = np.zeros(len(self.rows), self.x.dtype)
            each[self.kept] = losses
            return each.reshape(self.shape)
        total = losses.sum(dtype=np.float64)
        return np.asarray(total / self.divisor if self.divisor else np.nan, self.x.dtype)

    def grad_input(self, op: str, gy: Any) -> np.ndarray:
        """What `nll_loss_grad_input` returns."""
        each = self.reduction == "none"
        g = incoming(op, gy, self.x, self.shape if each else ())
        gx = np.zeros_like(self.rows)
        share = g.reshape(-1)[self.kept] if each else g / self.divisor if self.divisor else g
        gx[self.kept, self.labels] = -self.weights * share
        if len(self.shape) <= 1:
            return gx.reshape(self.x.shape)
        return np.ascontiguousarray(np.moveaxis(gx.reshape(*self.shape, gx.shape[1]), -1, 1))


def nll_loss(
    x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> np.ndarray:
    """``-weight[target] x[target]`` of each row of log-probabilities, as `torch.nn.functional.nll_loss`.

    Parameters
    ----------
    x : array [N, C], [N, C, ...] or [C], logarithms of probabilities
    target : integers [N], [N, ...] or scalar, classes 0..C-1
    weight : array [C], optional
    ignore_index : a class that contributes nothing
    reduction : "mean" (divided by the sum of the targets' weights), "sum" or "none"

    Returns
    -------
    array: a scalar, or one loss a row with reduction="none". The mean over no rows is NaN.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> float(ops.nll_loss(np.log([[0.25, 0.75]]), [0]))  # ln 4
    1.3862943611198906
    """
    return NegativeLogLikelihood("nll_loss", x, target, weight, ignore_index, reduction).loss()


def nll_loss_grad_input(
    gy: Any, x: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> np.ndarray:
    """Gradient of `nll_loss` with respect to x: ``-gy weight[target]`` at each target, else 0.

    Parameters
    ----------
    gy : scalar, or one a row with reduction="none"
    x, target, weight, ignore_index, reduction : as in `nll_loss`

    Returns
    -------
    array like `x`

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.nll_loss_grad_input(1.0, np.log([[0.25, 0.75]]), [0])
    array([[-1.,  0.]])
    """
    op = "nll_loss_grad_input"
    return NegativeLogLikelihood(op, x, target, weight, ignore_index, reduction).grad_input(op, gy)
