"""Every activation but relu (test_activation.py), with its gradient."""

import math

import cases
import contract
import naive_activation as oracle
import numpy as np
import pytest
import tolerance
from contract import rejects

import fastnn
from fastnn import _kernels, ops

FROM_RESULT = ("sigmoid", "tanh")  # whose gradients take the result
KINDS = {name: (name, ()) for name in oracle.FUNCTIONS if name != "gelu_tanh"} | {
    "gelu_tanh": ("gelu", ("tanh",)),
    "steep_leaky_relu": ("leaky_relu", (0.3,)),
    "small_elu": ("elu", (0.4,)),
    "sharp_softplus": ("softplus", (3.0, 5.0)),
}


def forward(kind, x, **extra):
    op, options = KINDS[kind]
    return getattr(ops, op)(x, *options, **extra)


def backward(kind, gy, x):
    op, options = KINDS[kind]
    return getattr(ops, f"{op}_grad_input")(gy, forward(kind, x) if op in FROM_RESULT else x, *options)


def defined(kind, of=oracle.activation):
    """The oracle with the same parameters."""
    name, options = (kind, ()) if kind == "gelu_tanh" else KINDS[kind]
    return lambda *arrays: of(*arrays, name, *options)


def away_from_corners(rng, shape):
    """Values that a finite difference does not carry over -3, 0, 3, 5/3 or 6."""
    return rng.choice([-7.0, -4.0, -2.0, -1.0, 1.0, 2.0, 4.0], shape) + rng.uniform(-0.3, 0.3, shape)


class Activation(contract.ImageOut, contract.Differentiable):
    cases, bulk, family = cases.RELU, cases.RELU_BULK, "activation"
    probes = ("lanes_plus_1", "image")
    kind = ""

    def inputs(self, case, rng):
        return {"x": away_from_corners(rng, case.x)}

    def call(self, case, a, **extra):
        return forward(self.kind, a["x"], **extra)

    def expected(self, case, a):
        return defined(self.kind)(a["x"])

    def gradients(self, case, a, gy, y):
        return {"x": backward(self.kind, gy, a["x"])}


for _kind, (_op, _) in KINDS.items():
    _name = "Test" + _kind.title().replace("_", "")
    globals()[_name] = type(_name, (Activation,), {"op": _op, "kind": _kind, "__module__": __name__})


class Gradient(contract.Image):
    cases, bulk, family = cases.RELU, cases.RELU_BULK, "activation"
    probes, batch, images = ("lanes_plus_1", "image"), ("gy", "x"), ("gy", "x")
    kind = ""

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(case.x), "x": away_from_corners(rng, case.x)}

    def call(self, case, a):
        op, options = KINDS[self.kind]
        return getattr(ops, f"{op}_grad_input")(a["gy"], a["x"], *options)

    def expected(self, case, a):
        return defined(self.kind, oracle.activation_grad_input)(a["gy"], a["x"])


class TestGeluGradInput(Gradient):
    op, kind = "gelu_grad_input", "gelu"


class TestLeakyReluGradInput(Gradient):
    op, kind = "leaky_relu_grad_input", "leaky_relu"


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_many_values(kind, dtype, isa):
    x = np.concatenate([np.linspace(-30, 30, 1013), np.linspace(-2, 2, 998)]).astype(dtype)
    gy = np.linspace(1, 2, x.size).astype(dtype)
    expected = defined(kind, oracle.activation_grad_input)(gy, x)
    tolerance.assert_close(backward(kind, gy, x), expected, "activation")


LIMITS = {  # at infinity and at -infinity
    "relu6": (6, 0), "leaky_relu": (np.inf, -np.inf), "hardsigmoid": (1, 0), "hardswish": (np.inf, 0),
    "sigmoid": (1, 0), "tanh": (1, -1), "silu": (np.inf, 0), "mish": (np.inf, 0), "softplus": (np.inf, 0),
    "elu": (np.inf, -1), "selu": (np.inf, -oracle.SELU_SCALE * oracle.SELU_ALPHA), "gelu": (np.inf, 0),
    "gelu_tanh": (np.inf, 0),
}  # fmt: skip


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("kind", LIMITS)
def test_nan_infinity_and_huge_values(kind, dtype, isa):
    big = float(np.finfo(dtype).max) / 2
    x = np.array([np.nan, np.inf, -np.inf, big, -big, *([1.0] * 30)], dtype)
    y = forward(kind, x)
    assert np.isnan(y[0]) and not np.isnan(y[1:]).any()
    tolerance.assert_close(y[1:3], np.array(LIMITS[kind], np.float64), "activation")
    tolerance.assert_close(y[3:5], defined(kind)(x[3:5]), "activation", scale=0)
    slopes = backward(kind, np.ones_like(x), x)
    assert not np.isnan(slopes[1:]).any()
    if KINDS[kind][0] not in ("relu6", "leaky_relu", "hardsigmoid"):
        assert np.isnan(slopes[0])
    expected = defined(kind, oracle.activation_grad_input)(np.ones(2), x[3:5])
    tolerance.assert_close(slopes[3:5], expected, "activation", scale=1)


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("kind", LIMITS)
def test_denormal_numbers(kind, isa):
    x = np.array([1e-40, -1e-40, 1e-45, 3e-39, -1e-38], np.float32)
    expected = defined(kind)(x)
    spacing = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)
    assert (np.abs(forward(kind, x) - expected) <= tolerance.ulps(kind, isa) * spacing).all()


