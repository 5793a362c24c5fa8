"""Shapes: what needs no kernel."""

from typing import Any

import numpy as np

from fastnn.ops._blocked import Blocked
from fastnn.ops._checks import as_array
from fastnn.ops._shapes import normalize_dim

__all__ = ["flatten"]


def flatten(x: Any, start_dim: int = 1, end_dim: int = -1) -> np.ndarray:
    """Dimensions `start_dim` .. `end_dim` as one; a Blocked image becomes a plain array.

    Parameters
    ----------
    x : array or Blocked
    start_dim, end_dim : int

    Returns
    -------
    array; a view of `x` where that is possible

    Raises
    ------
    ValueError
        If a dimension is out of range or the two are in the wrong order.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import ops
    >>> ops.flatten(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """
    data = x.numpy() if type(x) is Blocked else as_array("flatten", "x", x)
    first = normalize_dim("flatten", "start_dim", start_dim, data.ndim)
    last = normalize_dim("flatten", "end_dim", end_dim, data.ndim)
    if first > last:
        raise ValueError(f"flatten: start_dim={start_dim} comes after end_dim={end_dim}")
    size = 1
    for n in data.shape[first : last + 1]:
        size *= n
    return data.reshape(*data.shape[:first], size, *data.shape[last + 1 :])
