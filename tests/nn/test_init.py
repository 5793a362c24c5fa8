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


# ---- fans, structured matrices, biases -----------------------------------------------------------------
def test_fans_of_transposed_convolutions():
    conv, turned = nn.Conv2d(2, 8, (3, 5)).weight, nn.ConvTranspose2d(2, 8, (3, 5)).weight
    assert nn.init.calculate_fans(conv) == nn.init.calculate_fans(turned, transposed=True) == (30, 120)
    deviation = nn.init.kaiming_normal_(empty((50, 200, 3)), nonlinearity="relu", transposed=True).numpy().std()
    assert deviation == pytest.approx(math.sqrt(2 / 150), rel=0.02)


@pytest.mark.parametrize("shape", [(5, 12), (12, 5), (4, 3, 2, 2)])
def test_orthogonal(shape):
    w = nn.init.orthogonal_(empty(shape, np.float64), gain=2.0).numpy().reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 4 * np.eye(min(w.shape)), atol=1e-12)


def test_identities():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    layer = nn.Linear(5, 5, bias=False, dtype=np.float64)
    nn.init.eye_(layer.weight)
    np.testing.assert_array_equal(layer(x).numpy(), x)
    conv = nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False, dtype=np.float64)
    nn.init.dirac_(conv.weight, groups=3)
    np.testing.assert_allclose(conv(x).numpy()[:, ::2], x, atol=1e-12)
    assert not conv.weight.numpy()[1::2].any()


def test_sparse_and_truncated():
    w = nn.init.sparse_(empty((10, 7)), 0.25, std=2.0).numpy()
    assert ((w == 0).sum(0) == 3).all() and w.std() > 1
    t = nn.init.trunc_normal_(empty((5000,)), mean=1.0, std=2.0, a=0.0, b=2.0).numpy()
    assert t.min() >= 0 and t.max() <= 2 and t.mean() == pytest.approx(1, abs=0.05)


def test_every_random_function_follows_its_generator():
    names = "uniform normal xavier_uniform xavier_normal kaiming_uniform kaiming_normal orthogonal trunc_normal"
    calls = [getattr(nn.init, f"{name}_") for name in names.split()]
    calls.append(lambda t, generator: nn.init.sparse_(t, 0.5, generator=generator))
    for call in calls:
        a, b, c = (call(empty((4, 6)), generator=np.random.default_rng(s)).numpy() for s in (1, 1, 2))
        assert (a == b).all() and (a != c).any()


def test_biases():
    assert (nn.init.relu_bias_(nn.Linear(2, 3), 0.01).bias.numpy() == np.float32(0.01)).all()
    for call, message in (
        (lambda: nn.init.relu_bias_(nn.Linear(2, 3, bias=False)), "relu_bias_: needs a layer with a bias"),
        (lambda: nn.init.relu_bias_(nn.Linear(2, 3), -1), "value must be positive"),
        (lambda: nn.init.orthogonal_(empty((3,))), r"orthogonal_: needs at least 2 .*\(3,\)"),
        (lambda: nn.init.dirac_(empty((5, 2, 3)), 2), "dirac_: .*groups=2"),
        (lambda: nn.init.sparse_(empty((2, 2)), 2.0), "sparse_: .*2.0"),
        (lambda: nn.init.trunc_normal_(empty((2,)), a=9, b=10), "trunc_normal_: hardly any"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
