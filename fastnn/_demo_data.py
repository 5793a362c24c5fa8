"""Images for `fastnn demo`: the embedded digits or a user's .npz, scaled for a network, drawn as text."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastnn.datasets import load_digits

Array = NDArray[Any]

NAMES = ("x_train", "y_train", "x_test", "y_test")
_CHANNELS = (1, 3, 4)  # sizes by which an axis is taken for the channels
_MOST_CLASSES = 10_000
_FEW_IMAGES = 10_000  # training sets below this are extended by shifted copies
_INK = " .:-=+*#%@"


@dataclass
class Data:
    """Images [n, c, h, w] as they were given, and labels 0..classes-1."""

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    @property
    def classes(self) -> int:
        return int(self.y_train.max()) + 1


@dataclass
class Scaling:
    """What brings each channel to mean 0 and deviation 1, from the training images."""

    mean: list[float]
    deviation: list[float]

    @classmethod
    def of(cls, images: Array) -> Scaling:
        mean = images.mean(axis=(0, 2, 3), dtype=np.float64)
        deviation = images.std(axis=(0, 2, 3), dtype=np.float64)
        return cls(mean.tolist(), np.where(deviation > 0, deviation, 1.0).tolist())

    def apply(self, images: Array) -> Array:
        """float32 images [n, c, h, w] for the network."""
        mean, deviation = (
            np.asarray(v, dtype=np.float32)[:, None, None] for v in (self.mean, self.deviation)
        )
        scaled = images.astype(np.float32)
        scaled -= mean
        scaled /= deviation
        return scaled


def load(path: str | None) -> Data:
    """The embedded digits, or the arrays of an .npz file.

    Raises
    ------
    ValueError
        For a file that is no .npz, lacks arrays, or holds arrays that are no images and labels.
    OSError
        Where it cannot be read.
    """
    name = "digits" if path is None else path
    arrays = load_digits()._asdict() if path is None else _read(path)
    x_train, x_test = (_images(name, key, arrays[key]) for key in ("x_train", "x_test"))
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(f"{name}: x_train has images of {x_train.shape[1:]}, x_test of {x_test.shape[1:]}")
    y_train = _labels(name, "y_train", arrays["y_train"], len(x_train))
    y_test = _labels(name, "y_test", arrays["y_test"], len(x_test))
    data = Data(name, x_train, y_train, x_test, y_test)
    if not 2 <= data.classes <= _MOST_CLASSES:
        raise ValueError(
            f"{name}: y_train has labels up to {data.classes - 1}; 1 to {_MOST_CLASSES - 1} make sense"
        )
    if int(y_test.max()) >= data.classes:
        raise ValueError(
            f"{name}: y_test has label {int(y_test.max())}, y_train only up to {data.classes - 1}"
        )
    return data


def _read(path: str) -> dict[str, Array]:
    try:
        archive = np.load(path, allow_pickle=False)
    except (zipfile.BadZipFile, EOFError, ValueError):
        raise ValueError(f"{path}: not an .npz archive, or a damaged one") from None
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError(f"{path}: one array, not an .npz archive")
    with archive:
        missing = [name for name in NAMES if name not in archive.files]
        if missing:
            raise ValueError(
                f"{path}: no array {', '.join(missing)}; there are {', '.join(archive.files) or 'none'}"
            )
        return {name: _member(path, archive, name) for name in NAMES}


def _member(path: str, archive: Any, name: str) -> Array:
    try:
        return archive[name]
    except ValueError:  # object arrays are pickles, which are not read
        raise ValueError(f"{path}: {name} is no plain array of numbers") from None
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise ValueError(f"{path}: {name} is damaged") from None


def _images(name: str, key: str, x: Array) -> Array:
    """[n, c, h, w] from [n, h, w], [n, c, h, w] or [n, h, w, c]; channels are the axis of size 1, 3 or 4."""
    if x.dtype.kind not in "fiub":
        raise ValueError(f"{name}: {key} has dtype {x.dtype}; images must be numbers")
    if x.ndim == 3:
        x = x[:, None]
    if x.ndim != 4:
        raise ValueError(
            f"{name}: {key} has shape {x.shape}; images are [n, h, w], [n, h, w, c] or [n, c, h, w]"
        )
    if x.shape[3] in _CHANNELS and x.shape[1] not in _CHANNELS:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    if not len(x) or min(x.shape[2:]) < 4:
        raise ValueError(f"{name}: {key} has shape {x.shape}; at least one image of 4x4 is needed")
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        raise ValueError(f"{name}: {key} holds NaN or infinity")
    return x


def _labels(name: str, key: str, y: Array, count: int) -> Array:
    if y.dtype.kind not in "iu":
        raise ValueError(f"{name}: {key} has dtype {y.dtype}; labels must be integers")
    if y.shape != (count,):
        raise ValueError(f"{name}: {key} has shape {y.shape}, {(count,)} is needed")
    if int(y.min()) < 0:
        raise ValueError(f"{name}: {key} has label {int(y.min())}; labels start at 0")
    if int(y.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"{name}: {key} has label {int(y.max())}")
    return y.astype(np.int64)


def training_set(x: Array, y: Array) -> tuple[Array, Array]:
    """A small set with copies shifted by one pixel up, down, left and right, filled with 0; others
    unchanged."""
    if len(x) >= _FEW_IMAGES:
        return x, y
    h, w = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    corners = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    return np.concatenate([padded[:, :, i : i + h, j : j + w] for i, j in corners]), np.tile(y, len(corners))


def draw(image: Array) -> list[str]:
    """Lines of text for an image [c, h, w], at most 16 cells wide and high; larger values are darker."""
    gray = image.astype(np.float64).mean(axis=0)
    cell = -(-max(gray.shape) // 16)
    rows, columns = (-(-n // cell) for n in gray.shape)
    gray = np.pad(gray, ((0, rows * cell - gray.shape[0]), (0, columns * cell - gray.shape[1])), mode="edge")
    gray = gray.reshape(rows, cell, columns, cell).mean(axis=(1, 3))
    span = np.ptp(gray)
    level = (gray - gray.min()) / (span if span else 1.0) * (len(_INK) - 1)
    return ["".join(_INK[round(v)] * 2 for v in row) for row in level]


def side_by_side(blocks: list[list[str]], width: int) -> str:
    """Blocks of text, as many beside each other as fit into `width`, otherwise below."""
    columns = max(len(line) for block in blocks for line in block) + 2
    per_row = max(1, width // columns)
    text = []
    for start in range(0, len(blocks), per_row):
        row = blocks[start : start + per_row]
        for lines in zip(*row, strict=True):
            text.append("".join(line.ljust(columns) for line in lines).rstrip())
    return "\n".join(text)
