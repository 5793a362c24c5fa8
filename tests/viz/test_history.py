"""Curves of a training."""

import pytest

from fastnn import viz


def test_losses_are_drawn_and_named():
    figure = pytest.importorskip("matplotlib.figure")
    ax = figure.Figure().add_subplot()
    figures = {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 2.0], "accuracy": [0.1, 0.2, 0.3]}
    assert viz.history(figures, ax=ax) is ax
    train, validation = ax.get_lines()
    assert list(train.get_xdata()) == [1, 2, 3] and list(validation.get_ydata()) == [3, 2.5, 2]
    assert train.get_color() == validation.get_color() and validation.get_linestyle() == "--"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["loss", "val_loss"]
    with pytest.raises(ValueError, match="history: .*'f1'.* are no figures"):
        viz.history(figures, ["f1"], ax)
