"""Preprocessing of whole batches: statistics, normalising, random crops and flips, one-hot targets.

A transform is called with a batch and a NumPy generator and gives a new batch; the generator alone decides
what is random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike, NDArray

_CHUNK = 1 << 22  # elements in float64 at a time: 32 MiB, however large the set


def mean_image(x: Any) -> NDArray[np.float64]:
    """The mean over the set, ``mean[i...] = sum_n x[n, i...] / N``, summed in integers or float64.

    Parameters
    ----------
    x : [n, ...] of any real dtype, for instance a memory map: it is read in chunks.

    Returns
    -------
    float64 [...].

    Raises
    ------
    ValueError
        For an empty set, and for NaN or infinity in it.

    Examples
    --------
    >>> import numpy as np
    >>> mean_image(np.array([[0, 10], [255, 20]], dtype=np.uint8)).tolist()
    [127.5, 15.0]
    """
    x = _check_set("mean_image", x, 1)
    total = _sum_of_chunks("mean_image", x, lambda part: part.sum(axis=0, dtype=_wide(x)))
    return np.asarray(total / len(x))


def channel_stats(x: Any, axis: int = 1) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel over the whole set, for `Normalize`.

    ``mean = sum x / m`` and ``std = sqrt(sum (x - mean)^2 / m)`` over all m elements of a channel. 8-bit
    integers are summed exactly; other dtypes take two passes in float64.

    Parameters
    ----------
    x : [n, c, ...] of any real dtype, read in chunks.
    axis : the dimension of the channels; -1 for [n, h, w, c].

    Returns
    -------
    (mean, std), each float64 [c].

    Raises
    ------
    ValueError
        For an empty set, an axis that x lacks, and for NaN or infinity in it.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[0, 2], [5, 5]]], dtype=np.uint8)  # one image, two channels of two pixels
    >>> mean, std = channel_stats(x)
    >>> mean.tolist(), std.tolist()
    ([1.0, 5.0], [1.0, 0.0])
    """
    x = _check_set("channel_stats", x, 2)
    if not -x.ndim <= axis < x.ndim or axis % x.ndim == 0:
        raise ValueError(f"channel_stats: axis {axis} is no channel dimension of shape {x.shape}")
    others = tuple(d for d in range(x.ndim) if d != axis % x.ndim)
    count = x.size // x.shape[axis]
    wide = _wide(x)
    total = _sum_of_chunks("channel_stats", x, lambda part: part.sum(axis=others, dtype=wide))
    if x.dtype == np.uint8:
        squares = _sum_of_chunks(
            "channel_stats", x, lambda part: np.square(part, dtype=np.uint16).sum(axis=others, dtype=wide)
        )
        # In Python's integers, which do not overflow: m * sum x^2 - (sum x)^2 is m^2 times the variance.
        exact = [count * int(s) - int(t) ** 2 for s, t in zip(squares, total, strict=True)]
        return total / count, np.sqrt(np.array([value / count**2 for value in exact]))
    mean = np.asarray(total / count)
    row = mean.reshape([-1 if d == axis % x.ndim else 1 for d in range(x.ndim)])
    spread = _sum_of_chunks("channel_stats", x, lambda part: np.square(part - row).sum(axis=others))
    return mean, np.sqrt(spread / count)


