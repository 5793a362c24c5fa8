"""Dropout. Kernel: csrc/kernels/dropout.h."""

from typing import Any

from fastnn import _kernels
from fastnn.ops._blocked import image_argument
from fastnn.ops._checks import integer, number
from fastnn.ops._images import ImageOut
from fastnn.ops._norm import in_layout

__all__ = ["dropout", "dropout_grad_input"]


def _dropout(op: str, name: str, x: Any, p: Any, training: bool, seed: Any, out: Any) -> Any:
    rate, key = number(op, "p", p), integer(op, "seed", seed, 0) if type(seed) is not int else seed
    if not 0 <= rate <= 1:
        raise ValueError(f"{op}: p must be in 0..1, got {p!r}")
    if not 0 <= key < 1 << 64:
        raise ValueError(f"{op}: seed must be in 0..2**64 - 1, got {seed}")
    data, layout, shape = image_argument(op, name, x)
    y = ImageOut(op, out, layout, shape, data.dtype, data)
    data = in_layout(x, data, layout, y.layout)
    if training and rate == 1:
        y.data.fill(0)
    elif training and rate > 0:
        _kernels.dropout(data, y.data, rate, key)
    else:
        y.data[...] = data
    return y.finish()


def dropout(x: Any, p: float = 0.5, training: bool = True, seed: int = 0, *, out: Any = None) -> Any:
    """Zeros with probability `p`, everything else divided by ``1 - p`` (Srivastava et al., JMLR 15, 2014).

    Which elements are zeroed follows from `seed` and their place in memory alone (Philox4x32-10, a counter-based
    generator): neither threads nor the machine change it. A Blocked image has places of its own.

    Parameters
    ----------
    x : array of any shape, or Blocked; float32 or float64
    p : probability of a zero, 0..1
    training : False returns x's values unchanged
    seed : 0 .. 2**64 - 1
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
    >>> ops.dropout(np.ones(8), 0.5, seed=3)
    array([2., 0., 2., 0., 2., 2., 2., 2.])
    """
    return _dropout("dropout", "x", x, p, training, seed, out)


def dropout_grad_input(gy: Any, p: float = 0.5, training: bool = True, seed: int = 0) -> Any:
    """Gradient of `dropout`: the same elements of gy are zeroed, the others divided by ``1 - p``.

    Parameters
    ----------
    gy : array or Blocked
    p, training, seed : as in `dropout`

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
    >>> gy = np.ones(8)
    >>> bool((ops.dropout_grad_input(gy, 0.5, seed=3) == ops.dropout(gy, 0.5, seed=3)).all())
    True
    """
    return _dropout("dropout_grad_input", "gy", gy, p, training, seed, None)
