"""What a search over hyper-parameters found, drawn."""

from __future__ import annotations

from typing import Any

import numpy as np


def trials(
    x: Any, value: Any, y: Any = None, *, names: Any = ("", "value"), log: Any = (False, False), ax: Any = None
) -> Any:
    """Values of trials over one hyper-parameter, or as colours over two; the lowest is ringed.

    Parameters
    ----------
    x, value : [n], a hyper-parameter and what the trials gave; NaN for those that gave nothing (over two
        hyper-parameters they are crosses).
    y : [n], a second hyper-parameter.
    names : of the two axes.
    log : whether each axis is logarithmic.
    ax : a matplotlib Axes to draw on; a new one where None.

    Returns
    -------
    The Axes.

    Raises
    ------
    ValueError
        For arrays of unequal lengths.
    ImportError
        Where matplotlib is not installed and no Axes is given.

    Examples
    --------
    >>> import matplotlib; matplotlib.use("agg")
    >>> ax = trials([1e-3, 1e-2, 1e-1], [0.9, 0.2, 0.5], names=("lr", "loss"), log=(True, False))
    >>> ax.get_xlabel(), ax.get_xscale()
    ('lr', 'log')
    """
    x, value = np.asarray(x, dtype=float), np.asarray(value, dtype=float)
    y = None if y is None else np.asarray(y, dtype=float)
    if x.ndim != 1 or x.shape != value.shape or (y is not None and y.shape != x.shape):
        raise ValueError(f"trials: x, value and y must be of one length [n], x has shape {x.shape}")
    if ax is None:
        try:
            import matplotlib.pyplot as plt
        except ImportError:
            raise ImportError('drawing needs matplotlib: pip install "fastnn-kernels[viz]"') from None
        ax = plt.figure().add_subplot()
    finite = np.isfinite(value)
    height = value if y is None else y
    points = ax.scatter(x[finite], height[finite], c=None if y is None else value[finite])
    if y is not None:
        ax.figure.colorbar(points, ax=ax, label="value")
        ax.scatter(x[~finite], y[~finite], marker="x", color="grey")
    if finite.any():
        best = np.flatnonzero(finite)[value[finite].argmin()]
        ax.scatter(x[best], height[best], s=120, facecolors="none", edgecolors="red")
    xscale, yscale = ("log" if logarithmic else "linear" for logarithmic in log)
    ax.set(xlabel=names[0], ylabel=names[1], xscale=xscale, yscale=yscale)
    return ax
