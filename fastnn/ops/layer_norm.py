"""Layer and group normalisation. Kernels: csrc/ops/layer_norm.c."""

from math import prod
from typing import Any

import numpy as np

from fastnn.ops._blocked import Blocked, image_argument
from fastnn.ops._checks import integer
from fastnn.ops._norm import GroupNorm, channel_sums

__all__ = [
    "group_norm",
    "group_norm_grad_bias",
    "group_norm_grad_input",
    "group_norm_grad_weight",
    "layer_norm",
    "layer_norm_grad_bias",
    "layer_norm_grad_input",
    "layer_norm_grad_weight",
]


def normalized_shape_of(op: str, x_shape: tuple[int, ...], given: Any, name: str = "x") -> tuple[int, ...]:
    """`normalized_shape` as sizes with which the shape ends."""
    sizes = given if isinstance(given, (tuple, list)) else (given,)
    shape = tuple(integer(op, "normalized_shape", size, 1) for size in sizes)
    if not shape or tuple(x_shape[-len(shape) :]) != shape:
        raise ValueError(f"{op}: {name} has shape {tuple(x_shape)}, which does not end with normalized_shape {given!r}")
    return shape


def layer_normed(op: str, x: Any, normalized_shape: Any, weight: Any, bias: Any, eps: Any) -> GroupNorm:
    x_shape = image_argument(op, "x", x)[2]
    shape = normalized_shape_of(op, x_shape, normalized_shape)
    view = prod(x_shape[: len(x_shape) - len(shape)]), prod(shape), 1
    return GroupNorm(op, x, view, 1, shape, weight, bias, eps)


def group_normed(op: str, x: Any, num_groups: Any, weight: Any, bias: Any, eps: Any) -> GroupNorm:
    shape = image_argument(op, "x", x)[2]
    if len(shape) < 2:
        raise ValueError(f"{op}: x must have at least 2 dimensions [N, C, ...], got shape {shape}")
    groups = integer(op, "num_groups", num_groups, 1)
    if shape[1] % groups:
        raise ValueError(f"{op}: x has {shape[1]} channels, not a multiple of num_groups={num_groups}")
    return GroupNorm(op, x, (shape[0], shape[1], prod(shape[2:])), groups, (shape[1],), weight, bias, eps)


def layer_norm(
    x: Any, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *, out: Any = None
) -> Any:
    """``(x - mean) / sqrt(var + eps) weight + bias`` over the last dimensions (Ba et al., arXiv:1607.06450).

    Parameters
    ----------
    x : array or Blocked whose shape ends with `normalized_shape`
    normalized_shape : int or tuple, sizes of the last dimensions, over which mean and (biased) variance are taken
    weight, bias : arrays [normalized_shape], default 1 and 0
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
    >>> ops.layer_norm(np.array([[1.0, 3.0], [10.0, 50.0]]), 2, eps=0.0)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    return layer_normed("layer_norm", x, normalized_shape, weight, bias, eps).result(out)


def layer_norm_grad_input(
    gy: Any, x: Any, normalized_shape: Any, weight: Any = None, eps: float = 1e-5
) -> Any:
    """Gradient of `layer_norm` with respect to x.

    With ``g = gy weight`` and h the normalised x: ``(g - mean g - h mean(g h)) / sqrt(var + eps)``.

    Parameters
    ----------
    gy, x : arrays of one shape, or Blocked
    normalized_shape, weight, eps : as in `layer_norm`

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
    >>> ops.layer_norm_grad_input(np.array([[5.0, 7.0]]), np.array([[1.0, 3.0]]), 2, eps=0.0)
    array([[0., 0.]])
    """
    op = "layer_norm_grad_input"
    norm = layer_normed(op, x, normalized_shape, weight, None, eps)
    return norm.gradients(op, gy, of_affine=False)[0]


def layer_norm_grad_weight(gy: Any, x: Any, normalized_shape: Any, eps: float = 1e-5) -> Any:
    """Gradient of `layer_norm` with respect to weight: the sums over the rows of gy times the normalised x.

    Parameters
    ----------
    gy, x : arrays of one shape, or Blocked
    normalized_shape, eps : as in `layer_norm`

    Returns
    -------
    array [normalized_shape]

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.layer_norm_grad_weight(np.array([[5.0, 7.0]]), np.array([[1.0, 3.0]]), 2, eps=0.0)
    array([-5.,  7.])
    """
    op = "layer_norm_grad_weight"
    return layer_normed(op, x, normalized_shape, None, None, eps).gradients(op, gy, of_input=False)[1]


def layer_norm_grad_bias(gy: Any, normalized_shape: Any) -> Any:
    """Gradient of `layer_norm` with respect to bias: the sums of gy over the rows.

    Parameters
    ----------
    gy : array or Blocked
    normalized_shape : as in `layer_norm`

    Returns
    -------
    array [normalized_shape]

    Raises
    ------
    ValueError, TypeError
        Shapes, dtypes or numbers that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.layer_norm_grad_bias(np.array([[5.0, 7.0], [1.0, 2.0]]), 2)
    array([6., 9.])
    """
    op = "layer_norm_grad_bias"
    data = image_argument(op, "gy", gy)[0] if type(gy) is not Blocked else gy.numpy()
    shape = normalized_shape_of(op, data.shape, normalized_shape, "gy")
    return data.reshape(-1, *shape).sum(0, dtype=np.float64).astype(data.dtype)


def group_norm(
    x: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5, *, out: Any = None
) -> Any:
    """Statistics over each of `num_groups` equal groups of channels and all pixels of an image (arXiv:1803.08494).

    Parameters
    ----------
    x : array [N, C, ...] or Blocked
    num_groups : divides C
    weight, bias : arrays [C], default 1 and 0
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
    >>> ops.group_norm(np.array([[1.0, 3.0, 10.0, 50.0]]), 2, eps=0.0)
    array([[-1.,  1., -1.,  1.]])
    """
    return group_normed("group_norm", x, num_groups, weight, bias, eps).result(out)


def group_norm_grad_input(gy: Any, x: Any, num_groups: int, weight: Any = None, eps: float = 1e-5) -> Any:
    """Gradient of `group_norm` with respect to x; the formula is `layer_norm_grad_input`'s, of each group.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    num_groups, weight, eps : as in `group_norm`

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
    >>> ops.group_norm_grad_input(np.array([[5.0, 7.0]]), np.array([[1.0, 3.0]]), 1, eps=0.0)
    array([[0., 0.]])
    """
    op = "group_norm_grad_input"
    return group_normed(op, x, num_groups, weight, None, eps).gradients(op, gy, of_affine=False)[0]


def group_norm_grad_weight(gy: Any, x: Any, num_groups: int, eps: float = 1e-5) -> Any:
    """Gradient of `group_norm` with respect to weight: the sums of gy times the normalised x.

    Parameters
    ----------
    gy, x : arrays [N, C, ...] of one shape, or Blocked
    num_groups, eps : as in `group_norm`

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
    >>> ops.group_norm_grad_weight(np.array([[5.0, 7.0]]), np.array([[1.0, 3.0]]), 1, eps=0.0)
    array([-5.,  7.])
    """
    op = "group_norm_grad_weight"
    return group_normed(op, x, num_groups, None, None, eps).gradients(op, gy, of_input=False)[1]


def group_norm_grad_bias(gy: Any) -> np.ndarray:
    """Gradient of `group_norm` with respect to bias: the sums of gy over all but the channels.

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
    >>> ops.group_norm_grad_bias(np.ones((2, 3, 4)))
    array([8., 8., 8.])
    """
    return channel_sums("group_norm_grad_bias", gy)
