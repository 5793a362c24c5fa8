"""Curves of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def history(figures: Mapping[str, Sequence[float]], names: Sequence[str] | None = None, ax: Any = None) -> Any:
    """Draw figures over epochs, such as `fastnn.train.fit` returns; those of the validation set dashed.

    Parameters
    ----------
    figures : name -> one value for each epoch.
    names : which of them; None for the losses.
    ax : matplotlib Axes to draw on; None for a new figure.

    Returns
    -------
    The Axes.

    Raises
    ------
    ValueError
        For names that are no figures.
    ImportError
        Where matplotlib is not installed.

    Examples
    --------
    >>> from fastnn import viz
    >>> ax = viz.history({"loss": [1.0, 0.5], "val_loss": [1.1, 0.7]})  # doctest: +SKIP
    >>> ax.figure.savefig("loss.png")  # doctest: +SKIP
    """
    if names is None:
        names = [name for name in figures if name.removeprefix("val_") == "loss"]
    unknown = [name for name in names if name not in figures]
    if unknown:
        raise ValueError(f"history: {unknown} are no figures, only {sorted(figures)}")
    if ax is None:
        try:
            from matplotlib import pyplot
        except ImportError:
            raise ImportError('viz.history needs matplotlib: pip install "fastnn-kernels[viz]"') from None
        ax = pyplot.subplots()[1]
    colours: dict[str, Any] = {}
    for name in names:
        base = name.removeprefix("val_")
        epochs = range(1, len(figures[name]) + 1)
        style = {"linestyle": "--" if name != base else "-", "marker": "." if len(epochs) < 30 else None}
        (line,) = ax.plot(epochs, figures[name], label=name, color=colours.get(base), **style)
        colours.setdefault(base, line.get_color())
    ax.set_xlabel("epoch")
    if names:
        ax.legend()
    return ax
