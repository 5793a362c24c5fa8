"""interpolate and its gradient: the contract, then PyTorch, exact values and bad input."""

from dataclasses import dataclass, field

import contract
import naive_roi
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops


@dataclass(frozen=True)
class Resize:
    """x [n, c, ...] and what the op is called with."""

    x: tuple
    args: dict = field(default_factory=dict)

    @property
    def gradient(self):
        return {k: v for k, v in self.args.items() if k != "size"}


CASES = {
    "nearest_up": Resize((2, 15, 5, 7), {"size": (11, 9)}),
    "bilinear_up": Resize((2, 17, 5, 7), {"size": (11, 9), "mode": "bilinear"}),
    "bicubic_down": Resize((1, 16, 12, 9), {"size": (5, 4), "mode": "bicubic"}),
    "bilinear_corners": Resize((1, 3, 6, 5), {"size": (11, 13), "mode": "bilinear", "align_corners": True}),
    "nearest_exact_down": Resize((1, 4, 9, 13), {"size": (4, 5), "mode": "nearest-exact"}),
    "scale_of_its_own": Resize((1, 5, 7, 10), {"scale_factor": (1.7, 0.6), "mode": "bilinear"}),
    "bicubic_corners": Resize((1, 2, 4, 3), {"scale_factor": 2, "mode": "bicubic", "align_corners": True}),
    "scale_rounds_to_same_size": Resize((1, 2, 5, 17), {"scale_factor": (1.1, 1.001), "mode": "bilinear"}),
    "scale_rounds_nearest": Resize((1, 2, 3, 5), {"scale_factor": (2.3, 1.1)}),
    "scale_rounds_cubic": Resize((1, 2, 3, 5), {"scale_factor": (2.3, 1.1), "mode": "bicubic"}),
    "one_pixel": Resize((1, 1, 1, 1), {"size": (3, 2), "mode": "bicubic"}),
    "to_one_pixel": Resize((2, 3, 5, 4), {"size": 1, "mode": "bilinear", "align_corners": True}),
    "wide_rows_in_bands": Resize((1, 2, 12, 300), {"size": (40, 700), "mode": "bilinear"}),
    "sequence": Resize((2, 19, 13), {"size": 30, "mode": "linear"}),
    "sequence_nearest": Resize((2, 3, 13), {"scale_factor": 2.5}),
    "volume": Resize((1, 5, 3, 5, 4), {"size": (7, 4, 9), "mode": "trilinear"}),
    "volume_nearest": Resize((2, 3, 4, 3, 5), {"size": (2, 5, 3)}),
}
BULK = [Resize((2, 40, 30, 41), {"scale_factor": 2, "mode": "bilinear"})]


class Interpolate(contract.Image):
    family, cases, bulk = "interpolate", CASES, BULK
    probes = ("nearest_up", "bilinear_up", "bicubic_down", "sequence", "volume")

    def length(self, case):
        return 64


class TestInterpolate(contract.ImageOut, contract.Differentiable, Interpolate):
    op = "interpolate"

    def inputs(self, case, rng):
        return {"x": rng.standard_normal(case.x)}

    def call(self, case, a, **extra):
        return ops.interpolate(a["x"], **case.args, **extra)

    def expected(self, case, a):
        return naive_roi.interpolate(a["x"], **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": ops.interpolate_grad_input(gy, case.x, **case.gradient)}


class TestInterpolateGradInput(Interpolate):
    op, batch, images = "interpolate_grad_input", ("gy",), ("gy",)

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal(naive_roi.interpolate(np.zeros(case.x), **case.args).shape)}

    def shape(self, case, a):
        return (a["gy"].shape[0] if a["gy"].ndim else 0, *case.x[1:])

    def call(self, case, a):
        return ops.interpolate_grad_input(a["gy"], self.shape(case, a), **case.gradient)

    def expected(self, case, a):
        return naive_roi.interpolate_grad_input(a["gy"], self.shape(case, a), **case.gradient)


@pytest.mark.parametrize("name", CASES)
def test_pytorch_agrees(name):
    torch = pytest.importorskip("torch")
    case = CASES[name]
    length = 64 * max(case.x[2:])  # positions are rounded at the size of the image
    x = torch.tensor(np.random.default_rng(2).standard_normal(case.x), requires_grad=True)
    y = torch.nn.functional.interpolate(x, **case.args)
    tolerance.assert_close(ops.interpolate(x.detach().numpy(), **case.args), y.detach().numpy(), "interpolate", length)
    gy = np.random.default_rng(3).standard_normal(tuple(y.shape))
    y.backward(torch.tensor(gy))
    gx = ops.interpolate_grad_input(gy, case.x, **case.gradient)
    tolerance.assert_close(gx, x.grad.numpy(), "interpolate", length)


def test_the_same_size_changes_nothing():
    x = np.random.default_rng(4).standard_normal((2, 3, 6, 7)).astype(np.float32)
    x[0, 0, 2, 3], x[1, 2, 0, 0] = np.nan, np.inf
    for mode in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        tolerance.assert_same(ops.interpolate(x, (6, 7), mode=mode), x)


def test_nan_stays_where_it_is_read():
    x = np.zeros((1, 1, 1, 8))
    x[..., 3] = np.nan
    y = ops.interpolate(x, (1, 16), mode="bilinear")
    assert np.flatnonzero(np.isnan(y)).tolist() == [5, 6, 7, 8]


X = np.ones((2, 3, 4, 5))


@pytest.mark.parametrize(
    "bad, words",
    [
        ({}, ["size", "scale_factor"]),
        ({"size": 3, "scale_factor": 2}, ["size", "scale_factor"]),
        ({"size": 0}, ["size", 0]),
        ({"size": (1, 2, 3)}, ["size", "(1, 2, 3)"]),
        ({"size": 2.5}, ["size", 2.5]),
        ({"scale_factor": 0}, ["scale_factor", 0]),
        ({"scale_factor": np.nan}, ["scale_factor", "nan"]),
        ({"scale_factor": 1e30}, ["scale_factor", 1e30]),
        ({"scale_factor": 0.01}, ["scale_factor", 0.01]),
        ({"scale_factor": (2, 2, 2)}, ["scale_factor", "(2, 2, 2)"]),
        ({"size": 3, "mode": "area"}, ["mode", "area"]),
        ({"size": 3, "mode": "linear"}, ["linear", 3, 4]),
        ({"size": 3, "align_corners": True}, ["nearest", "align_corners"]),
        ({"size": 3, "x": np.ones((3, 4))}, ["x", "(3, 4)"]),
        ({"size": 3, "x": np.ones((1, 2, 0, 4))}, ["x", "(1, 2, 0, 4)"]),
        ({"size": 3, "x": np.ones((1, 2, 3, 4), int)}, ["x", "int"]),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(bad, words):
    with rejects("interpolate", *words):
        ops.interpolate(**({"x": X} | bad))


def test_a_gradient_of_another_shape_is_refused():
    with rejects("interpolate_grad_input", "gy", "(2, 3, 8, 10)"):
        ops.interpolate_grad_input(np.ones((2, 3, 8, 9)), X.shape, 2)
