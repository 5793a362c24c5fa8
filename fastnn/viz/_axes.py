"""The Axes that a drawing goes to."""

from __future__ import annotations

from typing import Any


def axes(name: str, ax: Any) -> Any:
    """`ax`, or the one of a new figure; matplotlib is needed for that only."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(f'viz.{name} needs matplotlib: pip install "fastnn-kernels[viz]"') from None
    return pyplot.subplots()[1]
