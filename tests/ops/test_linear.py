"""linear, packed linear, matmul and the gradients: the contract, shapes, fused activation, bad input."""

import math

import cases
import contract
import naive
import numpy as np
import pytest
import tolerance
from contract import rejects

from fastnn import ops

PROBES = ("lanes_plus_1", "sequence", "tile_edge_plus_1", "prime_everything")
MATMUL = {name: case for name, case in cases.LINEAR.items() if len(case.x) == 2}


class LinearContract(contract.Contract):
    cases, bulk, family, probes = cases.LINEAR, cases.LINEAR_BULK, "linear", PROBES
    ranks = (("weight", 2),)

    def length(self, case):
        return case.weight[1] + 1


class Forward(contract.Out, LinearContract):
    ranks = (("weight", 2), ("bias", 1))

    def inputs(self, case, rng):
        shapes = {"x": case.x, "weight": case.weight} | ({"bias": case.weight[:1]} if case.bias else {})
        return {name: rng.standard_normal(shape) for name, shape in shapes.items()}

    def expected(self, case, a):
        return naive.linear(a["x"], a["weight"], a.get("bias"))


class TestLinear(contract.Differentiable, Forward):
    op = "linear"

    def call(self, case, a, **extra):
        return ops.linear(a["x"], a["weight"], a.get("bias"), **extra)

    def gradients(self, case, a, gy, y):
        gradients = {
            "x": ops.linear_grad_input(gy, a["weight"]),
            "weight": ops.linear_grad_weight(gy, a["x"]),
        }
        return gradients | ({"bias": ops.linear_grad_bias(gy)} if case.bias else {})


class TestPackedLinear(Forward):
    op, copied = ("pack_linear", "packed linear"), ("weight", "bias")

    def call(self, case, a, **extra):
        return ops.pack_linear(a["weight"], a.get("bias"))(a["x"], **extra)


class TestLinearGradInput(LinearContract):
    op, batch = "linear_grad_input", ("gy",)

    def inputs(self, case, rng):
        return {
            "gy": rng.standard_normal((*case.x[:-1], case.weight[0])),
            "weight": rng.standard_normal(case.weight),
        }

    def call(self, case, a):
        return ops.linear_grad_input(a["gy"], a["weight"])

    def expected(self, case, a):
        return naive.linear_grad_input(a["gy"], a["weight"])

    def length(self, case):
        return case.weight[0]


class TestLinearGradWeight(LinearContract):
    op, batch, ranks = "linear_grad_weight", ("gy", "x"), ()

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal((*case.x[:-1], case.weight[0])), "x": rng.standard_normal(case.x)}

    def call(self, case, a):
        return ops.linear_grad_weight(a["gy"], a["x"])

    def expected(self, case, a):
        return naive.linear_grad_weight(a["gy"], a["x"])

    def length(self, case):
        return math.prod(case.x[:-1])


class TestLinearGradBias(LinearContract):
    op, batch, ranks = "linear_grad_bias", ("gy",), ()

    def inputs(self, case, rng):
        return {"gy": rng.standard_normal((*case.x[:-1], case.weight[0]))}

    def call(self, case, a):
        return ops.linear_grad_bias(a["gy"])

    def expected(self, case, a):
        return naive.linear_grad_bias(a["gy"])

    def length(self, case):
        return math.prod(case.x[:-1])


class TestMatmul(contract.Differentiable):
    op, family, batch, ranks = "matmul", "linear", ("a",), ()
    cases, bulk = MATMUL, cases.LINEAR_BULK
    probes = ("lanes_plus_1", "tile_edge_plus_1", "prime_everything")

    def inputs(self, case, rng):
        return {"a": rng.standard_normal(case.x), "b": rng.standard_normal(case.weight[::-1])}

    def call(self, case, a):
        return ops.matmul(a["a"], a["b"])

    def expected(self, case, a):
        return naive.matmul(a["a"], a["b"])

    def length(self, case):
        return case.weight[1]

    def gradients(self, case, a, gy, y):
        return {"a": ops.matmul(gy, a["b"].T), "b": ops.matmul(a["a"].T, gy)}


