"""Images and filters in a grid, and where a network looks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastnn.viz._axes import axes

SCALES = ("each", "all", "none")


def _as_images(name: str, values: ArrayLike) -> NDArray[Any]:
    """[n, h, w, 1 or 3] from [n, h, w], [n, 1, h, w] or [n, 3, h, w]."""
    array = np.asarray(values, dtype=float)
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1] not in (1, 3) or not array.size:
        raise ValueError(
            f"{name}: images must be [n, h, w] or [n, channels, h, w] with 1 or 3 channels, shape is "
            f"{np.shape(values)}; filters of a deeper layer go in as weight.reshape(-1, kh, kw)"
        )
    return array.transpose(0, 2, 3, 1)


def _scaled(array: NDArray[Any], scale: str) -> NDArray[Any]:
    """Values in [0, 1]."""
    if scale == "none":
        return np.clip(array, 0, 1)
    over = (1, 2, 3) if scale == "each" else None
    low, high = array.min(axis=over, keepdims=True), array.max(axis=over, keepdims=True)
    return (array - low) / np.where(high > low, high - low, 1)


def image_grid(
    values: ArrayLike, columns: int | None = None, scale: str = "each", border: int = 1
) -> NDArray[Any]:
    """Many images as one, row by row, with a white border between them.

    Parameters
    ----------
    values : [n, h, w], [n, 1, h, w] or [n, 3, h, w].
    columns : images in a row; None for about as many as rows.
    scale : "each" stretches every image to [0, 1] by itself, "all" all of them alike, "none" cuts values off at 0
        and 1.
    border : width in pixels.

    Returns
    -------
    float64 [rows * (h + border) - border, columns * (w + border) - border, 1 or 3], values in [0, 1].

    Raises
    ------
    ValueError
        For other shapes, an unknown `scale`, or sizes below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import viz
    >>> viz.image_grid(np.zeros((5, 3, 4, 4)), columns=3).shape
    (9, 14, 3)
    """
    array = _as_images("image_grid", values)
    if scale not in SCALES:
        raise ValueError(f"image_grid: scale must be one of {', '.join(SCALES)}, is {scale!r}")
    n, h, w, channels = array.shape
    columns = int(np.ceil(np.sqrt(n))) if columns is None else columns
    if columns < 1 or border < 0:
        raise ValueError(f"image_grid: columns={columns} must be at least 1 and border={border} at least 0")
    rows = -(-n // columns)
    tiles = np.ones((rows * columns, h + border, w + border, channels))
    tiles[:n, :h, :w] = _scaled(array, scale)
    tiles = tiles.reshape(rows, columns, h + border, w + border, channels).swapaxes(1, 2)
    joined = tiles.reshape(rows * (h + border), columns * (w + border), channels)
    return joined[: joined.shape[0] - border, : joined.shape[1] - border]


def images(
    values: ArrayLike, columns: int | None = None, scale: str = "each", border: int = 1, ax: Any = None
) -> Any:
    """Draw images or the filters of a first layer in a grid; parameters as in `image_grid`.

    Returns
    -------
    The Axes: `ax`, or that of a new figure.

    Raises
    ------
    ValueError
        As `image_grid`.
    ImportError
        Where matplotlib is not installed and no Axes is given.

    Examples
    --------
    >>> from fastnn import nn, viz
    >>> ax = viz.images(nn.Conv2d(3, 16, 5).weight.numpy())  # doctest: +SKIP
    """
    grid = image_grid(values, columns, scale, border)
    ax = axes("images", ax)
    ax.imshow(grid.squeeze(-1) if grid.shape[-1] == 1 else grid, cmap="gray", vmin=0, vmax=1)
    ax.set_axis_off()
    return ax


def saliency(gradient: ArrayLike, image: ArrayLike | None = None, alpha: float = 0.6, ax: Any = None) -> Any:
    """Draw how strongly each pixel moves a score: the largest absolute gradient over the channels as a heat map.

    Parameters
    ----------
    gradient : [c, h, w] or [h, w], the gradient of the score with respect to the image. The brightest per cent of the
        pixels shares one colour, so that single ones do not darken the rest.
    image : [1, h, w], [3, h, w] or [h, w], drawn below; None for the map alone.
    alpha : opacity of the map over the image.
    ax : matplotlib Axes to draw on; None for a new figure.

    Returns
    -------
    The Axes.

    Raises
    ------
    ValueError
        For other shapes, or where gradient and image differ in size.
    ImportError
        Where matplotlib is not installed and no Axes is given.

    Examples
    --------
    With ``image`` a tensor [1, c, h, w] that requires grad:

    >>> (g,) = autograd.grad(model(image)[0, label], image)  # doctest: +SKIP
    >>> ax = viz.saliency(g.numpy()[0], image.numpy()[0])  # doctest: +SKIP
    """
    strength = np.abs(np.asarray(gradient, dtype=float))
    if strength.ndim not in (2, 3) or not strength.size:
        raise ValueError(f"saliency: gradient must be [c, h, w] or [h, w], shape is {np.shape(gradient)}")
    strength = strength.max(0) if strength.ndim == 3 else strength
    below = None if image is None else image_grid(np.asarray(image)[None])
    if below is not None and below.shape[:2] != strength.shape:
        raise ValueError(f"saliency: gradient is {strength.shape}, image is {below.shape[:2]}")
    ax = axes("saliency", ax)
    if below is not None:
        ax.imshow(below.squeeze(-1) if below.shape[-1] == 1 else below, cmap="gray", vmin=0, vmax=1)
    highest = float(np.quantile(strength, 0.99)) or float(strength.max()) or 1.0
    ax.imshow(strength, cmap="inferno", vmin=0, vmax=highest, alpha=None if below is None else alpha)
    ax.set_axis_off()
    return ax
