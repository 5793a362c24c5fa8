"""Initial values: ranges and deviations by PyTorch's formulas."""

import math

import numpy as np
import pytest

from fastnn import nn
from fastnn.autograd import Tensor

SHAPE = (64, 32, 3, 3)  # fan_in 288, fan_out 576


def empty(shape=SHAPE, dtype=np.float32):
    return nn.Parameter(np.full(shape, np.nan, dtype))


UNIFORM = {
    "uniform": (lambda t: nn.init.uniform_(t, -2, 3), -2, 3),
    "kaiming default": (nn.init.kaiming_uniform_, -math.sqrt(6 / 288), math.sqrt(6 / 288)),
    "kaiming layers": (
        lambda t: nn.init.kaiming_uniform_(t, a=math.sqrt(5)),
        -1 / math.sqrt(288),
        1 / math.sqrt(288),
    ),
    "kaiming fan_out": (
        lambda t: nn.init.kaiming_uniform_(t, mode="fan_out", nonlinearity="relu"),
        -math.sqrt(6 / 576),
        math.sqrt(6 / 576),
    ),
    "xavier": (lambda t: nn.init.xavier_uniform_(t, 2.0), -2 * math.sqrt(6 / 864), 2 * math.sqrt(6 / 864)),
}


@pytest.mark.parametrize("name", UNIFORM)
def test_uniform_ranges(name):
    fill, low, high = UNIFORM[name]
    t = empty()
    assert fill(t) is t
    values, span = t.numpy(), high - low
    assert low <= values.min() < low + span / 100 and high - span / 100 < values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < span / 50


NORMAL = {
    "normal": (lambda t: nn.init.normal_(t, 5, 2), 5, 2),
    "kaiming": (lambda t: nn.init.kaiming_normal_(t, nonlinearity="relu"), 0, math.sqrt(2 / 288)),
    "xavier": (nn.init.xavier_normal_, 0, math.sqrt(2 / 864)),
}


@pytest.mark.parametrize("name", NORMAL)
def test_normal_deviations(name):
    fill, mean, deviation = NORMAL[name]
    t = empty()
    fill(t)
    assert abs(t.numpy().mean() - mean) < deviation / 20
    assert abs(t.numpy().std() / deviation - 1) < 0.02


def test_constants():
    t = empty((2, 2))
    assert (nn.init.ones_(t).numpy() == 1).all() and (nn.init.zeros_(t).numpy() == 0).all()
    assert (nn.init.constant_(empty((3,), np.float64), 0.1).numpy() == 0.1).all()


def test_gains():
    gains = {"linear": 1, "conv2d": 1, "sigmoid": 1, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
    assert all(nn.init.calculate_gain(name) == gain for name, gain in gains.items())
    assert nn.init.calculate_gain("leaky_relu", 2) == math.sqrt(2 / 5)
    assert nn.init.calculate_gain("leaky_relu") == math.sqrt(2 / (1 + 0.01**2))


def test_seeds():
    draws = []
    for seed in (1, 1, 2):
        nn.init.manual_seed(seed)
        draws.append(nn.Conv2d(2, 3, 3).state_dict())
    assert (draws[0]["weight"] == draws[1]["weight"]).all() and (draws[0]["bias"] == draws[1]["bias"]).all()
    assert (draws[0]["weight"] != draws[2]["weight"]).any()
    own = [nn.init.normal_(empty(), generator=np.random.default_rng(5)).numpy() for _ in range(2)]
    assert (own[0] == own[1]).all()


def test_values_are_drawn_in_the_tensors_dtype():
    assert nn.init.uniform_(empty(dtype=np.float64)).dtype == np.float64
    assert not nn.init.normal_(Tensor(np.empty(3))).requires_grad


def test_default_layers_use_pytorchs_ranges():
    for layer, fan in ((nn.Conv2d(8, 64, 3), 72), (nn.Linear(72, 64), 72)):
        bound = 1 / math.sqrt(fan)
        assert 0.95 * bound < np.abs(layer.weight.numpy()).max() <= bound
        assert 0.8 * bound < np.abs(layer.bias.numpy()).max() <= bound


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: nn.init.kaiming_normal_(empty((3,))), r"at least 2 dimensions, tensor has shape \(3,\)"),
        (lambda: nn.init.kaiming_normal_(empty((3, 3)), mode="fan"), "mode must be .* is 'fan'"),
        (lambda: nn.init.calculate_gain("swish"), "unknown nonlinearity 'swish'"),
    ],
)
def test_mistakes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
