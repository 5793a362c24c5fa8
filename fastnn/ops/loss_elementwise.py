"""Losses of each element against its target. Kernels: csrc/kernels/loss.h."""

from typing import Any

import numpy as np

from fastnn.ops._checks import number
from fastnn.ops._loss import Elementwise

__all__ = [
    "binary_cross_entropy_with_logits",
    "binary_cross_entropy_with_logits_grad_input",
    "mse_loss",
    "mse_loss_grad_input",
    "smooth_l1_loss",
    "smooth_l1_loss_grad_input",
]


def squared_error(op: str, x: Any, target: Any, reduction: Any) -> Elementwise:
    """The checked loss of `mse_loss`."""
    return Elementwise(op, "squared", x, target, reduction)


def smooth_error(op: str, x: Any, target: Any, reduction: Any, beta: Any) -> Elementwise:
    """The checked loss of `smooth_l1_loss`."""
    width = number(op, "beta", beta)
    if width < 0:
        raise ValueError(f"{op}: beta must not be negative, got {beta!r}")
    return Elementwise(op, "smooth_l1", x, target, reduction, width)


def logistic_error(
    op: str, x: Any, target: Any, weight: Any, reduction: Any, pos_weight: Any
) -> Elementwise:
    """The checked loss of `binary_cross_entropy_with_logits`."""
    return Elementwise(op, "logistic", x, target, reduction, 0.0, weight, pos_weight)


def mse_loss(x: Any, target: Any, reduction: str = "mean") -> np.ndarray:
    """Squared error ``(x - target)^2``.

    Parameters
    ----------
    x, target : arrays of one shape and dtype, or Blocked
    reduction : "mean", "sum" or "none"

    Returns
    -------
    array: a scalar, or one loss for each element with reduction="none". The mean over nothing is NaN.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> float(ops.mse_loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    """
    return squared_error("mse_loss", x, target, reduction).loss()


def mse_loss_grad_input(gy: Any, x: Any, target: Any, reduction: str = "mean") -> np.ndarray:
    """Gradient of `mse_loss` with respect to x: ``2 gy (x - target)``, for the mean divided by the number of elements.

    Parameters
    ----------
    gy : scalar, or like x with reduction="none"
    x, target, reduction : as in `mse_loss`

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
    >>> ops.mse_loss_grad_input(1.0, np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    array([ 0., -2.])
    """
    op = "mse_loss_grad_input"
    return squared_error(op, x, target, reduction).grad_input(op, gy)


def smooth_l1_loss(x: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> np.ndarray:
    """``d^2 / (2 beta)`` for ``|d| < beta``, else ``|d| - beta / 2``, with ``d = x - target``.

    Girshick, "Fast R-CNN", arXiv:1504.08083.

    Parameters
    ----------
    x, target : arrays of one shape and dtype, or Blocked
    reduction : "mean", "sum" or "none"
    beta : where the parabola ends, at least 0

    Returns
    -------
    array: a scalar, or one loss for each element with reduction="none". The mean over nothing is NaN.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> float(ops.smooth_l1_loss(np.array([0.0]), np.array([3.0])))
    2.5
    """
    return smooth_error("smooth_l1_loss", x, target, reduction, beta).loss()


def smooth_l1_loss_grad_input(
    gy: Any, x: Any, target: Any, reduction: str = "mean", beta: float = 1.0
) -> np.ndarray:
    """Gradient of `smooth_l1_loss` with respect to x: ``gy d / beta`` for ``|d| < beta``, else ``gy sign(d)``.

    Parameters
    ----------
    gy : scalar, or like x with reduction="none"
    x, target, reduction, beta : as in `smooth_l1_loss`

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
    >>> ops.smooth_l1_loss_grad_input(1.0, np.array([0.0]), np.array([3.0]))
    array([-1.])
    """
    op = "smooth_l1_loss_grad_input"
    return smooth_error(op, x, target, reduction, beta).grad_input(op, gy)


def binary_cross_entropy_with_logits(
    x: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> np.ndarray:
    """Cross-entropy of ``sigmoid(x)`` against probabilities, computed from x so that nothing overflows.

    ``weight ((1 - target) x + (1 + (pos_weight - 1) target) (ln(1 + e^-|x|) + max(-x, 0)))``

    Parameters
    ----------
    x, target : arrays of one shape and dtype, or Blocked
    weight, pos_weight : arrays that broadcast to x's shape, factors of each loss and of its positive part
    reduction : "mean", "sum" or "none"

    Returns
    -------
    array: a scalar, or one loss for each element with reduction="none". The mean over nothing is NaN.

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> float(ops.binary_cross_entropy_with_logits(np.zeros(2), np.array([0.0, 1.0])))  # ln 2
    0.6931471805599453
    """
    op = "binary_cross_entropy_with_logits"
    return logistic_error(op, x, target, weight, reduction, pos_weight).loss()


def binary_cross_entropy_with_logits_grad_input(
    gy: Any, x: Any, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> np.ndarray:
    """Gradient of `binary_cross_entropy_with_logits` with respect to x.

    ``gy weight (1 - target - (1 + (pos_weight - 1) target) sigmoid(-x))``; the mean divides by the number of elements.

    Parameters
    ----------
    gy : scalar, or like x with reduction="none"
    x, target, weight, reduction, pos_weight : as in `binary_cross_entropy_with_logits`

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
    >>> ops.binary_cross_entropy_with_logits_grad_input(1.0, np.zeros(2), np.array([0.0, 1.0]))
    array([ 0.25, -0.25])
    """
    op = "binary_cross_entropy_with_logits_grad_input"
    return logistic_error(op, x, target, weight, reduction, pos_weight).grad_input(op, gy)
