"""cross_entropy and its gradient."""

import cases
import contract
import gradcheck
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops

PROBES = ("mean", "weighted", "ignored", "everything_none")


def make(case, rng):
    target = rng.integers(0, case.x[1], case.x[0])
    target[: case.ignored] = case.args.get("ignore_index", -100)
    weight = {"weight": rng.uniform(0.5, 2, case.x[1])} if case.weighted else {}
    return {"x": 3 * rng.standard_normal(case.x), "target": target, **weight}


class LossContract(contract.Contract):
    cases, bulk, family, probes = cases.LOSS, cases.LOSS_BULK, "loss", PROBES
    ranks = (("weight", 1),)
    batch = ("x", "target")

    def length(self, case):
        return case.x[0] * case.x[1]


class TestCrossEntropy(contract.Differentiable, LossContract):
    op = "cross_entropy"

    def inputs(self, case, rng):
        return make(case, rng)

    def call(self, case, a):
        return ops.cross_entropy(a["x"], a["target"], a.get("weight"), **case.args)

    def expected(self, case, a):
        return naive.cross_entropy(a["x"], a["target"], a.get("weight"), **case.args)

    def gradients(self, case, a, gy, y):
        return {"x": ops.cross_entropy_grad_input(gy, a["x"], a["target"], a.get("weight"), **case.args)}


class TestCrossEntropyGradInput(LossContract):
    op = "cross_entropy_grad_input"

    def inputs(self, case, rng):
        gy = {"gy": rng.standard_normal(case.x[0])} if case.args.get("reduction") == "none" else {}
        return gy | make(case, rng)

    def call(self, case, a):
        gy = self.fit(a)
        return ops.cross_entropy_grad_input(gy, a["x"], a["target"], a.get("weight"), **case.args)

    def expected(self, case, a):
        return naive.cross_entropy_grad_input(self.fit(a), a["x"], a["target"], a.get("weight"), **case.args)

    @staticmethod
    def fit(a):
        """One number, or one per sample; these follow the batch when a test makes that empty."""
        return a["gy"][: len(a["target"])] if "gy" in a else 1.75


X, TARGET = np.zeros((3, 4), np.float32), np.array([0, 3, 1])


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8])
def test_targets_are_any_integers(kind):
    rng = np.random.default_rng(9)
    x = rng.standard_normal((3, 4)).astype(np.float32)
    expected = naive.cross_entropy(x, TARGET)
    tolerance.assert_close(ops.cross_entropy(x, TARGET.astype(kind)), expected, "loss", x.size)
    tolerance.assert_close(ops.cross_entropy(x, TARGET.tolist()), expected, "loss", x.size)


def test_targets_in_any_memory_order():
    x = np.random.default_rng(9).standard_normal((3, 4)).astype(np.float32)
    expected = naive.cross_entropy(x, TARGET)
    for target in (np.repeat(TARGET, 2)[::2], TARGET.astype(">i8"), TARGET[::-1].copy()[::-1]):
        tolerance.assert_close(ops.cross_entropy(x, target), expected, "loss", x.size)


def test_means_over_nothing_are_nan_and_sums_zero_as_in_pytorch():
    none = np.full(3, -100)
    assert np.isnan(ops.cross_entropy(X, none)) and ops.cross_entropy(X, none, reduction="sum") == 0
    assert (ops.cross_entropy(X, none, reduction="none") == 0).all()
    assert np.isnan(ops.cross_entropy(X[:0], TARGET[:0])) and ops.cross_entropy(X[:0], TARGET[:0], reduction="sum") == 0


def test_a_confident_mistake_is_large_but_finite():
    x = np.array([[1000.0, 0.0], [-1000.0, 0.0]], np.float32)
    tolerance.assert_close(
        ops.cross_entropy(x, [1, 0], reduction="none"),
        naive.cross_entropy(x, [1, 0], reduction="none"),
        "loss",
    )


