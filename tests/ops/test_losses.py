"""The losses but cross_entropy (test_loss.py), with their gradients."""

from dataclasses import dataclass, field

import contract
import naive_activation as oracle
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops


@dataclass(frozen=True)
class Loss:
    """x and target of one shape; args of the op; factors broadcast to x."""

    x: tuple
    args: dict = field(default_factory=dict)
    factors: dict = field(default_factory=dict)


PLAIN = {
    "mean": Loss((7, 19)),
    "sum": Loss((2, 3, 5, 7), {"reduction": "sum"}),
    "none": Loss((3, 17), {"reduction": "none"}),
    "one": Loss((1,)),
    "several_pieces": Loss((3, 4099)),
}
SMOOTH = {**PLAIN, "narrow": Loss((7, 19), {"beta": 0.3}), "wide": Loss((5, 33), {"beta": 2.5, "reduction": "none"})}
LOGISTIC = {
    **PLAIN,
    "weighted": Loss((6, 5), {}, {"weight": (5,)}),
    "positive": Loss((6, 5), {"reduction": "none"}, {"pos_weight": (5,)}),
    "everything": Loss((6, 5), {"reduction": "sum"}, {"weight": (6, 1), "pos_weight": (5,)}),
}
BULK = [Loss((300, 1001)), Loss((300, 1001), {"reduction": "none"})]


