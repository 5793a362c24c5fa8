"""Distributions of many arrays, one above the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastnn.viz._axes import axes


def activation_histograms(
    values: Mapping[str, Any], bins: int = 60, value_range: tuple[float, float] | None = None, ax: Any = None
) -> Any:
    """Histograms of several arrays on one scale, the first on top, each as high as one row.

    Parameters
    ----------
    values : name -> array of any shape, such as ``train.inspect_activations(model, x).samples``. What is not finite is
        left out and counted behind the name.
    bins : of each histogram, over the common range.
    value_range : lowest and highest value drawn; None for the middle 99.8 % of all values.
    ax : matplotlib Axes to draw on; None for a new figure.

    Returns
    -------
    The Axes.

    Raises
    ------
    ValueError
        Where there is no array, or `value_range` is empty.
    ImportError
        Where matplotlib is not installed and no Axes is given.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import viz
    >>> rng = np.random.default_rng(0)
    >>> layers = {"0 Tanh": np.tanh(rng.standard_normal(500)), "1 Tanh": np.tanh(3 * rng.standard_normal(500))}
    >>> ax = viz.activation_histograms(layers)  # doctest: +SKIP
    """
    if not values:
        raise ValueError("activation_histograms: no arrays given")
    arrays = {name: np.asarray(array, dtype=float).ravel() for name, array in values.items()}
    finite = {name: array[np.isfinite(array)] for name, array in arrays.items()}
    low, high = _range(np.concatenate(list(finite.values())), value_range)
    ax = axes("activation_histograms", ax)
    labels = []
    for row, (name, array) in enumerate(finite.items()):
        counts, edges = np.histogram(array, bins, (low, high))
        height = counts / max(int(counts.max()), 1) * 0.9
        ax.stairs(height - row, edges, baseline=-row, fill=True, alpha=0.8)
        odd = arrays[name].size - array.size
        labels.append(f"{name} ({odd} not finite)" if odd else name)
    ax.set_yticks([-row for row in range(len(labels))], labels)
    ax.set_xlim(low, high)
    ax.set_xlabel("value")
    return ax


def _range(values: Any, wanted: tuple[float, float] | None) -> tuple[float, float]:
    if wanted is not None:
        if not wanted[0] < wanted[1]:
            raise ValueError(f"activation_histograms: value_range {wanted} is empty")
        return wanted
    if not values.size:
        return -1.0, 1.0
    low, high = (float(v) for v in np.quantile(values, (0.001, 0.999)))
    return (low, high) if low < high else (low - 0.5, high + 0.5)
