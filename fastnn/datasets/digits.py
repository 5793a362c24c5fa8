"""Handwritten digits, 8 by 8 pixels; source and licence are in digits.md."""

from __future__ import annotations

from importlib import resources
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Split(NamedTuple):
    """Images [n, h, w] and labels [n], for training and held out."""

    x_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    x_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


def load_digits() -> Split:
    """The 1,797 embedded digits: 1,442 for training, 355 held out, always the same ones.

    Every fifth image of each class is held out, so both parts have the classes in equal shares.

    Returns
    -------
    Split. Pixels are uint8 from 0 (paper) to 16 (ink), labels 0 to 9.

    Examples
    --------
    >>> digits = load_digits()
    >>> digits.x_train.shape, digits.x_test.shape, int(digits.x_train.max())
    ((1442, 8, 8), (355, 8, 8), 16)
    """
    packed = resources.files("fastnn.datasets").joinpath("digits.npz")
    with packed.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        images, labels = archive["images"], archive["labels"].astype(np.int64)
    held_out = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        held_out[np.flatnonzero(labels == label)[4::5]] = True
    return Split(images[~held_out], labels[~held_out], images[held_out], labels[held_out])