def test_nan_reaches_the_loss_of_its_sample_only():
    x = X.copy()
    x[1, 2] = np.nan
    loss = ops.cross_entropy(x, TARGET, reduction="none")
    assert np.isnan(loss).tolist() == [False, True, False]
    assert np.isnan(ops.cross_entropy(x, TARGET))


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"target": np.array([0, 4, 1])}, ["target", 4]),
        ({"target": np.array([0, -1, 1])}, ["target", -1]),
        ({"target": np.array([0, 2**40, 1])}, ["target", 2**40]),
        ({"target": np.array([0.0, 1.0, 2.0])}, ["target", "(3,)"]),
        ({"target": np.array([0, 1])}, ["target", 2, 3]),
        ({"target": np.array([[0], [1], [2]])}, ["target"]),
        ({"target": None}, ["target"]),
        ({"weight": np.ones(5, np.float32)}, ["weight", 5, 4]),
        ({"reduction": "median"}, ["reduction", "median"]),
        ({"label_smoothing": 1.5}, ["label_smoothing", 1.5]),
        ({"label_smoothing": -0.1}, ["label_smoothing", -0.1]),
        ({"label_smoothing": float("nan")}, ["label_smoothing", "nan"]),
        ({"ignore_index": 1.5}, ["ignore_index", 1.5]),
        ({"x": np.float32(1)}, ["x"]),
    ],
    ids=lambda v: str(v)[:40] if isinstance(v, list) else None,
)
def test_bad_arguments_are_refused(bad, words):
    with rejects("cross_entropy", *words):
        ops.cross_entropy(**({"x": X, "target": TARGET} | bad))
    with rejects("cross_entropy_grad_input", *words):
        ops.cross_entropy_grad_input(**({"gy": np.float32(1), "x": X, "target": TARGET} | bad))


def test_gradient_refuses_a_gy_of_another_shape():
    with rejects("cross_entropy_grad_input", "gy"):
        ops.cross_entropy_grad_input(np.ones(3, np.float32), X, TARGET)
    with rejects("cross_entropy_grad_input", "gy"):
        ops.cross_entropy_grad_input(np.ones(2, np.float32), X, TARGET, reduction="none")
    for gy in (1j, "1", None):
        with rejects("cross_entropy_grad_input", "gy"):
            ops.cross_entropy_grad_input(gy, X, TARGET)


# ---- targets given as probabilities ---------------------------------------------------------------------
@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_probabilities_as_targets(dtype, reduction, smoothing, weighted):
    rng = np.random.default_rng(11)
    x, q = (
        rng.standard_normal((7, 19)).astype(dtype),
        naive.softmax(rng.standard_normal((7, 19))).astype(dtype),
    )
    weight = rng.uniform(0.5, 2, 19).astype(dtype) if weighted else None
    args = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
    expected = naive.soft_cross_entropy(x, q, **args)
    tolerance.assert_close(ops.cross_entropy(x, q, **args), expected, "loss", x.size)
    if dtype is np.float64:
        gradcheck.assert_gradients(
            lambda a: ops.cross_entropy(a["x"], q, **args),
            {"x": x},
            lambda a, gy, y: {"x": ops.cross_entropy_grad_input(gy, a["x"], q, **args)},
        )


def test_images_have_a_target_per_pixel():
    rng = np.random.default_rng(12)
    x, target = rng.standard_normal((2, 5, 3, 4)), rng.integers(0, 5, (2, 3, 4))
    target[0, 0, 1] = -100
    for reduction in ("mean", "sum", "none"):
        expected = naive.cross_entropy(x, target, reduction=reduction)
        tolerance.assert_close(ops.cross_entropy(x, target, reduction=reduction), expected, "loss", x.size)
    gx = ops.cross_entropy_grad_input(1.0, x, target)
    tolerance.assert_close(gx, naive.cross_entropy_grad_input(1.0, x, target), "loss", x.size)
