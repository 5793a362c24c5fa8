"""Data sets that are not part of the project: tests that want them skip where they are absent."""

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("FASTNN_DATA", Path(__file__).parents[2] / "shared" / "data"))


def real_data(name):
    """The path of a set, by the name of its file or folder; skips the test where it is not there."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not there (FASTNN_DATA names the folder of data sets)")
    return path