def one_hot(labels: Any, classes: int | None = None, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Rows with a one at the label and zeros elsewhere.

    Parameters
    ----------
    labels : integers of any shape.
    classes : how many there are; the largest label and one where None.
    dtype : of the result.

    Returns
    -------
    [*labels.shape, classes].

    Raises
    ------
    ValueError
        For labels outside 0..classes-1, and where None is given with no labels.
    TypeError
        For labels that are no integers.

    Examples
    --------
    >>> one_hot([2, 0], 3).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    index = np.asarray(labels)
    if index.dtype.kind not in "iu" and index.size:
        raise TypeError(f"one_hot: labels must be integers, are {index.dtype}")
    if classes is None:
        if not index.size:
            raise ValueError("one_hot: no labels to tell the number of classes from")
        classes = int(index.max()) + 1
    if index.size and (int(index.min()) < 0 or int(index.max()) >= classes):
        raise ValueError(
            f"one_hot: labels lie in {index.min()}..{index.max()}, the classes are 0..{classes - 1}"
        )
    result = np.zeros((index.size, classes), dtype=dtype)
    result[np.arange(index.size), index.reshape(-1).astype(np.intp)] = 1
    return result.reshape(*index.shape, classes)


class Compose:
    """Transforms one after another.

    Examples
    --------
    >>> import numpy as np
    >>> from fastnn import train
    >>> augment = train.Compose(train.RandomHorizontalFlip(), train.RandomCrop(32, padding=4))
    >>> augment(np.zeros((2, 3, 32, 32)), np.random.default_rng(0)).shape
    (2, 3, 32, 32)
    """

    def __init__(self, *transforms: Callable[[Any, np.random.Generator], Any]) -> None:
        self.transforms = transforms

    def __call__(self, x: Any, generator: np.random.Generator) -> Any:
        for transform in self.transforms:
            x = transform(x, generator)
        return x


class Normalize:
    """``(x - mean) / std`` in a floating dtype.

    Parameters
    ----------
    mean, std : numbers or [c] of the channels, as `channel_stats` gives them; or a whole mean image [c, h, w].
    axis : the dimension of channels in a batch.
    dtype : of the result.

    Raises
    ------
    ValueError
        For a deviation that is zero, negative or NaN: that channel is constant.

    Examples
    --------
    >>> import numpy as np
    >>> Normalize([10.0], [2.0])(np.array([[12, 8]], dtype=np.uint8).reshape(1, 1, 2)).tolist()
    [[[1.0, -1.0]]]
    """

    def __init__(self, mean: Any, std: Any = 1.0, *, axis: int = 1, dtype: DTypeLike = np.float32) -> None:
        self._mean, self._std = np.asarray(mean, dtype=dtype), np.asarray(std, dtype=dtype)
        if not (self._std > 0).all():
            raise ValueError(f"Normalize: std must be positive, is {self._std.tolist()}")
        self._axis, self._dtype = axis, np.dtype(dtype)

    def __call__(self, x: Any, generator: np.random.Generator | None = None) -> NDArray[Any]:
        x = np.asarray(x)
        result = x.astype(self._dtype)
        result -= self._shaped(self._mean, x)
        result /= self._shaped(self._std, x)
        return result

    def _shaped(self, value: NDArray[Any], x: NDArray[Any]) -> NDArray[Any]:
        if value.ndim != 1:
            return value
        return value.reshape([-1 if d == self._axis % x.ndim else 1 for d in range(x.ndim)])


class RandomHorizontalFlip:
    """Mirror the rows [..., w] of each item with probability p.

    Examples
    --------
    >>> import numpy as np
    >>> RandomHorizontalFlip(p=1.0)(np.arange(3).reshape(1, 1, 3), np.random.default_rng(0)).tolist()
    [[[2, 1, 0]]]
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"RandomHorizontalFlip: p must lie in 0..1, is {p}")
        self.p = p

    def __call__(self, x: Any, generator: np.random.Generator) -> NDArray[Any]:
        result = np.array(x)
        chosen = generator.random(len(result)) < self.p
        result[chosen] = result[chosen][..., ::-1]
        return result


class RandomCrop:
    """A window of each item [..., h, w] at a random place, after padding with zeros.

    Parameters
    ----------
    size : (h, w) of the window, or one number for both.
    padding : zeros added on all four sides before.

    Examples
    --------
    >>> import numpy as np
    >>> RandomCrop(4, padding=2)(np.ones((5, 3, 6, 6)), np.random.default_rng(0)).shape
    (5, 3, 4, 4)
    """

    def __init__(self, size: int | tuple[int, int], padding: int = 0) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.padding = padding
        if len(self.size) != 2 or min(self.size) < 1 or padding < 0:
            raise ValueError(f"RandomCrop: size {size} and padding {padding} make no window")

    def __call__(self, x: Any, generator: np.random.Generator) -> NDArray[Any]:
        x = np.asarray(x)
        if x.ndim < 3:
            raise ValueError(f"RandomCrop: needs a batch of images [n, ..., h, w], got shape {x.shape}")
        border = [(0, 0)] * (x.ndim - 2) + [(self.padding, self.padding)] * 2
        padded = np.pad(x, border).reshape(len(x), -1, *(n + 2 * self.padding for n in x.shape[-2:]))
        rows, columns = (n - k + 1 for n, k in zip(padded.shape[2:], self.size, strict=True))
        if rows < 1 or columns < 1:
            raise ValueError(f"RandomCrop: size {self.size} is larger than the padded image {padded.shape[2:]}")
        top, left = generator.integers(rows, size=len(x)), generator.integers(columns, size=len(x))
        windows = sliding_window_view(padded, self.size, axis=(2, 3))[np.arange(len(x)), :, top, left]
        return windows.reshape(*x.shape[:-2], *self.size)


def _check_set(name: str, x: Any, ndim: int) -> NDArray[Any]:
    x = np.asanyarray(x)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name}: needs real numbers, got {x.dtype}")
    if x.ndim < ndim or not x.size:
        raise ValueError(f"{name}: needs a set of at least {ndim} dimensions with elements, got shape {x.shape}")
    return x


def _wide(x: NDArray[Any]) -> type:
    """The dtype to sum in: exact for integers of up to 32 bits."""
    return np.int64 if x.dtype.kind in "biu" and x.dtype.itemsize <= 4 else np.float64


def _sum_of_chunks(name: str, x: NDArray[Any], function: Callable[[NDArray[Any]], Any]) -> Any:
    """The sum of function(part) over parts of the set; raises where a part is not finite."""
    total: Any = 0
    for start, part in _chunks(x):
        found = function(part)
        if not np.isfinite(found).all():
            bad = start + int(np.flatnonzero(~np.isfinite(part).reshape(len(part), -1).all(axis=1))[0])
            raise ValueError(f"{name}: item {bad} of the set holds NaN or infinity")
        total = total + found
    return total


def _chunks(x: NDArray[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
    rows = max(1, _CHUNK * len(x) // x.size)
    for start in range(0, len(x), rows):
        yield start, x[start : start + rows]