def samples():
    """float32 values of every sign and exponent, and many where the functions bend."""
    every = np.arange(0, 1 << 32, 1048573, dtype=np.uint64).astype(np.uint32).view(np.float32)
    rng = np.random.default_rng(5)
    near = np.concatenate([rng.uniform(-105, 90, 4000), rng.uniform(-6, 6, 8000), rng.uniform(-0.7, 0.7, 4000)])
    return np.concatenate([every[np.isfinite(every)], near.astype(np.float32)])


@pytest.mark.parametrize("isa", contract.isas(), indirect=True)
@pytest.mark.parametrize("kind", ["exp", *LIMITS])
def test_errors_in_units_of_the_last_place(kind, isa):
    x = samples()
    if kind == "exp":
        y = np.empty_like(x)
        _kernels.activate(x, y, _kernels.ACTIVATIONS["exp"], 0.0, 0.0)
        expected = oracle.each_value(oracle.exp, x)
    else:
        y, expected = forward(kind, x), defined(kind)(x)
    finite = np.abs(expected) <= np.finfo(np.float32).max
    spacing = np.spacing(np.maximum(np.abs(expected[finite]), np.finfo(np.float32).tiny).astype(np.float32))
    error = np.abs(y[finite] - expected[finite]) / spacing
    assert error.max() <= tolerance.ulps(kind, isa), f"{error.max()} at {x[finite][error.argmax()]!r}"
    assert np.isinf(y[~finite]).all()


@pytest.mark.parametrize("channels", [16, 17])
@pytest.mark.parametrize("kind", ["sigmoid", "hardsigmoid", "softplus"])
def test_lanes_beyond_the_channels_stay_zero(kind, channels):
    y = forward(kind, fastnn.blocked(np.ones((2, channels, 2, 3), np.float32)))
    assert not y.data.transpose(0, 1, 4, 2, 3).reshape(2, -1, 2, 3)[:, channels:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_refuse_shapes_that_differ(kind):
    op, options = KINDS[kind]
    with rejects(f"{op}_grad_input", 3, 4, 5):
        getattr(ops, f"{op}_grad_input")(np.zeros((3, 4), np.float32), np.zeros((3, 5), np.float32), *options)


@pytest.mark.parametrize(
    "op, options, words",
    [
        ("leaky_relu", {"negative_slope": "steep"}, ["negative_slope", "steep"]),
        ("leaky_relu", {"negative_slope": math.nan}, ["negative_slope", "nan"]),
        ("elu", {"alpha": None}, ["alpha", None]),
        ("softplus", {"beta": 0}, ["beta", 0]),
        ("softplus", {"beta": -1.5}, ["beta", -1.5]),
        ("softplus", {"threshold": math.inf}, ["threshold", "inf"]),
        ("gelu", {"approximate": "erf"}, ["approximate", "erf"]),
        ("gelu", {"approximate": None}, ["approximate", None]),
    ],
)
def test_parameters_that_make_no_sense_are_named(op, options, words):
    x = np.zeros(3, np.float32)
    with rejects(op, *words):
        getattr(ops, op)(x, **options)
    with rejects(f"{op}_grad_input", *words):
        getattr(ops, f"{op}_grad_input")(x, x, **options)


@pytest.mark.parametrize("kind", [name for name in LIMITS if name != "gelu_tanh"])
def test_against_torch(kind):
    torch = pytest.importorskip("torch")
    x = np.linspace(-9, 9, 361, dtype=np.float32 if kind == "hardsigmoid" else np.float64)  # its 1/6 is a float there
    leaf = torch.tensor(x, requires_grad=True)
    y = getattr(torch.nn.functional, kind)(leaf)
    y.sum().backward()
    tolerance.assert_close(forward(kind, x), y.detach().numpy(), "activation")
    tolerance.assert_close(backward(kind, np.ones_like(x), x), leaf.grad.numpy(), "activation")