@pytest.mark.parametrize("dtype", contract.DTYPES)
@pytest.mark.parametrize("kind", ["relu", "relu6", ("clip", -0.5, 1.5), ("leaky_relu", 0.2), "silu", "tanh"], ids=str)
@pytest.mark.parametrize("name", ["row", "lanes_plus_1", "many_rows"])
def test_activation_is_fused(name, kind, dtype):
    case, rng = cases.LINEAR[name], np.random.default_rng(4)
    shapes = {"x": case.x, "weight": case.weight, "bias": case.weight[:1]}
    a = {k: rng.standard_normal(shape).astype(dtype) for k, shape in shapes.items()}
    expected = naive.activation(naive.linear(**a), kind)
    tolerance.assert_close(ops.linear(**a, activation=kind), expected, "activation", case.weight[1])
    packed = ops.pack_linear(a["weight"], a["bias"], activation=kind)
    tolerance.assert_close(packed(a["x"]), expected, "activation", case.weight[1])


@pytest.mark.parametrize("rows, width, outputs", [(0, 5, 3), (4, 0, 3), (4, 5, 0), (0, 0, 0)])
def test_zero_sizes_behave_as_in_pytorch(rows, width, outputs):
    """No inputs: the sum is empty and the bias remains.  No rows or no outputs: an empty result."""
    x, weight, bias = np.ones((rows, width)), np.ones((outputs, width)), np.arange(1.0, outputs + 1)
    tolerance.assert_same(ops.linear(x, weight, bias), naive.linear(x, weight, bias))
    gy = np.ones((rows, outputs))
    tolerance.assert_same(ops.linear_grad_input(gy, weight), naive.linear_grad_input(gy, weight))
    tolerance.assert_same(ops.linear_grad_weight(gy, x), naive.linear_grad_weight(gy, x))
    tolerance.assert_same(ops.linear_grad_bias(gy), naive.linear_grad_bias(gy))


def test_nan_stays_in_its_row():
    x, weight = np.ones((19, 21), np.float32), np.ones((35, 21), np.float32)
    x[7, 20] = np.nan
    tolerance.assert_close(ops.linear(x, weight), naive.linear(x, weight), "linear", 21)


def test_a_number_times_a_matrix_of_another_order():
    """gy and x given transposed, as autograd does: the result must not depend on memory order."""
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((18, 5)), rng.standard_normal((33, 5))
    tolerance.assert_close(ops.matmul(a, b.T), naive.matmul(a, b.T), "linear", 5)
    tolerance.assert_close(ops.matmul(np.asfortranarray(a), b.T), naive.matmul(a, b.T), "linear", 5)


X, WEIGHT = np.ones((4, 6), np.float32), np.ones((5, 6), np.float32)
TOO_WIDE = np.empty((2**40, 0), np.float32)  # no elements, but as x and as weight it asks for 2^80 results


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"weight": np.ones((5, 7), np.float32)}, ["weight", 7, 6]),
        ({"bias": np.ones(6, np.float32)}, ["bias", 6, 5]),
        ({"x": np.float32(1)}, ["x", "()"]),
        ({"x": None}, ["x"]),
        ({"x": "rows"}, ["x"]),
        ({"activation": "swish"}, ["activation", "swish"]),
        ({"x": TOO_WIDE, "weight": TOO_WIDE, "bias": None}, [2**40]),
    ],
    ids=lambda v: str(v)[:40] if isinstance(v, list) else None,
)
def test_bad_arguments_are_refused_before_anything_is_written(bad, words):
    good = {"x": X, "weight": WEIGHT, "bias": np.ones(5, np.float32)}
    out = np.full((4, 5), 7, np.float32)
    with rejects("linear", *words):
        ops.linear(**(good | {"out": out} | bad))
    assert (out == 7).all()
    with rejects("linear", *words):
        ops.linear(**(good | bad))


def test_gradients_and_matmul_refuse_shapes_that_do_not_fit():
    with rejects("linear_grad_input", 4, 5):
        ops.linear_grad_input(np.ones((3, 4), np.float32), WEIGHT)
    with rejects("linear_grad_weight", 3, 4):
        ops.linear_grad_weight(np.ones((3, 5), np.float32), X)
    with rejects("matmul", 6, 5):
        ops.matmul(X, WEIGHT)
    with rejects("matmul", 2**40):
        ops.matmul(TOO_WIDE, TOO_WIDE.T)
    with rejects("matmul"):
        ops.matmul(np.float32(1), WEIGHT)
    with rejects("linear_grad_input", 2**40):
        ops.linear_grad_input(TOO_WIDE, TOO_WIDE.T)
    with rejects("linear_grad_weight", 2**40):
        ops.linear_grad_weight(TOO_WIDE.T, TOO_WIDE.T)


def test_packed_linear_refuses_what_it_was_not_packed_for():
    packed = ops.pack_linear(WEIGHT)
    with rejects("packed linear", 7, 6):
        packed(np.ones((4, 7), np.float32))
    with rejects("packed linear", "float64", "float32"):
        packed(np.ones((4, 6)))
