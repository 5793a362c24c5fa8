"""Grids, heat maps and histograms."""

import sys

import numpy as np
import pytest

from fastnn import viz


@pytest.fixture
def ax():
    return pytest.importorskip("matplotlib.figure").Figure().add_subplot()


def test_a_grid_holds_every_image_at_its_place():
    images = np.arange(5 * 2 * 3, dtype=float).reshape(5, 2, 3) / 29
    grid = viz.image_grid(images, columns=2, scale="none", border=2)[..., 0]
    assert grid.shape == (3 * 4 - 2, 2 * 5 - 2)
    for i in range(5):
        top, left = i // 2 * 4, i % 2 * 5
        np.testing.assert_array_equal(grid[top : top + 2, left : left + 3], images[i])
    assert (grid[2:4] == 1).all() and (grid[8:, 5:] == 1).all()


def test_scales():
    images = np.array([[[0.0, 2.0]], [[2.0, 4.0]], [[3.0, 3.0]]])
    one = {"columns": 1, "border": 0}
    assert viz.image_grid(images, scale="each", **one)[..., 0].tolist() == [[0, 1], [0, 1], [0, 0]]
    assert viz.image_grid(images, scale="all", **one)[..., 0].tolist() == [[0, 0.5], [0.5, 1], [0.75, 0.75]]


def test_drawings_go_to_the_given_axes(ax):
    assert viz.images(np.zeros((4, 3, 5, 5)), ax=ax) is ax and len(ax.images) == 1
    gradient = np.zeros((3, 4, 6))
    gradient[1, 2, 3] = -7
    assert viz.saliency(gradient, np.zeros((3, 4, 6)), ax=ax) is ax
    shown = np.asarray(ax.images[-1].get_array())
    assert shown.shape == (4, 6) and shown[2, 3] == 7 and shown.sum() == 7
    assert viz.activation_histograms({"a": np.ones(9), "b": [1.0, np.nan]}, ax=ax) is ax
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b (1 not finite)"]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: viz.image_grid(np.zeros((4, 8, 3, 3))), r"image_grid: .* shape is \(4, 8, 3, 3\)"),
        (lambda: viz.image_grid(np.zeros((4, 3, 3)), scale="some"), "scale must be .* 'some'"),
        (lambda: viz.image_grid(np.zeros((4, 3, 3)), columns=0), "columns=0"),
        (lambda: viz.saliency(np.zeros(3)), r"saliency: .* shape is \(3,\)"),
        (lambda: viz.saliency(np.zeros((2, 2)), np.zeros((3, 3))), r"gradient is \(2, 2\), image is \(3, 3\)"),
        (lambda: viz.activation_histograms({}), "no arrays"),
        (lambda: viz.activation_histograms({"a": [1.0]}, value_range=(1, 1)), "value_range"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r'viz.images needs matplotlib: pip install "fastnn-kernels\[viz\]"'):
        viz.images(np.zeros((1, 2, 2)))
