"""The embedded digits: what they are, how they are split, where they come from."""

from importlib import resources

import numpy as np
import pytest

from fastnn.datasets import load_digits

LABELS, TOTAL = [5, 0, 9, 8, 7, 1, 2, 6, 3, 4], 111_152  # of the held-out part


def test_sizes_values_and_shares():
    digits = load_digits()
    assert digits.x_train.shape == (1442, 8, 8) and digits.x_test.shape == (355, 8, 8)
    assert digits.x_train.dtype == np.uint8 and digits.x_train.max() == 16 and digits.x_train.min() == 0
    assert digits.y_train.dtype == digits.y_test.dtype == np.int64
    for label in range(10):
        held_out, kept = (digits.y_test == label).sum(), (digits.y_train == label).sum()
        assert held_out == (held_out + kept) // 5


def test_the_split_is_always_the_same():
    first, second = load_digits(), load_digits()
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
    assert first.y_test[:10].tolist() == LABELS and int(first.x_test.sum()) == TOTAL


def test_they_are_scikit_learns():
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    ours = load_digits()
    images = {
        image.tobytes(): label for image, label in zip(theirs.images.astype(np.uint8), theirs.target, strict=True)
    }
    for x, y in ((ours.x_train, ours.y_train), (ours.x_test, ours.y_test)):
        assert all(images[image.tobytes()] == label for image, label in zip(x, y, strict=True))


def test_source_and_licence_lie_beside_them():
    text = resources.files("fastnn.datasets").joinpath("digits.md").read_text(encoding="utf-8")
    for word in ("UCI", "Alpaydin", "CC BY 4.0", "scikit-learn"):
        assert word in text
