"""The data set that comes with the package."""

from fastnn.datasets.digits import Split, load_digits

__all__ = ["Split", "load_digits"]
