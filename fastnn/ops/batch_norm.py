"""Batch normalisation. Kernels: csrc/ops/batch_norm.c."""

from typing import Any

import numpy as np

from fastnn.ops._checks import as_array, integer, shaped
from fastnn.ops._norm import ChannelNorm, channel_sums, positive_eps

__all__ = [
    "batch_norm",
    "batch_norm_grad_bias",
    "batch_norm_grad_input",
    "batch_norm_grad_weight",
    "fold_batch_norm",
]


def batch_norm(
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    out: Any = None,
) -> Any:
    """``(x - mean) / sqrt(var + eps) weight + bias`` of each channel (Ioffe and Szegedy, arXiv:1502.03167).

    Parameters
    ----------
    x : array [N, C, ...] or Blocked, float32 or float64
    running_mean, running_var : arrays [C] of x's dtype; in training also None, else updated in place:
        ``running = (1 - momentum) running + momentum batch``, with the unbiased variance
    weight, bias : arrays [C], default 1 and 0
    training : use the mean and the (biased) variance of x over all but the channels, not the running ones
    momentum : share of the batch in the running statistics
    eps : added to the variance, at least 0
    out : array or Blocked like `x`, optional

    Returns
    -------
    array or Blocked like `x`

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x = np.array([[1.0, 4.0], [3.0, 8.0]])
    >>> mean, var = np.zeros(2), np.ones(2)
    >>> ops.batch_norm(x, mean, var, training=True, eps=0.0)
    array([[-1., -1.],
           [ 1.,  1.]])
    >>> mean
    array([0.2, 0.6])
    """
    norm = ChannelNorm("batch_norm", x, running_mean, running_var, weight, bias, training, eps)
    return norm.result(out, momentum)


def batch_norm_grad_input(
    gy: Any,
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    training: bool = False,
    eps: float = 1e-5,
) -> Any:
    """Gradient of `batch_norm` with respect to x.

    With ``h = (x - mean) / sqrt(var + eps)``: ``weight / sqrt(var + eps) (gy - mean gy - h mean(gy h))`` in training,
    where mean and var depend on x, else the factor times gy.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    running_mean, running_var : arrays [C]; not read in training
    weight, training, eps : as in `batch_norm`

    Returns
    -------
    array or Blocked like `gy`

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x, gy = np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]])
    >>> ops.batch_norm_grad_input(gy, x, training=True, eps=0.0)  # shifting or scaling x changes nothing
    array([[0.],
           [0.]])
    """
    op = "batch_norm_grad_input"
    norm = ChannelNorm(op, x, running_mean, running_var, weight, None, training, eps, updates=False)
    return norm.gradients(op, gy, of_affine=False)[0]


def batch_norm_grad_weight(
    gy: Any, x: Any, running_mean: Any = None, running_var: Any = None, training: bool = False, eps: float = 1e-5
) -> Any:
    """Gradient of `batch_norm` with respect to weight: the sums of ``gy (x - mean) / sqrt(var + eps)``.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    running_mean, running_var : arrays [C]; not read in training
    training, eps : as in `batch_norm`

    Returns
    -------
    array [C]

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> x, gy = np.array([[1.0], [3.0]]), np.array([[5.0], [7.0]])
    >>> ops.batch_norm_grad_weight(gy, x, training=True, eps=0.0)
    array([2.])
    """
    op = "batch_norm_grad_weight"
    norm = ChannelNorm(op, x, running_mean, running_var, None, None, training, eps, updates=False)
    return norm.gradients(op, gy, of_input=False)[1]


def batch_norm_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `batch_norm` with respect to bias: the sums of gy over all but the channels.

    Parameters
    ----------
    gy : array [N, C, ...] or Blocked

    Returns
    -------
    array [C]

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.batch_norm_grad_bias(np.ones((2, 3, 4)))
    array([8., 8., 8.])
    """
    return channel_sums("batch_norm_grad_bias", gy)


def fold_batch_norm(
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    gamma: Any = None,
    beta: Any = None,
    eps: float = 1e-5,
    *,
    transposed: bool = False,
    groups: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Weights of a convolution or linear layer that also does the work of the batch norm behind it, in evaluation.

    With ``s = gamma / sqrt(running_var + eps)``: ``weight s`` for each output channel and
    ``(bias - running_mean) s + beta``.

    Parameters
    ----------
    weight : array [OC, ...], or [C, OC / groups, ...] where `transposed`
    bias : array [OC] or None
    running_mean, running_var : arrays [OC]
    gamma, beta : the norm's weight and bias, arrays [OC], default 1 and 0
    eps : the norm's
    transposed, groups : of a transposed convolution

    Returns
    -------
    tuple of arrays (weight, bias) for the layer

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> w, b = ops.fold_batch_norm(np.ones((1, 2, 1, 1)), None, np.array([3.0]), np.array([4.0]), eps=0.0)
    >>> w.ravel(), b
    (array([0.5, 0.5]), array([-1.5]))
    """
    op = "fold_batch_norm"
    w = as_array(op, "weight", weight)
    if w.ndim < 2:
        raise ValueError(f"{op}: weight must have at least 2 dimensions, got shape {w.shape}")
    parts = integer(op, "groups", groups, 1)
    if w.shape[0] % parts:
        raise ValueError(f"{op}: weight has {w.shape[0]} channels, not a multiple of groups={groups}")
    channels = w.shape[1] * parts if transposed else w.shape[0]
    mean = shaped(op, "running_mean", running_mean, (channels,), w, "weight")
    var = shaped(op, "running_var", running_var, (channels,), w, "weight").astype(np.float64)
    scale = 1 / np.sqrt(var + positive_eps(op, eps))
    if gamma is not None:
        scale = scale * shaped(op, "gamma", gamma, (channels,), w, "weight")
    shift = -mean * scale if bias is None else (shaped(op, "bias", bias, (channels,), w, "weight") - mean) * scale
    if beta is not None:
        shift = shift + shaped(op, "beta", beta, (channels,), w, "weight")
    if transposed:
        by_group = w.reshape(parts, w.shape[0] // parts, *w.shape[1:])
        factors = scale.reshape(parts, 1, w.shape[1], *(1,) * (w.ndim - 2))
        return (by_group * factors).reshape(w.shape).astype(w.dtype), shift.astype(w.dtype)
    return (w * scale.reshape(-1, *(1,) * (w.ndim - 1))).astype(w.dtype), shift.astype(w.dtype)