class Forward(contract.Differentiable):
    bulk, family = BULK, "loss"
    batch = ("x", "target")
    probes = ("mean", "none")

    def inputs(self, case, rng):
        # Distances that no finite difference carries over a corner: at 0, 0.3, 1 and 2.5.
        target = rng.uniform(0, 1, case.x)
        x = target + rng.choice([-2.0, -0.6, -0.15, 0.15, 0.6, 3.0], case.x) + rng.uniform(-0.1, 0.1, case.x)
        return {"x": x, "target": target} | {k: rng.uniform(0.5, 2, shape) for k, shape in case.factors.items()}

    def call(self, case, a):
        return getattr(ops, self.op)(**a, **case.args)

    def expected(self, case, a):
        return getattr(oracle, self.op)(**a, **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": getattr(ops, f"{self.op}_grad_input")(gy, **a, **case.args)}

    def length(self, case):
        return int(np.prod(case.x))

    def test_gradient_values(self, name, isa, dtype):
        case, arrays = self.cases[name], self.arrays(name, dtype)
        gy = dtype(1.75) if case.args.get("reduction") != "none" else np.linspace(1, 2, arrays["x"].size, dtype=dtype)
        gy = np.asarray(gy).reshape(case.x if case.args.get("reduction") == "none" else ())
        expected = getattr(oracle, f"{self.op}_grad_input")(gy, **arrays, **case.args)
        found = getattr(ops, f"{self.op}_grad_input")(gy, **arrays, **case.args)
        tolerance.assert_close(found, expected, "loss")


class TestMse(Forward):
    op, cases = "mse_loss", PLAIN


class TestSmoothL1(Forward):
    op, cases = "smooth_l1_loss", SMOOTH


class TestLogistic(Forward):
    op, cases = "binary_cross_entropy_with_logits", LOGISTIC


def test_logits_of_any_size_give_finite_losses():
    x, target = np.array([1e4, -1e4, 1e4, -1e4], np.float32), np.array([1, 0, 0, 1], np.float32)
    found = ops.binary_cross_entropy_with_logits(x, target, reduction="none")
    np.testing.assert_array_equal(found, [0, 0, 1e4, 1e4])


def test_beta_0_is_the_absolute_error():
    x = np.array([-3.0, 0.5, 2.0])
    tolerance.assert_same(ops.smooth_l1_loss(x, np.zeros(3), "none", 0.0), np.abs(x))
    tolerance.assert_same(ops.smooth_l1_loss_grad_input(np.ones(3), x, np.zeros(3), "none", 0.0), np.sign(x))


@pytest.mark.parametrize("op", ["mse_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"])
def test_nan_reaches_its_own_loss_and_the_mean(op):
    x, target = np.zeros(40, np.float32), np.ones(40, np.float32)
    x[3] = np.nan
    losses = getattr(ops, op)(x, target, reduction="none")
    assert np.flatnonzero(np.isnan(losses)).tolist() == [3] and np.isnan(getattr(ops, op)(x, target))
    gx = getattr(ops, f"{op}_grad_input")(1.0, x, target)
    assert np.flatnonzero(np.isnan(gx)).tolist() == [3]


# ---- negative log-likelihood ----------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(7, 5), (2, 5, 3, 4), (1, 3)])
def test_nll(shape, weighted, reduction, dtype):
    rng = np.random.default_rng(3)
    x = ops.log_softmax(rng.standard_normal(shape).astype(dtype), 1)
    target = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    if target.size > 2:
        target.ravel()[1] = -100
    args = {"weight": rng.uniform(0.5, 2, shape[1]).astype(dtype) if weighted else None, "reduction": reduction}
    y = ops.nll_loss(x, target, **args)
    assert y.dtype == dtype
    tolerance.assert_close(y, oracle.nll_loss(x, target, **args), "loss", x.size)
    gy = np.asarray(rng.standard_normal(y.shape), dtype)
    expected = oracle.nll_loss_grad_input(gy, x, target, **args)
    tolerance.assert_close(ops.nll_loss_grad_input(gy, x, target, **args), expected, "loss")
    together = ops.cross_entropy(x, target, **args)  # x is its own log_softmax
    tolerance.assert_close(together, oracle.nll_loss(x, target, **args), "loss", x.size)


def test_nll_of_one_sample_and_of_none():
    x = np.log(np.array([0.25, 0.5, 0.25]))
    tolerance.assert_close(ops.nll_loss(x, 1), np.array(np.log(2.0)), "loss")
    assert ops.nll_loss_grad_input(1.0, x, 1).shape == (3,)
    assert np.isnan(ops.nll_loss(np.zeros((0, 3)), np.zeros(0, int)))
    for loss in ("nll_loss", "cross_entropy"):
        x, target = np.zeros((0, 3, 4, 5)), np.zeros((0, 4, 5), int)
        y = getattr(ops, loss)(x, target, reduction="none")
        assert y.shape == (0, 4, 5)
        assert getattr(ops, f"{loss}_grad_input")(y, x, target, reduction="none").shape == x.shape
    assert ops.nll_loss(np.zeros((2, 3)), [-100, -100], reduction="sum") == 0


def test_against_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    x, t, w, p = (rng.uniform(0, 1, shape) for shape in ((6, 5), (6, 5), (6, 1), (5,)))
    labels = np.array([0, 4, 2, 1, 3, 3])
    theirs, tensor = torch.nn.functional, torch.tensor
    for reduction in ("mean", "sum", "none"):
        pairs = [
            (ops.mse_loss(x, t, reduction), theirs.mse_loss(tensor(x), tensor(t), reduction=reduction)),
            (
                ops.smooth_l1_loss(x, t, reduction, 0.4),
                theirs.smooth_l1_loss(tensor(x), tensor(t), reduction=reduction, beta=0.4),
            ),
            (
                ops.binary_cross_entropy_with_logits(x, t, w, reduction, p),
                theirs.binary_cross_entropy_with_logits(
                    tensor(x), tensor(t), tensor(w), reduction=reduction, pos_weight=tensor(p)
                ),
            ),
            (
                ops.nll_loss(x, labels, p, reduction=reduction),
                theirs.nll_loss(tensor(x), tensor(labels), tensor(p), reduction=reduction),
            ),
        ]
        for ours, expected in pairs:
            tolerance.assert_close(ours, expected.numpy(), "loss", x.size)


X = np.zeros((3, 4), np.float32)


@pytest.mark.parametrize(
    "op, args, options, words",
    [
        ("mse_loss", (X, X[:2]), {}, ["target", "(2, 4)", "(3, 4)"]),
        ("mse_loss", (X, X.astype(np.float64)), {}, ["float64", "float32"]),
        ("mse_loss", (X, X), {"reduction": "median"}, ["reduction", "median"]),
        ("smooth_l1_loss", (X, X), {"beta": -1}, ["beta", -1]),
        ("binary_cross_entropy_with_logits", (X, X, np.ones(3, np.float32)), {}, ["weight", "(3,)", "(3, 4)"]),
        ("binary_cross_entropy_with_logits", (X, X), {"pos_weight": np.ones(4)}, ["pos_weight", "float64"]),
        ("nll_loss", (X, [0, 4, 1]), {}, ["target", 4]),
        ("nll_loss", (X, [0.0, 1.0, 1.0]), {}, ["target", "float64"]),
        ("nll_loss", (X, [0, 1]), {}, ["target", "(2,)", "(3,)"]),
        ("nll_loss", (X, [0, 1, 1], np.ones(3, np.float32)), {}, ["weight", "(3,)"]),
    ],
)
def test_bad_arguments_are_named(op, args, options, words):
    with rejects(op, *words):
        getattr(ops, op)(*args, **options)
    with rejects(f"{op}_grad_input", *words):
        getattr(ops, f"{op}_grad_input")(np.float32(1), *args, **options)
    with rejects("mse_loss_grad_input", "gy"):
        ops.mse_loss_grad_input(np.ones(3, np.float32), X, X)
