"""Instance and local response normalisation. Kernels: csrc/ops/batch_norm.c, csrc/ops/response.c."""

from math import prod
from typing import Any

import numpy as np

from fastnn import _kernels
from fastnn.ops._blocked import BLOCKED, NCHW, blocked, image_argument
from fastnn.ops._checks import integer, new_array, number, same_dtype
from fastnn.ops._images import ImageOut
from fastnn.ops._norm import ChannelNorm, channel_sums, in_layout

__all__ = [
    "instance_norm",
    "instance_norm_grad_bias",
    "instance_norm_grad_input",
    "instance_norm_grad_weight",
    "local_response_norm",
    "local_response_norm_grad_input",
]


def _numbers(
    op: str, shape: tuple[int, ...], size: Any, alpha: Any, beta: Any, k: Any
) -> tuple[int, float, float, float]:
    if len(shape) < 3:
        raise ValueError(f"{op}: x must have at least 3 dimensions [N, C, ...], got shape {shape}")
    found = number(op, "alpha", alpha), number(op, "beta", beta), number(op, "k", k)
    for name, value in (("alpha", found[0]), ("beta", found[1])):
        if value < 0:
            raise ValueError(f"{op}: {name} must not be negative, got {value}")
    if found[2] <= 0:
        raise ValueError(f"{op}: k must be positive, got {k!r}")
    return integer(op, "size", size, 1), *found


def _view(shape: tuple[int, ...]) -> tuple[int, int, int]:
    return shape[0], shape[1], prod(shape[2:])


def instance_norm(
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
    *,
    out: Any = None,
) -> Any:
    """`batch_norm` of every image for itself: statistics over the pixels of each channel (Ulyanov, arXiv:1607.08022).

    Parameters
    ----------
    x : array [N, C, ...] of 3 or more dimensions, or Blocked
    running_mean, running_var : arrays [C] or None; updated in place by the means over the images of their statistics
    weight, bias : arrays [C], default 1 and 0
    use_input_stats : False normalises with the running statistics
    momentum, eps : as in `batch_norm`
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
    >>> ops.instance_norm(np.array([[[1.0, 3.0]], [[10.0, 50.0]]]), eps=0.0).tolist()
    [[[-1.0, 1.0]], [[-1.0, 1.0]]]
    """
    op = "instance_norm"
    norm = ChannelNorm(op, x, running_mean, running_var, weight, bias, use_input_stats, eps, instances=True)
    return norm.result(out, momentum)


def instance_norm_grad_input(
    gy: Any,
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    use_input_stats: bool = True,
    eps: float = 1e-5,
) -> Any:
    """Gradient of `instance_norm` with respect to x; the formula is `batch_norm_grad_input`'s, of each image.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    running_mean, running_var : arrays [C]; read where `use_input_stats` is False
    weight, use_input_stats, eps : as in `instance_norm`

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
    >>> x, gy = np.array([[[1.0, 3.0]]]), np.array([[[5.0, 7.0]]])
    >>> ops.instance_norm_grad_input(gy, x, eps=0.0)
    array([[[0., 0.]]])
    """
    op = "instance_norm_grad_input"
    numbers = (running_mean, running_var, weight, None, use_input_stats, eps)
    return ChannelNorm(op, x, *numbers, instances=True, updates=False).gradients(op, gy, of_affine=False)[0]


def instance_norm_grad_weight(
    gy: Any, x: Any, running_mean: Any = None, running_var: Any = None, use_input_stats: bool = True, eps: float = 1e-5
) -> Any:
    """Gradient of `instance_norm` with respect to weight: the sums of gy times the normalised x.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    running_mean, running_var : arrays [C]; read where `use_input_stats` is False
    use_input_stats, eps : as in `instance_norm`

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
    >>> x, gy = np.array([[[1.0, 3.0]]]), np.array([[[5.0, 7.0]]])
    >>> ops.instance_norm_grad_weight(gy, x, eps=0.0)
    array([2.])
    """
    op = "instance_norm_grad_weight"
    numbers = (running_mean, running_var, None, None, use_input_stats, eps)
    return ChannelNorm(op, x, *numbers, instances=True, updates=False).gradients(op, gy, of_input=False)[1]


def instance_norm_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `instance_norm` with respect to bias: the sums of gy over all but the channels.

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
    >>> ops.instance_norm_grad_bias(np.ones((2, 3, 4)))
    array([8., 8., 8.])
    """
    return channel_sums("instance_norm_grad_bias", gy)


def local_response_norm(
    x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0, *, out: Any = None
) -> Any:
    """``x / (k + alpha / size s)^beta``, s the sum of x^2 over the `size` channels around each, zeros beyond the ends.

    Krizhevsky, Sutskever and Hinton, NIPS 2012, section 3.3, with the channels that `torch.nn.functional` takes.

    Parameters
    ----------
    x : array [N, C, ...] of 3 or more dimensions, or Blocked
    size : number of channels, at least 1
    alpha, beta : at least 0
    k : positive
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
    >>> ops.local_response_norm(np.full((1, 1, 1), 2.0), 1, alpha=1.0, beta=1.0)
    array([[[0.4]]])
    """
    op = "local_response_norm"
    data, layout, shape = image_argument(op, "x", x)
    numbers = _numbers(op, shape, size, alpha, beta, k)
    y = ImageOut(op, out, layout, shape, data.dtype, data)
    plain = y.data if y.layout == NCHW else new_array(shape, data.dtype)
    if plain.size:
        _kernels.local_response_norm(_view(shape), *numbers, in_layout(x, data, layout, NCHW), plain)
    if y.layout == BLOCKED:
        _kernels.block(plain, y.data, *shape)
    return y.finish()


def local_response_norm_grad_input(
    gy: Any, x: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Any:
    """Gradient of `local_response_norm`.

    With ``d = k + alpha / size s``: ``gy d^-beta - 2 alpha beta / size x t``, t the sum of ``gy x d^(-beta - 1)``
    over the channels whose windows hold this one.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    size, alpha, beta, k : as in `local_response_norm`

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
    >>> ops.local_response_norm_grad_input(np.ones((1, 1, 1)), np.zeros((1, 1, 1)), 1)
    array([[[1.]]])
    """
    op = "local_response_norm_grad_input"
    data, layout, shape = image_argument(op, "x", x)
    g, g_layout, g_shape = image_argument(op, "gy", gy)
    if tuple(g_shape) != tuple(shape):
        raise ValueError(f"{op}: gy has shape {tuple(g_shape)}, x has {tuple(shape)}")
    same_dtype(op, "gy", g, "x", data)
    numbers = _numbers(op, shape, size, alpha, beta, k)
    gx = new_array(shape, data.dtype)
    if gx.size:
        arrays = in_layout(gy, g, g_layout, NCHW), in_layout(x, data, layout, NCHW), gx
        _kernels.local_response_norm_grad(_view(shape), *numbers, *arrays)
    return blocked(gx) if g_layout == BLOCKED else gx
