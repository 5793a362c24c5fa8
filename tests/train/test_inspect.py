"""The report on a network's activations."""

import numpy as np
import pytest

from fastnn import nn, train, viz


def values(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def test_figures_are_those_of_the_activations():
    model = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 6), nn.Tanh())
    model[0].bias.data = [-1e3, 0, 0, -1e3, 0]
    x = values(7, 3, 6, 6)
    report = train.inspect_activations(model, x)
    h = x
    for row, layer in zip(report.rows, model, strict=True):
        h = layer(h)
        y = h.numpy()
        assert row["shape"] == y.shape and row["type"] == type(layer).__name__
        assert (row["mean"], row["std"]) == pytest.approx((y.mean(), y.std()), rel=1e-5)
    assert [row["dead"] for row in report.rows] == [None, 0.4, None, None, None]
    assert report.rows[4]["saturated"] == pytest.approx((y**2 > 0.95).mean())
    assert report.rows[1]["saturated"] is None and not any(layer.has_hooks for layer in model)


def test_dead_features_of_sequences_and_repeated_layers():
    class Net(nn.Module):
        def __init__(self):
            self.first, self.second, self.relu = nn.Linear(4, 2), nn.Linear(2, 2), nn.ReLU()
            self.first.bias.data = [-1e3, 1e3]

        def forward(self, x):
            return self.relu(self.second(self.relu(self.first(x))))

    report = train.inspect_activations(Net(), values(3, 5, 4))  # 5 steps of 4 features
    rows = [row for row in report.rows if row["layer"] == "relu"]
    assert len(rows) == 2 and rows[0]["dead"] == 0.5
    assert list(report.samples) == ["first Linear", "relu ReLU", "second Linear", "relu ReLU, call 2"]


def test_recurrent_layers_and_sigmoids():
    model = nn.LSTM(3, 4)
    assert train.inspect_activations(model, values(5, 2, 3)).rows[0]["saturated"] == 0
    sigmoid = train.inspect_activations(nn.Sigmoid(), np.array([[-9.0, -1.0, 1.0, 9.0]], np.float32)).rows[0]
    assert sigmoid["saturated"] == 0.5 and sigmoid["layer"] == ""


def test_running_statistics_stay_as_they_were():
    model = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())
    before = model.state_dict()
    row = train.inspect_activations(model, values(4, 3, 5, 5) * 9 + 2).rows[0]
    assert abs(row["mean"]) < 1e-5 and model.training
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_the_table_is_aligned_and_the_histograms_draw():
    pytest.importorskip("matplotlib").use("agg")
    report = train.inspect_activations(nn.Sequential(nn.Linear(3, 100), nn.Tanh()), values(200, 3), samples=500)
    lines = str(report).splitlines()
    words = ("type", "Linear", "Tanh")
    assert len({line.index(word) for line, word in zip(lines, words, strict=True)}) == 1
    assert all(len(sample) <= 500 for sample in report.samples.values())
    ax = viz.activation_histograms(report.samples)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0 Linear", "1 Tanh"]


def test_a_wrong_bound_is_named():
    with pytest.raises(ValueError, match="inspect_activations: saturation .* is 1"):
        train.inspect_activations(nn.Tanh(), values(1, 1), saturation=1)
