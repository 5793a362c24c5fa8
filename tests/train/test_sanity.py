"""`sanity_check`: a sound network passes, each fault is found by its check, and nothing is changed."""

import numpy as np
import pytest

from fastnn import nn, train
from fastnn.autograd import Tensor

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4)).astype(np.float32)
Y = np.arange(60) % 3


def network(*more):
    nn.init.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 32), *more, nn.ReLU(), nn.Linear(32, 3))


def suspicious(report):
    return [finding.name for finding in report if not finding.ok]


def test_a_sound_network_passes_and_stays_as_it_is():
    model = network(nn.BatchNorm1d(32), nn.Dropout(0.5)).eval()
    before, state = model.state_dict(), nn.init.get_state()
    report = train.sanity_check(model, X, Y)
    assert report.ok and not suspicious(report), str(report)
    assert all((before[name] == value).all() for name, value in model.state_dict().items())
    assert nn.init.get_state() == state and not model.training
    assert all(p.grad is None for p in model.parameters())


def test_the_report_is_an_aligned_table_with_advice():
    model = network()
    model[2].weight.data = model[2].weight.numpy() * 100
    report = train.sanity_check(model, X, Y, steps=2)
    lines = str(report).splitlines()
    columns = {line.index(word) for line, word in zip(lines, ["found", "", ""], strict=False) if word}
    assert all(len(line) > max(columns) for line in lines[:5])
    assert not report.ok and lines[1].startswith("loss at the start  ")
    assert any(line.startswith("loss at the start: the scores are too large") for line in lines[5:])


def test_weights_of_zero_are_suspicious():
    model = network()
    for p in model.parameters():
        p.data = np.zeros_like(p.numpy())
    assert suspicious(train.sanity_check(model, X, Y, steps=30))[:2] == ["regularisation", "overfits 20 examples"]


def test_inputs_that_are_all_alike_cannot_be_overfitted():
    assert suspicious(train.sanity_check(network(), X * 0, Y, steps=30)) == ["overfits 20 examples"]


def test_a_wrong_gradient_is_found_by_its_parameter():
    class Cut(nn.Module):
        def forward(self, x):
            return x * Tensor(x.numpy())  # half of the gradient of x^2 is lost

    report = train.sanity_check(network(Cut()), X, Y, steps=300)
    assert "gradients" in suspicious(report) and "0." in report[-1].advice


def test_a_parameter_without_gradient_is_found():
    class Unused(nn.Module):
        def __init__(self):
            self.unused = nn.Linear(2, 2)

        def forward(self, x):
            return x

    report = train.sanity_check(network(Unused()), X, Y)
    assert suspicious(report) == ["gradients"] and "unused.weight: no gradient" in report[-1].advice


def test_other_losses():
    report = train.sanity_check(network(), X, X[:, :3] * 0.5, loss=nn.MSELoss(), steps=2000)
    assert report.ok and len(report) == 3, str(report)


def test_sets_that_fit_refuses():
    with pytest.raises(ValueError, match="sanity_check: the set is empty"):
        train.sanity_check(network(), X[:0], Y[:0])
    with pytest.raises(ValueError, match="labels lie in"):
        train.sanity_check(network(), X, Y + 1)
