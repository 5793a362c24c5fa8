"""Data sets: the digits that come with the package, and readers for those that lie in files."""

from fastnn.datasets.digits import Split, load_digits
from fastnn.datasets.idx import load_mnist, read_idx
from fastnn.datasets.image_folder import ImageFolder
from fastnn.datasets.npz import load_npz

__all__ = ["ImageFolder", "Split", "load_digits", "load_mnist", "load_npz", "read_idx"]
